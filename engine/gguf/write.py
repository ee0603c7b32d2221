"""Write a checkpoint as one GGUF file, a tensor at a time, and read it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import model_config
from engine.checkpoint.reader import Reader
from engine.gguf.architectures import ARCHITECTURES, config_refusal, refusal
from engine.gguf.blocks import blocks_of, float_bytes
from engine.gguf.metadata import ROPE_FREQS, add_metadata, context_of, rope_factors
from engine.gguf.plan import Entry, bytes_by_type, plan
from engine.gguf.vocabulary import read_vocabulary
from engine.passes.base import StepContext
from engine.protocol.errors import UserError

# Scales and minimums in float16 and, where a head's weights are stored in bfloat16, their rounding there.
_TOLERANCE = 2.0**-8
_QUANTIZATION_VERSION = 2  # GGML_QNT_VERSION, of the block layouts
_FILE_TYPES = {
    "F32": gguf.LlamaFileType.ALL_F32, "F16": gguf.LlamaFileType.MOSTLY_F16, "BF16": gguf.LlamaFileType.MOSTLY_BF16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0, "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "Q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        bytes_by_type: bytes of weights of each ggml type.
        tensors: how many.
        largest_difference: between the file's numbers and the dequantised twin's, over the largest number of the same
            tensor; the worst tensor's. 0 where every number is the same.
        exact: tensors whose every number is the same.
        context: the longest text in tokens that llama.cpp computes as Transformers does.
    """

    bytes_by_type: dict[str, int]
    tensors: int
    largest_difference: float
    exact: int
    context: int

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights."""
        return sum(self.bytes_by_type.values())


def write_gguf(source: Path, path: Path, context: StepContext, *, name: str = "") -> Written:
    """Write checkpoint `source` as `path`, called `name` in it.

    Integers stay the grid's own wherever ggml has a block for them; what is written otherwise is told by
    `context.notice`. Raises UserError where llama.cpp does not know the model or its tokenizer, RuntimeError where
    the file does not hold the twin's numbers, Cancelled, OSError when the disk refuses.
    """
    reader = Reader(source)
    info = inspect(source)
    why = refusal(info)
    config: dict[str, Any] = {} if why else model_config(reader).to_dict()
    why = why or config_refusal(config, info.architecture)
    if why:
        raise UserError(why, "Choose another format or runtime for this model.", code="unsupported_architecture")
    architecture = ARCHITECTURES[info.architecture]
    entries, notices = plan(reader, config, architecture)
    rows = next(entry.shape[0] for entry in entries if entry.name == "token_embd.weight")
    vocabulary = read_vocabulary(source, rows)
    longest = context_of(config)
    window = () if longest == context_of({**config, "sliding_window": None}) else (
        f"llama.cpp knows no sliding window here: it answers as the original does up to {longest} tokens.",
    )  # fmt: skip
    for text in (*notices, *vocabulary.notices, *window):
        context.notice(text)
    writer = gguf.GGUFWriter(path, architecture.name)
    try:
        writer.add_type("model")
        writer.add_name(name)
        if info.licence:
            writer.add_license(info.licence)
        table = bytes_by_type(entries)
        writer.add_file_type(int(_FILE_TYPES[max(table, key=lambda kind: table[kind])]))
        if any(entry.kind for entry in entries):
            writer.add_quantization_version(_QUANTIZATION_VERSION)
        add_metadata(writer, {**config, "vocab_size": rows}, architecture)
        vocabulary.add_to(writer)
        _add_tensors(writer, reader, entries, config, context)
    finally:
        writer.close()
    difference, exact = verify(path, reader, entries, context)
    if difference:
        context.notice(
            "ggml keeps scales and offsets in half precision: "
            f"weights differ from the run's by at most {difference:.3%} of a layer's largest."
        )
    reader.release()
    return Written(table, len(entries), difference, exact, longest)


def _add_tensors(
    writer: gguf.GGUFWriter, reader: Reader, entries: list[Entry], config: dict[str, Any], context: StepContext
) -> None:
    factors = rope_factors(config)
    if factors is not None:
        writer.add_tensor_info(ROPE_FREQS, tuple(factors.shape), np.dtype(np.float32), 4 * len(factors))
    for entry in entries:
        shape = entry.shape
        dtype: Any = np.dtype(np.float32 if entry.dtype == torch.float32 else np.float16)
        if entry.kind or entry.dtype == torch.bfloat16:
            dtype = np.dtype(np.uint8)
            shape = gguf.quant_shape_to_byte_shape(shape, entry.type)
        writer.add_tensor_info(entry.name, shape, dtype, entry.bytes, entry.type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if factors is not None:
        writer.write_tensor_data(factors.numpy())
    for index, entry in enumerate(entries):
        context.step(index, len(entries), entry.source)
        writer.write_tensor_data(blocks_of(entry.grid(reader), entry.kind) if entry.kind
                                 else float_bytes(entry.floats(reader)))  # fmt: skip


def verify(path: Path, reader: Reader, entries: list[Entry], context: StepContext) -> tuple[float, int]:
    """Read `path` with gguf's own reader and compare with the dequantised twin; the largest difference over the
    largest number of the same tensor, and how many tensors are the same to the bit.

    Raises RuntimeError where they differ by more than rounding.
    """
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    worst, exact = 0.0, 0
    for index, entry in enumerate(entries):
        context.step(index, len(entries), "Reading it back")
        tensor = stored[entry.name]
        found = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(entry.shape)
        expected = entry.floats(reader, torch.float32 if entry.kind else None).float().numpy()
        difference = float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-30))
        if not difference <= _TOLERANCE:
            raise RuntimeError(f"{entry.name} reads back differently: by {difference:.2%} of its largest number")
        worst = max(worst, difference)
        exact += difference == 0.0
    return worst, exact
