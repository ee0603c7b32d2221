"""Where the error of one token grew: hidden states of original and result at one position, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.compare.token_trace import TokenLayer
from engine.explain.layers import Match, Side
from engine.metrics.base import Floats
from engine.runtimes.base import Ids


def trace(
    original: Path, changed: Path, match: Match, ids: Ids, step: Callable[[float, float, str], None]
) -> tuple[list[TokenLayer], Floats, Floats]:
    """The layers' errors at the last of `ids` [T], and the logits [V] there of the original and of `changed`.

    Both compute in float32; `match` and the errors raised are as in `engine.explain.layers.explain_layers`.
    `step(done, total, text)` may raise Cancelled.
    """
    tokens = torch.from_numpy(ids[None])
    batch = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    place = [0, 1]

    def check() -> None:
        step(place[0], place[1], "Comparing layer by layer")

    left, right = (Side(folder, "text-generation", [batch], check) for folder in (original, changed))
    kept = list(match(len(left.layers), len(right.layers)))
    place[1] = len(left.layers) + 2
    logits = [_last(next(iter(side.walker.answers())).logits.float()).numpy() for side in (left, right)]
    now = next(right.walker.inputs())
    before = _apart(next(left.walker.inputs()), now)
    found = [TokenLayer(index=None, error=before, growth=before)]
    for number, name in enumerate(left.layers):
        place[0] += 1
        alone = None
        if number in kept:
            own = right.layers[kept.index(number)]
            made = next(left.walker.outputs(name, right.walker.call(own)))
            expected, now = _finish(left, name), _finish(right, own)
            alone = _apart(expected, made)
        else:  # what the result has there is what it had before
            expected = _finish(left, name)
        error = _apart(expected, now)
        found.append(TokenLayer(index=number, own_error=alone, error=error, growth=error - before))
        before = error
    place[0] = place[1]
    check()
    return found, np.asarray(logits[0]), np.asarray(logits[1])


def _finish(side: Side, name: str) -> Tensor:
    """What layer `name` gives, which is remembered for the next."""
    outputs: Iterator[Tensor] = side.walker.finish(name)
    (only,) = outputs  # to the end, or the layer is not done with
    return only


def _apart(expected: Tensor, found: Tensor) -> float:
    """‖found − expected‖ / ‖expected‖ of the last position of hidden states [1, T, H]."""
    left, right = _last(expected).double(), _last(found).double()
    return float(torch.linalg.vector_norm(right - left) / torch.linalg.vector_norm(left).clamp_min(1e-30))


def _last(states: Tensor) -> Tensor:
    return states[0, -1]
