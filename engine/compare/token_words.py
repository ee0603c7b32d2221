"""One token's trace in words and numbers as people read them."""

from __future__ import annotations

from itertools import zip_longest

from engine.compare.format import format_number, format_percent
from engine.compare.token_trace import TokenLayer, TokenTrace


def title(layer: TokenLayer) -> str:
    """As people know it."""
    return "Embedding" if layer.index is None else f"Layer {layer.index}"


def layer_table(found: TokenTrace) -> tuple[list[str], list[list[str]]]:
    """Column titles, and a row for every layer in order."""
    rows = [
        [title(layer), own_error(layer), format_percent(layer.error), format_percent(layer.growth, sign=True)]
        for layer in found.layers
    ]
    return ["Layer", "Own error", "Accumulated", "Grew by"], rows


def choice_table(found: TokenTrace) -> tuple[list[str], list[list[str]]]:
    """Column titles, and both models' first choices beside one another."""
    rows = []
    for left, right in zip_longest(found.original.top, found.result.top, fillvalue=("", 0.0)):
        rows.append([repr(left[0]), format_percent(left[1]), repr(right[0]), format_percent(right[1])])
    return ["Original", "", "Result", ""], rows


def sentences(found: TokenTrace) -> list[str]:
    """The answer: where the error grew most, and what that did to the token."""
    told = []
    worst = found.worst
    if worst is not None:
        told.append(f"The error grew most in {title(worst).lower()}: by {format_percent(worst.growth)}.")
    before, now = format_percent(found.original.probability), format_percent(found.result.probability)
    kl = format_number(found.kl_divergence_nats)
    told.append(f"{found.token!r}: {before} probable to the original, {now} to the result; KL divergence {kl} nats.")
    told.append("Both were computed in float32 from their checkpoints, without the runtime's own rounding.")
    return told


def own_error(layer: TokenLayer) -> str:
    """The layer's error alone; a dash before the layers, a word for a dropped one."""
    if layer.own_error is not None:
        return format_percent(layer.own_error)
    return "–" if layer.index is None else "dropped"
