"""A model gone through one layer at a time, any layer of which can be computed by another one.

The model's own code decides what a layer is called with. Layers that are done with answer at once with what the last
of them gave, so that a change behind them costs only what lies behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.blocks.names import find_blocks
from engine.protocol.errors import UserError

Batch = Mapping[str, Any]
Layer = Callable[..., Any]


class _Reached(Exception):
    """The layer that was asked for has answered."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


class Walker:
    """The layers of `model` (a Transformers model) over `batches` of its arguments, mappings to tensors [B, T].

    Attributes:
        layers: their full names, in order.
    """

    def __init__(self, model: Any, batches: Sequence[Batch], check: Callable[[], None]) -> None:
        """`check` is called before each batch, and may raise Cancelled.

        Raises UserError where the layers do not follow one another, each called once.
        """
        self._model, self._batches, self._check = model, batches, check
        self._blocks = find_blocks(model)
        self.layers = tuple(self._blocks)
        self._finished: dict[int, Any] = {}  # by batch: what the last layer that is done with answered
        self._done: set[str] = set()
        self._live, self._through = "", ""
        self._instead: Layer | None = None
        self._stop = False
        self._batch = 0
        self._calls: list[str] = []
        for name, block in self._blocks.items():
            block.forward = self._answering(name, block.forward)
        self._require_order()

    def call(self, name: str) -> Layer:
        """Layer `name` by itself, for another walker to put in a layer's place."""

        def called(*args: Any, **kwargs: Any) -> Any:
            before, self._through = self._through, name
            try:
                return self._blocks[name](*args, **kwargs)
            finally:
                self._through = before

        return called

    def inputs(self) -> Iterator[Tensor]:
        """What the first layer is given, [B, T, H] a batch: the embedding's work."""
        for index in range(len(self._batches)):
            yield self._reach(index, self.layers[0], lambda *args, **kwargs: hidden_of(args, kwargs))

    def outputs(self, name: str, instead: Layer | None = None) -> Iterator[Tensor]:
        """What layer `name`, or `instead` in its place, makes of what the layers before it give: [B, T, H] a batch."""
        for index in range(len(self._batches)):
            yield output_of(self._reach(index, name, instead))

    def finish(self, name: str) -> Iterator[Tensor]:
        """As `outputs`; once the last batch is through, what the layer gave is what the next one is given."""
        for index in range(len(self._batches)):
            output = self._reach(index, name, None)
            self._finished[index] = output
            yield output_of(output)
        self._done.add(name)

    def answers(self, name: str = "", instead: Layer | None = None) -> Iterator[Any]:
        """What the whole model answers with `instead` in the place of layer `name`, batch by batch."""
        self._live, self._instead, self._stop = name, instead, False
        for index in range(len(self._batches)):
            yield self._send(index)

    def answers_of(self, hidden: Sequence[Tensor]) -> Iterator[Any]:
        """What the model makes of `hidden` [B, T, H], a batch each, behind its last layer."""
        done, finished = self._done, self._finished
        self._done, self._finished, self._live = set(self.layers), dict(enumerate(hidden)), ""
        try:
            for index in range(len(self._batches)):
                yield self._send(index)
        finally:
            self._done, self._finished = done, finished

    def _reach(self, index: int, name: str, instead: Layer | None) -> Any:
        self._live, self._instead, self._stop = name, instead, True
        try:
            self._send(index)
        except _Reached as reached:
            return reached.output
        raise AssertionError(f"{name} was not called")

    @torch.no_grad()
    def _send(self, index: int) -> Any:
        self._check()
        self._batch, self._calls = index, []
        return self._model(**self._batches[index])

    def _answering(self, name: str, forward: Layer) -> Layer:
        def answer(*args: Any, **kwargs: Any) -> Any:
            if name == self._through:
                return forward(*args, **kwargs)
            self._calls.append(name)
            if name in self._done:
                return self._finished[self._batch]
            if name != self._live:
                return forward(*args, **kwargs)
            output = (self._instead or forward)(*args, **kwargs)
            if self._stop:
                raise _Reached(output)
            return output

        return answer

    def _require_order(self) -> None:
        self._send(0)
        if tuple(self._calls) != self.layers:
            raise UserError(
                f"The layers of {type(self._model).__name__} do not follow one another, each computed once.",
                "Where the difference arises cannot be told for it; the waterfall of its passes can.",
                code="unsupported_architecture",
            )


def hidden_of(args: Any, kwargs: Any) -> Tensor:
    """The hidden states [B, T, H] among what a layer is called with."""
    hidden = args[0] if args else kwargs["hidden_states"]
    assert isinstance(hidden, Tensor)
    return hidden


def output_of(output: Any) -> Tensor:
    """The hidden states [B, T, H] among what a layer answers."""
    hidden = output[0] if isinstance(output, tuple) else output
    assert isinstance(hidden, Tensor)
    return hidden


def given(layer: Layer, states: Callable[[Tensor], Tensor]) -> Layer:
    """`layer`, given `states` of its hidden states instead of them."""

    def called(*args: Any, **kwargs: Any) -> Any:
        hidden = states(hidden_of(args, kwargs))
        return layer(hidden, *args[1:], **kwargs) if args else layer(**{**kwargs, "hidden_states": hidden})

    return called


def after(first: Layer, second: Layer) -> Layer:
    """`second` on what `first` answers, called with the same other arguments."""

    def called(*args: Any, **kwargs: Any) -> Any:
        return given(second, lambda _: output_of(first(*args, **kwargs)))(*args, **kwargs)

    return called
