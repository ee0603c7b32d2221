"""onnxruntime-genai with a folder that its own builder wrote."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnxruntime_genai as og
from child import serve


class GenaiModel:
    """The model in `folder` on `threads` threads. Its own threads rest soon after the last token."""

    packages = ("onnxruntime-genai",)
    weight_bytes = None

    def __init__(self, folder: str, threads: int) -> None:
        config = og.Config(folder)
        options = {"intra_op_num_threads": threads, "inter_op_num_threads": 1}
        config.overlay(f'{{"model": {{"decoder": {{"session_options": {str(options).replace(chr(39), chr(34))}}}}}}}')
        self._model = og.Model(config)

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily; a minimum length keeps it from stopping at an end of text."""
        generator = self._generator(len(ids) + new)
        generator.append_tokens(np.asarray(ids, np.int32))
        for _ in range(new):
            generator.generate_next_token()
            yield int(generator.get_next_tokens()[0])

    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position, float32 [T, V]."""
        generator = self._generator(len(ids) + 1)
        generator.append_tokens(np.asarray(ids, np.int32))
        return np.asarray(generator.get_output("logits"))[0]

    def _generator(self, length: int) -> og.Generator:
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=length, min_length=length, do_sample=False)
        return og.Generator(self._model, params)


if __name__ == "__main__":
    serve(GenaiModel)
