"""An open encoder-decoder of TensorRT: an engine reads the prompt once, another writes the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.runtimes.base import Floats, Ids, OpenRequest
from engine.runtimes.tensorrt.cache import Cache
from engine.runtimes.tensorrt.limits import PIECE, cache_names
from engine.runtimes.tensorrt.loaded import TensorRTSession, buffers, floats, on_gpu
from engine.runtimes.tensorrt.seal import ANSWER_PLAN, PROMPT_PLAN
from engine.runtimes.text2text import Text2TextSession

SEVERAL, ONE = 0, 1  # profiles of the answer's engine; the prompt's has one, 0


class TensorRTText2TextSession(Text2TextSession, TensorRTSession):
    """Keys and values of the prompt lie where one engine writes and the other reads them; the answer's have a cache."""

    plans = (PROMPT_PLAN, ANSWER_PLAN)

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self.set_up_answers(request.folder)
        sizes = self._settings
        count = sizes["batch"] * sizes["heads"] * sizes["longest"] * sizes["width"]
        self._cross = buffers(cache_names("cross", sizes["layers"]), count, sizes["cache"])
        self._cache: Any = Cache(sizes)
        self._prompt: Any = {}  # the prompt's mask, keys and values, as the answer's engine takes them

    def close(self) -> None:
        """Free the engines, the prompt and the answer."""
        self._cross, self._prompt, self._cache = {}, {}, None
        super().close()

    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        rows, length = ids.shape
        self._require(rows, length)
        real = on_gpu(np.ones_like(ids) if mask is None else np.asarray(mask, np.int64))
        self._engines[PROMPT_PLAN].run(0, {"input_ids": on_gpu(ids), "attention_mask": real}, self._cross)
        shape = (rows, self._settings["heads"], length, self._settings["width"])
        self._prompt = {"attention_mask": real} | {name: (shape, buffer) for name, buffer in self._cross.items()}
        self._cache.start(rows)

    def _append(self, ids: Ids) -> Floats:
        self._require(len(ids), self._cache.length + ids.shape[1])
        done, found = 0, []
        while done < ids.shape[1]:
            # past the last whole piece the engine reads tokens one by one
            whole = self._cache.length + PIECE <= self._settings["positions"]
            piece = ids[:, done : done + (PIECE if whole else 1)]
            new = piece.shape[1]
            self._cache.lay(self._cache.length)
            inputs = {"input_ids": on_gpu(piece), **self._prompt, **self._cache.inputs()}
            made = self._engines[ANSWER_PLAN].run(ONE if new == 1 else SEVERAL, inputs, self._cache.outputs())
            self._cache.grow(new)
            found.append(floats(made["logits"]))
            done += new
        return np.concatenate(found, axis=1)

    def _forget(self, count: int) -> None:
        self._cache.cut(count)
