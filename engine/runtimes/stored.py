"""What a checkpoint's files hold of a Transformers model's weights, whatever names they know them by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from engine.checkpoint.reader import Reader
from engine.grid import grid as grids
from engine.grid.grid import Grid

_OTHER_NAMES = {"lm_head": "embed_out"}  # modules that Transformers renames as it loads GPT-NeoX


class Stored:
    """The files `reader` of Transformers model `twin`, asked by the model's module names.

    A file may name a module with or without the prefix of the task's class, and a tied weight by any of its modules.
    """

    def __init__(self, twin: Any, reader: Reader) -> None:
        self._twin, self._reader = twin, reader
        self._prefix = f"{twin.base_model_prefix}."
        self._on_grid = {module for scheme in reader.grids for module in scheme.modules}
        self._tied: dict[int, list[str]] = {}
        for name, module in twin.named_modules(remove_duplicate=False):
            if isinstance(getattr(module, "weight", None), torch.Tensor):
                self._tied.setdefault(id(module.weight), []).append(name)

    def owner(self, module: str) -> str | None:
        """The files' name of the module that holds the grid of `module`'s weight; None for a float one."""
        return next((name for name in self._names(module) if name in self._on_grid), None)

    def grid(self, module: str) -> Grid | None:
        """The grid that the weight of `module` lies on; None for a float one."""
        name = self.owner(module)
        return None if name is None else self.read(name)

    def read(self, owner: str) -> Grid:
        """The grid of `owner`, a module by the files' name."""
        return grids.read(self._reader, owner)

    def dtype(self, module: str) -> str:
        """The type that the weight of `module` is stored in, as safetensors name it; “F32” where no file has it."""
        stored = (f"{name}.weight" for name in self._names(module))
        return next((self._reader.header(name).dtype for name in stored if name in self._reader), "F32")

    def _names(self, module: str) -> Iterator[str]:
        for name in (module, *self._tied.get(id(self._twin.get_submodule(module).weight), ())):
            yield from (name, name.removeprefix(self._prefix), self._prefix + name)
            if name in _OTHER_NAMES:
                yield _OTHER_NAMES[name]
