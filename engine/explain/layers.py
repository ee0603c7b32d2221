"""Where in the model the difference arises: each layer's error, and what restoring it alone wins back.

Restoring one layer at a time is leave-one-out ablation, here of the damage instead of the part (Meyes et al. 2019,
“Ablation studies in artificial neural networks”, arXiv:1901.08644): the model is computed once more with that layer's
original weights, and what its distance from the original falls by is measured, not derived. Layers interact, so the
shares need not add up to the whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.checkpoint.info import Task
from engine.checkpoint.outline import Outline
from engine.compare.explanation import Change, Layer, LayerState
from engine.explain.errors import relative_error
from engine.explain.matching import gaps
from engine.explain.walker import Layer as Call
from engine.explain.walker import Walker, after, given
from engine.explain.waterfall import change
from engine.explain.yardstick import Yardstick, sheet
from engine.metrics.base import EMBEDDERS, Doubles
from engine.protocol.errors import UserError

# Given the number of layers before and after: which of the original's each one of the checkpoint's is.
Match = Callable[[int, int], Sequence[int]]
_NOTHING = Change(value=0.0, low=0.0, high=0.0, samples=0)


def explain_layers(
    original: Path,
    changed: Path,
    task: Task,
    match: Match,
    text: str,
    most: int,
    step: Callable[[float, float, str], None],
    scratch: Path,
) -> tuple[list[Layer], float]:
    """The original's layers with their shares, in order, and how far the checkpoint in `changed` is from the original.

    Both compute in float32 on the first `most` windows of `text`; matrices are read when they are needed, so memory
    follows the largest of them. `step(done, total, text)` may raise Cancelled. Raises UserError for encoder-decoders,
    for models whose layers do not follow one another, and where layers cannot be matched.
    """
    if task == "text2text-generation":
        raise UserError(
            "The layers of an encoder-decoder cannot be told apart yet.",
            "The waterfall of its passes can be measured.",
            code="unsupported_architecture",
        )
    return _Search(original, changed, task, match, text, most, step, scratch).run()


class Side:
    """One of two models over the same text, its layers in reach one by one.

    Attributes:
        outline: the model, its matrices in the files.
        walker: goes through its layers.
        layers: their names.
    """

    def __init__(self, folder: Path, task: Task, batches: Sequence[dict[str, Tensor]], check: Callable[[], None]):
        self.outline = Outline(folder)
        whole = self.outline.model
        model = whole.base_model if task in EMBEDDERS else whole
        self._inside = f"{whole.base_model_prefix}." if model is not whole else ""
        named = inspect.signature(model.forward).parameters
        more = {"use_cache": False} if "use_cache" in named and task == "text-generation" else {}
        inputs = [{name: value for name, value in batch.items() if name in named} | more for batch in batches]
        self.walker = Walker(model, inputs, check)
        self.layers = self.walker.layers
        self._prefix = f"{whole.base_model_prefix}."

    def tensors(self, layer: str) -> Iterator[tuple[str, Tensor]]:
        """Every weight of `layer` by its name in it."""
        module = self._inside + layer
        for leaf in self.outline.model.get_submodule(module).state_dict():
            yield leaf, self.outline.tensor(f"{module}.{leaf}")

    def pattern(self, layer: str) -> str:
        """What names the modules of `layer` in the files: "model.layers.2.*"."""
        full = self._inside + layer
        for name in (full, full.removeprefix(self._prefix), self._prefix + full):
            if any(stored.startswith(f"{name}.") for stored in self.outline.reader):
                return f"{name}.*"
        return ""

    @property
    def kinds(self) -> Sequence[str]:
        """The kind of attention of every layer, where there are several."""
        return getattr(self.outline.model.config.get_text_config(), "layer_types", None) or ()


class _Search:
    """One search through all layers, first to last."""

    def __init__(
        self, original: Path, changed: Path, task: Task, match: Match, text: str, most: int,
        step: Callable[[float, float, str], None], scratch: Path,
    ) -> None:  # fmt: skip
        self._page = sheet(original, task, text, most)
        self._step, self._told = step, ""
        self._place, self._total = 0, 0
        self.left = Side(original, task, self._page.batches, self._check)
        self.right = Side(changed, task, self._page.batches, self._check)
        self._kept = list(match(len(self.left.layers), len(self.right.layers)))
        self._total = len(self.left.layers) + 2
        self._yardstick = Yardstick(self._page, task, original, scratch)
        self._whole: Doubles = np.zeros(0)

    def run(self) -> tuple[list[Layer], float]:
        """The layers in order, and the whole distance."""
        self._tell("Asking both models")
        self._yardstick.keep(self.left.walker.answers())
        self._whole = self._yardstick.loss(self.right.walker.answers())
        found = [layer for layer in (self._embedding(),) if layer is not None]
        last: list[Tensor] = []
        spans = gaps(self._kept, len(self.left.layers))
        for place, (number, dropped) in enumerate(spans[:-1]):
            own = self.right.layers[place]
            for gone in dropped:
                before = after(self._original(gone), self.right.walker.call(own))
                found.append(self._dropped(gone, number, own, before))
                self._pass_by(gone)
            behind = spans[-1][1] if place == len(spans) - 2 else []
            trailing = [
                self._dropped(gone, number, own, after(self.right.walker.call(own), self._original(gone)))
                for gone in behind
            ]
            layer, last = self._kept_layer(number, own)
            found += [layer, *trailing]
        head = self._head(last)
        self._place = self._total
        self._tell("")
        return [*found, *([head] if head is not None else [])], float(self._whole.mean())

    # One part each --------------------------------------------------------------------------------------------

    def _embedding(self) -> Layer | None:
        """What comes before the first layer; None if it gives the same as before."""
        self._next("Restoring the embedding")
        before, now = list(self.left.walker.inputs()), list(self.right.walker.inputs())
        if all(map(torch.equal, before, now)):
            return None
        error = relative_error(before, now, self._page.masks)
        states = iter(before)
        first = self.right.layers[0]
        restored = given(self.right.walker.call(first), lambda _: next(states))
        return Layer(
            part="embedding", index=None, name="", state="changed", own_error=error, accumulated_error=error,
            won_back=self._won_back(first, restored),
        )  # fmt: skip

    def _kept_layer(self, number: int, own: str) -> tuple[Layer, list[Tensor]]:
        """Layer `number` of the original, which is `own` now; and what `own` makes of what it is given now."""
        self._next(f"Restoring layer {number}")
        name, state = self.left.layers[number], self._state(number, own)
        won_back, alone = _NOTHING, 0.0
        if state == "changed":
            won_back = self._won_back(own, self._original(number))
            made = list(self.left.walker.outputs(name, self.right.walker.call(own)))
        expected = list(self.left.walker.finish(name))
        if state == "changed":
            alone = relative_error(expected, made, self._page.masks)
        now = list(self.right.walker.finish(own))
        layer = Layer(
            part="layer", index=number, name=name, state=state, pattern=self.right.pattern(own), own_error=alone,
            accumulated_error=relative_error(expected, now, self._page.masks), won_back=won_back,
        )  # fmt: skip
        return layer, now

    def _dropped(self, gone: int, beside: int, own: str, restored: Call) -> Layer:
        """Layer `gone`, computed beside layer `beside`, which is `own` now; not where their attention differs."""
        self._next(f"Putting layer {gone} back")
        kinds = self.left.kinds
        alike = not kinds or kinds[gone] == kinds[beside]
        return Layer(
            part="layer", index=gone, name=self.left.layers[gone], state="dropped",
            won_back=self._won_back(own, restored) if alike else None,
        )  # fmt: skip

    def _head(self, hidden: list[Tensor]) -> Layer | None:
        """What comes behind the last layer, given `hidden`; None if it gives the same as before."""
        self._next("Restoring the output head")
        loss = self._yardstick.loss(self.left.walker.answers_of(hidden))
        if np.array_equal(loss, self._whole):
            return None
        return Layer(
            part="head", index=None, name="", state="changed", won_back=change(self._whole - loss, self._page.blocks)
        )

    def _won_back(self, own: str, restored: Call) -> Change:
        loss = self._yardstick.loss(self.right.walker.answers(own, restored))
        return change(self._whole - loss, self._page.blocks)

    def _original(self, number: int) -> Call:
        return self.left.walker.call(self.left.layers[number])

    def _pass_by(self, number: int) -> None:
        for _ in self.left.walker.finish(self.left.layers[number]):
            pass

    def _state(self, number: int, own: str) -> LayerState:
        """Whether the weights changed: a look at the files, no arithmetic."""
        before, now = dict(self.left.tensors(self.left.layers[number])), dict(self.right.tensors(own))
        same = before.keys() == now.keys() and all(torch.equal(before[leaf], now[leaf]) for leaf in before)
        return "same" if same else "changed"

    # Progress -------------------------------------------------------------------------------------------------

    def _next(self, text: str) -> None:
        self._place += 1
        self._tell(text)

    def _tell(self, text: str) -> None:
        self._told = text
        self._check()

    def _check(self) -> None:
        self._step(self._place, self._total, self._told)
