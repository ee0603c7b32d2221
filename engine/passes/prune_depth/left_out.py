"""What a model's predictions lose when one layer is left out, layer by layer (Kim et al. 2024, arXiv:2402.02834)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.blocks.names import find_blocks
from engine.checkpoint.outline import Outline
from engine.explain.walker import Walker, hidden_of

Step = Callable[[float, float, str], None]


def losses(folder: Path, ids: Tensor, step: Step) -> tuple[float, dict[str, float]]:
    """Mean loss (nats a token) on windows `ids` [N, T] of the decoder in `folder`, and that without each of its layers,
    by their names.

    Matrices stay in the files, and a layer that is left out costs only what lies behind it. Raises UserError where
    the layers do not follow one another.
    """
    model = Outline(folder).model
    done: tuple[float, str] = (0.0, "")

    def check(*_: Any) -> None:
        step(done[0], 1.0, done[1])

    for block in find_blocks(model).values():
        block.register_forward_pre_hook(check)
    windows = torch.split(ids, 1)
    walker = Walker(model, [{"input_ids": window, "use_cache": False} for window in windows], check)
    whole = _loss(walker.answers(), windows)
    found: dict[str, float] = {}
    count = len(walker.layers)
    left_out = _LeftOut(walker)
    for place, name in enumerate(walker.layers):
        # of all work, what lies behind this layer and those after it
        done = 1 - ((count - place) / count) ** 2, name
        found[name] = _loss(walker.answers(name, left_out.of(name)), windows)
        for _ in walker.finish(name):
            pass
    return whole, found


class _LeftOut:
    """Layers that give back what they are given, in the form in which the model's layers answer."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._in_tuple: bool | None = None

    def of(self, name: str) -> Callable[..., Any]:
        def nothing(*args: Any, **kwargs: Any) -> Any:
            if self._in_tuple is None:
                self._in_tuple = isinstance(self._walker.call(name)(*args, **kwargs), tuple)
            hidden = hidden_of(args, kwargs)
            return (hidden,) if self._in_tuple else hidden

        return nothing


def _loss(answers: Any, windows: tuple[Tensor, ...]) -> float:
    total, count = 0.0, 0
    for answer, window in zip(answers, windows, strict=True):
        logits = answer.logits[:, :-1].flatten(0, 1)
        total += float(cross_entropy(logits.float(), window[:, 1:].flatten(), reduction="sum"))
        count += len(logits)
    return total / count
