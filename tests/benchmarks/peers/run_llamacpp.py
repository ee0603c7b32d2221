"""llama.cpp through the C functions of llama-cpp-python, so that as little Python as possible stands in its way."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import llama_cpp
import numpy as np
from child import serve


class LlamaModel:
    """The GGUF file `file` with a context of `room` positions."""

    packages = ("llama-cpp-python",)
    weight_bytes = None

    def __init__(self, file: str, threads: int, room: int) -> None:
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(file.encode(), llama_cpp.llama_model_default_params())
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = room
        params.n_threads = params.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._model or not self._context:
            raise RuntimeError(f"llama.cpp cannot open {file}")
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily."""
        self._forget()
        prompt = (llama_cpp.llama_token * len(ids))(*ids)  # the batch only points to it
        self._decode(llama_cpp.llama_batch_get_one(prompt, len(ids)))
        one = (llama_cpp.llama_token * 1)()
        for index in range(new):
            logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._context, -1), (self._vocabulary,))
            one[0] = int(logits.argmax())
            yield one[0]
            if index < new - 1:
                self._decode(llama_cpp.llama_batch_get_one(one, 1))

    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position, float32 [T, V]."""
        self._forget()
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            batch.token[place], batch.pos[place], batch.logits[place] = token, place, 1
            batch.n_seq_id[place], batch.seq_id[place][0] = 1, 0
        self._decode(batch)
        pointer = ctypes.cast(llama_cpp.llama_get_logits(self._context), ctypes.POINTER(ctypes.c_float))
        logits = np.ctypeslib.as_array(pointer, (len(ids), self._vocabulary)).copy()
        llama_cpp.llama_batch_free(batch)
        return logits

    def _forget(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def _decode(self, batch: llama_cpp.llama_batch) -> None:
        status = llama_cpp.llama_decode(self._context, batch)
        if status:
            raise RuntimeError(f"llama_decode answered {status}")


if __name__ == "__main__":
    serve(LlamaModel)
