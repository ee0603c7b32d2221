"""llama.cpp's C interface as llama-cpp-python declares it, wrapped so that nothing leaks: a model and a context."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.protocol.errors import UserError
from engine.runtimes.base import Floats

BATCH = 512  # tokens that are computed at once
Integers = npt.NDArray[np.integer[Any]]


@cache
def library() -> Any:
    """llama-cpp-python, loaded and silent: what fails is raised here."""
    import llama_cpp

    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)
    llama_cpp.llama_backend_init()
    return llama_cpp


@cache
def has_amx() -> bool:
    """Whether llama.cpp was built with kernels for AMX, and this processor has it."""
    return b"AMX_INT8 = 1" in library().llama_print_system_info()


class Model:
    """A GGUF file, mapped.

    Attributes:
        vocabulary: tokens that it gives logits for.
        longest: the longest text in tokens that it was made for.
    """

    def __init__(self, path: Path, *, amx: bool = False) -> None:
        """`amx`: its kernels for AMX may be used (see `apart`). Raises UserError when it cannot read the file."""
        lib = library()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = 0
        # Plain buffers keep from them, and from the blocks that llama.cpp rearranges for other processors.
        params.use_extra_bufts = amx or not has_amx()
        self.handle = lib.llama_model_load_from_file(str(path).encode(), params)
        if not self.handle:
            raise UserError(
                f"llama.cpp cannot open “{path.name}”.",
                "Run the recipe again; if it stays so, install the llama-cpp-python that Hasten was tested with.",
                where=str(path),
                code="corrupt_shard",
            )
        self.vocabulary = int(lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.handle)))
        self.longest = int(lib.llama_model_n_ctx_train(self.handle))

    def tokenize(self, text: str) -> list[int]:
        """`text` as llama.cpp's own tokenizer cuts it, marks included, special tokens recognised."""
        lib = library()
        data = text.encode()
        ids = (lib.llama_token * (len(data) + 8))()
        vocabulary = lib.llama_model_get_vocab(self.handle)
        count = lib.llama_tokenize(vocabulary, data, len(data), ids, len(ids), True, True)
        return list(ids[:count])

    def close(self) -> None:
        """Unmap it."""
        if self.handle:
            library().llama_model_free(self.handle)
        self.handle = None


class Context:
    """Key-value memory for some sequences of one model, and the buffers around it.

    Attributes:
        rows: sequences.
        capacity: positions that each of them has room for.
    """

    def __init__(self, model: Model, rows: int, positions: int, threads: int, *, cache: int, attention: int) -> None:
        """`cache` is a ggml_type, `attention` a llama_flash_attn_type. Raises UserError when memory runs out."""
        lib = library()
        params = lib.llama_context_default_params()
        params.n_ctx = rows * -(-positions // 256) * 256
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = rows
        params.n_outputs_max_per_seq = 0  # as many as asked for
        params.n_threads = params.n_threads_batch = threads
        params.type_k = params.type_v = cache
        params.flash_attn_type = attention
        params.no_perf = True
        self._vocabulary = model.vocabulary
        self._handle = lib.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise UserError(
                f"llama.cpp cannot make room for {rows} texts of {positions} tokens.",
                "Close other programs, or ask for shorter or fewer texts.",
                code="not_enough_memory",
            )
        self._memory = lib.llama_get_memory(self._handle)
        self.rows, self.capacity = rows, int(lib.llama_n_ctx_seq(self._handle))
        self._tokens, self._positions = np.zeros(BATCH, np.int32), np.zeros(BATCH, np.int32)
        self._owners, self._wanted = np.zeros(BATCH, np.int32), np.zeros(BATCH, np.int8)
        self._counts = np.ones(BATCH, np.int32)
        # llama.cpp takes a list of sequences for each token: pointers into one array of single owners
        self._lists = self._owners.ctypes.data + 4 * np.arange(BATCH, dtype=np.uintp)
        self._batch = self._described()

    def decode(self, tokens: Integers, positions: Integers, owners: Integers, wanted: npt.NDArray[np.bool_]) -> Floats:
        """Compute `tokens` [N] at `positions` of sequences `owners`; the logits of those `wanted`, [n, V].

        N is at most BATCH. Raises RuntimeError when llama.cpp fails.
        """
        count = len(tokens)
        self._tokens[:count], self._positions[:count] = tokens, positions
        self._owners[:count], self._wanted[:count] = owners, wanted
        self._batch.n_tokens = count
        lib = library()
        status = lib.llama_decode(self._handle, self._batch)
        if status:
            raise RuntimeError(f"llama.cpp failed to compute {count} tokens (status {status})")
        outputs = int(wanted.sum())
        if not outputs:
            return np.empty((0, self._vocabulary), np.float32)
        pointer = lib.llama_get_logits(self._handle)
        memory = (ctypes.c_float * (outputs * self._vocabulary)).from_address(ctypes.addressof(pointer.contents))
        found: Floats = np.frombuffer(memoryview(memory), np.float32).reshape(outputs, -1).copy()
        return found

    def forget(self, row: int, first: int) -> None:
        """Drop positions `first` and later of sequence `row`. Raises RuntimeError where the model cannot."""
        if not library().llama_memory_seq_rm(self._memory, row, first, -1):
            raise RuntimeError("llama.cpp cannot take back tokens of this model")

    def clear(self) -> None:
        """Drop every sequence."""
        library().llama_memory_clear(self._memory, False)

    def move_to(self, other: Context) -> None:
        """Copy every sequence into the empty context `other`."""
        lib = library()
        for row in range(self.rows):
            size = lib.llama_state_seq_get_size(self._handle, row)
            buffer = (ctypes.c_uint8 * size)()
            lib.llama_state_seq_get_data(self._handle, buffer, size, row)
            if not lib.llama_state_seq_set_data(other._handle, buffer, size, row):
                raise RuntimeError("llama.cpp cannot move a text into a larger memory")

    def close(self) -> None:
        """Free the memory."""
        if self._handle:
            library().llama_free(self._handle)
        self._handle = None

    def _described(self) -> Any:
        """The buffers as llama.cpp's struct. It points into this object's arrays."""
        lib = library()
        batch = lib.llama_batch()
        fields = (
            ("token", self._tokens), ("pos", self._positions), ("n_seq_id", self._counts),
            ("seq_id", self._lists), ("logits", self._wanted),
        )  # fmt: skip
        kinds = dict(lib.llama_batch._fields_)
        for name, array in fields:
            setattr(batch, name, ctypes.cast(array.ctypes.data, kinds[name]))
        return batch


def quantise(source: Path, destination: Path, kind: int, threads: int) -> None:
    """Write GGUF file `source`, of floats, as `destination` by llama.cpp's own quantiser.

    `kind` is a llama_ftype. Raises RuntimeError when llama.cpp fails.
    """
    lib = library()
    params = lib.llama_model_quantize_default_params()
    params.ftype, params.nthread = kind, threads
    if lib.llama_model_quantize(str(source).encode(), str(destination).encode(), ctypes.byref(params)):
        raise RuntimeError("llama.cpp cannot quantise this model")
