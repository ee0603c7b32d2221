"""A checkpoint as a Transformers model whose matrices stay in the files, so that memory follows the largest of them."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.checkpoint.load import assembled, dense_names, load_model
from engine.checkpoint.precision import Precision
from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.grid.scheme import embedding_grid

# Linear layers of more weights than this, which are output heads, are multiplied by so many weights at a time.
_AT_ONCE = 4 << 20


class Outline:
    """What `load_model(folder, dtype=torch.float32)` answers, without its matrices.

    An embedding or head that lies on a grid has the exact values of its grid: a file in 16 bits holds them rounded.

    Attributes:
        reader: the checkpoint.
        model: the Transformers model. A call computes what the whole one would: each module reads its matrices when it
            runs and drops them afterwards. Between calls their parameters have names, shapes and ties, but hold no
            numbers: `tensor` reads those.
    """

    def __init__(self, folder: Path) -> None:
        """Raises UserError as `load_model` does."""
        self.reader = Reader(folder)
        schemes = embedding_grid(self.reader.config)
        self._scales = {
            module: grid.read_scale(self.reader, module)
            for scheme in schemes if scheme.symmetric for module in scheme.modules
        }  # fmt: skip
        self._grids = {
            module: grid.read(self.reader, module)
            for scheme in schemes if not scheme.symmetric for module in scheme.modules
        }  # fmt: skip
        held = _Held(self.reader)
        self.model: Any = assembled(self.reader, held.weights(), Precision("float32"))
        self._stored = held.found_in(self.model)
        if held.names() - {*self._stored.values()}:  # its class makes one matrix of several: then it must hold them
            self.model, self._stored = load_model(folder, dtype=torch.float32), {}
        for module in list(self.model.modules()):
            self._read_when_run(module)

    def tensor(self, name: str) -> Tensor:
        """Parameter or buffer `name` in float32, as the module holds it. It may lie in a mapped file: do not write."""
        owner, _, leaf = name.rpartition(".")
        held: Tensor = getattr(self.model.get_submodule(owner), leaf)
        stored = self._stored.get(id(held))
        return held.detach().float() if stored is None else self._dense(stored)

    def _dense(self, stored: str) -> Tensor:
        if stored in self.reader:
            return self._rows(stored, slice(None))
        return grid.dense(self.reader, stored, torch.float32)

    def _rows(self, stored: str, which: Any) -> Tensor:
        """Rows of a matrix that is stored dense, in float32."""
        module = stored.removesuffix(".weight")
        if (whole := self._grids.get(module)) is not None:
            return grid.dequantise(grid.some_rows(whole, which), torch.float32)
        rows = self.reader.tensor(stored)[which].float()
        scales = self._scales.get(module)
        if scales is None:
            return rows
        scale = scales[which].float().unsqueeze(-1)
        return (rows.reshape(*scale.shape[:2], -1) / scale).round_().mul_(scale).reshape(rows.shape)

    def _read_when_run(self, module: nn.Module) -> None:
        matrices = {
            leaf: self._stored[id(held)] for leaf, held in module._parameters.items() if id(held) in self._stored
        }
        if not matrices:
            return
        if type(module) is nn.Linear and module.weight.numel() > _AT_ONCE and matrices["weight"] in self.reader:
            module.forward = partial(self._by_rows, module, matrices["weight"])  # type: ignore[method-assign]
            return
        if isinstance(module, nn.Embedding) and _looks_up_ids_alone(module):
            module.register_forward_pre_hook(partial(self._enter_rows, matrices["weight"]))
        else:
            module.register_forward_pre_hook(partial(self._enter, matrices))
        module.register_forward_hook(partial(self._leave, dict(module._parameters)), always_call=True)

    def _enter(self, matrices: dict[str, str], module: nn.Module, args: Any) -> Any:
        for leaf, stored in matrices.items():
            module._parameters[leaf] = nn.Parameter(self._dense(stored), requires_grad=False)
        return args

    def _enter_rows(self, stored: str, module: Any, args: tuple[Tensor, ...]) -> Any:
        """Let an embedding have the rows that are looked up, and no others."""
        ids, places = torch.unique(args[0], return_inverse=True)
        rows = self._rows(stored, ids) if stored in self.reader else self._dense(stored)[ids]
        module._parameters["weight"] = nn.Parameter(rows, requires_grad=False)
        module.padding_idx = None  # of which a look-up knows only that there is such a row
        return (places,)

    def _leave(self, parameters: dict[str, Any], module: nn.Module, args: Any, output: Any) -> None:
        module._parameters.update(parameters)

    def _by_rows(self, module: nn.Linear, stored: str, value: Tensor) -> Tensor:
        """What the linear layer `module` makes of `value` [..., K], some rows of its weight after the others."""
        count, columns = module.weight.shape
        result = value.new_empty(*value.shape[:-1], count)
        for start in range(0, count, max(1, _AT_ONCE // columns)):
            part = slice(start, start + max(1, _AT_ONCE // columns))
            bias = None if module.bias is None else module.bias[part]
            result[..., part] = functional.linear(value, self._rows(stored, part), bias)
        return result


class _Held:
    """Stands in for a checkpoint's matrices while Transformers assembles the model from them.

    A matrix of the model is a number spread over its shape: the place of its name in the checkpoint.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader, self._names = reader, list(dense_names(reader))
        self._asked: set[int] = set()
        self._same = _equal_matrices(reader, self._names) if reader.config.get("tie_word_embeddings", True) else {}

    def weights(self) -> dict[str, Any]:
        return {name: _Name(self, place) for place, name in enumerate(self._names)}

    def names(self) -> set[str]:
        """The matrices that were asked for."""
        return {self._names[place] for place in self._asked}

    def read(self, place: int) -> Tensor:
        name = self._names[place]
        shape = _shape(self._reader, name)
        if sum(size > 1 for size in shape) < 2:
            return grid.dense(self._reader, name, torch.float32)
        place = self._same.get(place, place)
        self._asked.add(place)
        return torch.tensor(float(place)).expand(shape)

    def found_in(self, model: nn.Module) -> dict[int, str]:
        """The checkpoint's name for every parameter of `model` that holds no numbers, by the parameter's id."""
        return {
            id(parameter): self._names[int(parameter[(0,) * parameter.dim()])]
            for parameter in model.parameters()
            if parameter.dim() > 1 and parameter.untyped_storage().nbytes() == parameter.element_size()
        }


class _Name:
    """A weight as Transformers' loader takes it: it answers `[...]` with a tensor."""

    def __init__(self, held: _Held, place: int) -> None:
        self._held, self._place = held, place

    def __getitem__(self, item: Any) -> Tensor:
        return self._held.read(self._place)[item]


def _equal_matrices(reader: Reader, names: list[str]) -> dict[int, int]:
    """Places of matrices outside of numbered layers that are an earlier one again, and the place of that one.

    Transformers ties an embedding and a head that are both stored where they are equal, so they must stay so.
    """
    outside = [
        (place, name)
        for place, name in enumerate(names)
        if not any(part.isdigit() for part in name.split(".")) and len(_shape(reader, name)) > 1
    ]
    found: dict[int, int] = {}
    for index, (place, name) in enumerate(outside):
        for earlier, other in outside[:index]:
            if _shape(reader, name) == _shape(reader, other) and torch.equal(
                grid.dense(reader, name), grid.dense(reader, other)
            ):
                found[place] = found.get(earlier, earlier)
                break
    return found


def _shape(reader: Reader, name: str) -> tuple[int, ...]:
    if name in reader:
        return reader.header(name).shape
    return tuple(reader.tensor(f"{name.removesuffix('.weight')}.weight_shape").tolist())


def _looks_up_ids_alone(module: nn.Embedding) -> bool:
    return len(inspect.signature(module.forward).parameters) == 1
