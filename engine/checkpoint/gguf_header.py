"""The header of a GGUF file: metadata and tensor list, without reading weights (format: ggml docs/gguf.md, v2 and v3).

The `gguf` package's reader makes a Python object of every vocabulary entry, which takes seconds; this one skips them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType

from engine.protocol.errors import UserError

MAGIC = b"GGUF"
_SCALARS = {
    GGUFValueType.UINT8: "B", GGUFValueType.INT8: "b", GGUFValueType.UINT16: "H", GGUFValueType.INT16: "h",
    GGUFValueType.UINT32: "I", GGUFValueType.INT32: "i", GGUFValueType.FLOAT32: "f", GGUFValueType.BOOL: "?",
    GGUFValueType.UINT64: "Q", GGUFValueType.INT64: "q", GGUFValueType.FLOAT64: "d",
}  # fmt: skip
_LONG = 1024  # arrays longer than this (vocabularies, merges) are kept as their length only


@dataclass(frozen=True)
class GgufTensor:
    """Name, ggml type, shape in row-major order (rows first) and size of one tensor."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int
    offset: int


@dataclass(frozen=True)
class GgufHeader:
    """Metadata (long arrays as `Length`) and tensors of a GGUF file."""

    metadata: dict[str, Any]
    tensors: tuple[GgufTensor, ...]

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture ("llama")."""
        return str(self.metadata.get("general.architecture", ""))

    def value(self, key: str, default: Any = None) -> Any:
        """Metadata `key` under the architecture's prefix ("block_count" for "llama.block_count")."""
        return self.metadata.get(f"{self.architecture}.{key}", default)


@dataclass(frozen=True)
class Length:
    """Stands for an array too long to keep."""

    count: int


def read(path: Path) -> GgufHeader:
    """The header of `path`.

    Raises:
        UserError: not a GGUF file, damaged, or shorter than its header says (code "corrupt_shard").
    """
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except (struct.error, ValueError, KeyError, ArithmeticError, MemoryError, RecursionError) as error:
        raise UserError(
            f"The GGUF file “{path.name}” is damaged or cut short.", "Download it again.",
            where=str(path), code="corrupt_shard",
        ) from error  # fmt: skip


def _read(file: BinaryIO, size: int) -> GgufHeader:
    if file.read(4) != MAGIC:
        raise ValueError("magic")
    version, tensor_count, key_count = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise ValueError("version")
    metadata: dict[str, Any] = {}
    for _ in range(key_count):
        key = _string(file)
        metadata[key] = _value(file, GGUFValueType(_scalar(file, "I")))
    listed = []
    for _ in range(tensor_count):
        name = _string(file)
        dimensions = _scalar(file, "I")
        shape = struct.unpack(f"<{dimensions}Q", file.read(8 * dimensions))
        kind = GGMLQuantizationType(_scalar(file, "I"))
        listed.append((name, kind, tuple(reversed(shape)), _scalar(file, "Q")))
    alignment = int(metadata.get("general.alignment", 32))
    begin = -(-file.tell() // alignment) * alignment
    tensors = []
    for name, kind, shape, offset in listed:
        block, block_bytes = GGML_QUANT_SIZES[kind]
        elements = 1
        for extent in shape:
            elements *= extent
        if begin + offset + elements // block * block_bytes > size:
            raise ValueError("cut short")
        tensors.append(GgufTensor(name, kind.name, shape, elements // block * block_bytes, begin + offset))
    return GgufHeader(metadata, tuple(tensors))


def _scalar(file: BinaryIO, code: str) -> Any:
    code = "<" + code
    return struct.unpack(code, file.read(struct.calcsize(code)))[0]


def _string(file: BinaryIO) -> str:
    return _bytes(file, _scalar(file, "Q")).decode("utf-8")


def _bytes(file: BinaryIO, count: int) -> bytes:
    data = file.read(count) if count < 1 << 28 else b""
    if len(data) != count:
        raise ValueError("cut short")
    return data


def _value(file: BinaryIO, kind: GGUFValueType) -> Any:
    if kind == GGUFValueType.STRING:
        return _string(file)
    if kind != GGUFValueType.ARRAY:
        return _scalar(file, _SCALARS[kind])
    item = GGUFValueType(_scalar(file, "I"))
    count = _scalar(file, "Q")
    if item == GGUFValueType.STRING:
        if count <= _LONG:
            return [_string(file) for _ in range(count)]
        for _ in range(count):
            _bytes(file, _scalar(file, "Q"))
        return Length(count)
    if item == GGUFValueType.ARRAY:
        return [_value(file, item) for _ in range(count)]
    code = _SCALARS[item]
    data = _bytes(file, count * struct.calcsize("<" + code))
    return list(struct.unpack(f"<{count}{code}", data)) if count <= _LONG else Length(count)
