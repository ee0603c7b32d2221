"""Read a checkpoint folder's tensors one at a time, straight from the mapped files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.checkpoint.headers import weight_files
from engine.checkpoint.info import GridScheme, TensorHeader
from engine.checkpoint.limits import MAPPED_BYTES
from engine.checkpoint.structure import flat
from engine.grid.scheme import grids_of
from engine.protocol.errors import UserError


class Reader:
    """The tensors of a checkpoint folder. Files are mapped, so nothing is read before it is asked for.

    What was read counts as this process's memory while its file is mapped. So files are unmapped every MAPPED_BYTES;
    a tensor that somebody still holds keeps its own mapping.

    Attributes:
        folder: the checkpoint.
        config: config.json, as Hasten uses it (engine.checkpoint.structure).
        shards: each weight file's tensor names, in stored order.
    """

    def __init__(self, folder: Path) -> None:
        """Raises UserError if configuration or shards are missing or damaged."""
        self.folder = folder
        self.config: dict[str, Any] = flat(_json(folder / "config.json"), str(folder / "config.json"))
        self._files: dict[str, Any] = {}
        self._read = 0  # bytes since files were unmapped
        self.shards: dict[str, tuple[str, ...]] = {}
        for path in weight_files(folder):
            self.shards[path.name] = tuple(self._open(path.name).keys())
        self._file = {name: file for file, names in self.shards.items() for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        """Every tensor's name, in stored order."""
        return tuple(self._file)

    def __contains__(self, name: object) -> bool:
        return name in self._file

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    @cached_property
    def grids(self) -> tuple[GridScheme, ...]:
        """The integer grids that modules lie on."""
        return grids_of(self.config, self._file)

    def header(self, name: str) -> TensorHeader:
        """Dtype, shape and file of tensor `name`. Raises KeyError."""
        file = self._file[name]
        part = self._open(file).get_slice(name)
        return TensorHeader(name=name, dtype=part.get_dtype(), shape=tuple(part.get_shape()), file=file)

    def headers(self) -> tuple[TensorHeader, ...]:
        """All headers, in stored order."""
        return tuple(self.header(name) for name in self._file)

    def tensor(self, name: str) -> Tensor:
        """Tensor `name` in its stored dtype and shape. Raises KeyError, and UserError if it cannot be read."""
        file = self._file[name]
        if self._read > MAPPED_BYTES:
            self.release()
        try:
            tensor: Tensor = self._open(file).get_tensor(name)
        except SafetensorError as error:
            raise _corrupt(self.folder / file, error) from error
        self._read += tensor.nbytes
        return tensor

    def release(self) -> None:
        """Unmap the files, giving back what the system counts as this process's memory. Reading maps them again."""
        self._files.clear()
        self._read = 0

    def _open(self, file: str) -> Any:
        if file not in self._files:
            path = self.folder / file
            try:
                self._files[file] = safe_open(path, framework="pt")
            except (SafetensorError, OSError) as error:
                raise _corrupt(path, error) from error
        return self._files[file]


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("not an object")
        return data
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path.name} is missing or cannot be read.",
            "Choose a complete checkpoint folder, or download it again.",
            where=str(path),
            code="not_a_checkpoint",
        ) from error


def _corrupt(path: Path, error: Exception) -> UserError:
    return UserError(
        f"The weight file {path.name} is damaged: {error}.",
        "Download or copy that file again.",
        where=str(path),
        code="corrupt_shard",
    )
