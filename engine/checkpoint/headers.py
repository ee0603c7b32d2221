"""Safetensors headers, read directly: a length, a JSON table of names, dtypes, shapes and byte ranges.

Format: https://huggingface.co/docs/safetensors (8-byte little-endian length, JSON, data). No weight is touched.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from engine.checkpoint.info import DTYPE_BITS, TensorHeader
from engine.protocol.errors import UserError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
_HEADER_LIMIT = 100_000_000  # the format's own limit


def read(path: Path) -> list[TensorHeader]:
    """The tensors of one safetensors file, in stored order.

    Raises:
        UserError: code "corrupt_shard": damaged, cut short, or longer than its header says.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_HEADER_LIMIT, size - 8):
                raise ValueError("its header is longer than the file")
            table = json.loads(file.read(length))
        return _tensors(table, path.name, size - 8 - length)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        detail = f": {error}" if type(error) is ValueError else ""
        raise UserError(
            f"The weight file “{path.name}” is damaged{detail}.", "Download or copy that file again.",
            where=str(path), code="corrupt_shard",
        ) from error  # fmt: skip


def _tensors(table: dict[str, Any], file: str, data_bytes: int) -> list[TensorHeader]:
    found, end = [], 0
    for name, entry in table.items():
        if name == "__metadata__":
            continue
        begin, stop = entry["data_offsets"]
        shape = tuple(int(extent) for extent in entry["shape"])
        if entry["dtype"] not in DTYPE_BITS:
            raise ValueError(f"tensor “{name}” has the unknown type {entry['dtype']}")
        if stop - begin != math.prod(shape) * DTYPE_BITS[entry["dtype"]] // 8:
            raise ValueError(f"tensor “{name}” has another size than its shape")
        end = max(end, stop)
        found.append((begin, TensorHeader(name=name, dtype=entry["dtype"], shape=shape, file=file)))
    if end > data_bytes:
        raise ValueError(f"{end - data_bytes} bytes are missing at its end")
    if end < data_bytes:
        raise ValueError(f"{data_bytes - end} bytes too many at its end")
    return [header for _, header in sorted(found, key=lambda item: item[0])]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of `folder`, every one present.

    Raises:
        UserError: "missing_shard" naming the file; "pickle_only"; "corrupt_shard" for a broken index.
    """
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            if any(Path(name).name != name for name in names):
                raise ValueError("it names a file outside of the folder")
            files = [folder / name for name in names]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise UserError(
                f"The index “{INDEX}” is damaged.", "Download or copy that file again.",
                where=str(index), code="corrupt_shard",
            ) from error  # fmt: skip
        for file in files:
            if not file.is_file():
                raise UserError(
                    f"The weight file “{file.name}” is missing.",
                    "Download or copy the checkpoint again; every file that its index names must be there.",
                    where=str(file), code="missing_shard",
                )  # fmt: skip
        return files
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    pickles = pickle_files(folder)
    if pickles:
        raise UserError(
            f"The weights are a pickle (“{pickles[0].name}”), which can run code when opened, so it is not read.",
            "Convert it safely: “hasten import FOLDER --convert-pickle”, or the Convert button.",
            where=str(folder), code="pickle_only",
        )  # fmt: skip
    raise UserError(
        "The folder holds no weights in safetensors format (model.safetensors or its index).",
        "Choose a complete checkpoint folder.", where=str(folder), code="missing_shard",
    )  # fmt: skip


def pickle_files(folder: Path) -> list[Path]:
    """PyTorch's pickled weight files in `folder`."""
    names = [*folder.glob("pytorch_model*.bin"), *folder.glob("model*.pt"), *folder.glob("model*.pth"),
             *folder.glob("consolidated*.pth")]  # fmt: skip
    return sorted(names)
