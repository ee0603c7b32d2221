"""Time of every part of a Transformers model by hooks around its modules."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from engine.compare.modules import Half, Place, place_of
from engine.runtimes.base import OpenRequest
from engine.runtimes.profiled import Profiled, Spent, weights_of
from engine.runtimes.text2text import Text2TextSession
from engine.runtimes.torch_models import TorchSession
from engine.runtimes.transformers_eager.session import open_session

_TABLE = "shared"  # an encoder-decoder's, which its halves hold under names of their own


def open_profiled(request: OpenRequest) -> Profiled:
    """Open the model of `request` with hooks around its parts."""
    return _TorchProfiled(open_session(request))


class _TorchProfiled(Profiled):
    """What a layer spends outside of its parts is its own time."""

    def __init__(self, session: TorchSession) -> None:
        parts = list(_parts(session.model, "decoder" if isinstance(session, Text2TextSession) else ""))
        super().__init__(session, weights_of([(place, _bytes(part)) for place, part in parts if place.kind != "layer"]))
        self._open: list[list[float]] = []  # of every part that is being computed: its start, and its parts' seconds
        self._now: Spent = {}
        self._nodes: list[Spent] = []
        for place, part in parts:
            part.register_forward_pre_hook(self._enter)
            part.register_forward_hook(lambda *_, place=place: self._leave(place))

    def _begin(self) -> None:
        self._now = {}

    def _end(self) -> None:
        self._nodes.append(self._now)

    def _collect(self) -> Sequence[Spent]:
        return self._nodes

    def _enter(self, *_: Any) -> None:
        self._open.append([time.perf_counter(), 0.0])

    def _leave(self, place: Place) -> None:
        started, within = self._open.pop()
        spent = time.perf_counter() - started
        self._now[place, ""] = self._now.get((place, ""), 0.0) + spent - within
        if self._open:
            self._open[-1][1] += spent


def _parts(model: Any, half: Half) -> Iterator[tuple[Place, nn.Module]]:
    """The outermost layers of `model`, and its outermost parts inside and outside of them.

    `half` has those that stand outside of encoder and decoder (the head).
    """
    layer = part = "\0"
    for name, module in model.named_modules():
        place = place_of(f"model.{name}", half)
        if (
            place is None
            or name.rpartition(".")[2] == _TABLE
            or name.startswith(part + ".")
            or isinstance(module, nn.ModuleList)
        ):
            continue
        if place.kind != "layer":
            part = name
        elif name.startswith(layer + ".") or not name.rpartition(".")[2].isdigit():
            continue
        else:
            layer = name
        yield place, module


def _bytes(module: nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in module.parameters())
