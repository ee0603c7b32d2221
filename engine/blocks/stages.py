"""Run a model one block at a time over all windows: a block is done with for every window before the next one starts.

What is changed in a block's weights is thus felt by all later blocks, and only one block's weights are held at a time.
The model's own code decides what a block is called with: for every block, each window goes through the model once more,
whose finished blocks answer at once with what the last of them gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.streamed import StreamedModel
from engine.calibration.options import ANSWERS_IN_MEMORY
from engine.protocol.errors import UserError

# Tokens that go through a block together: few enough for a cancellation to be noticed in time.
TOKENS_AT_ONCE = 1024


class _Reached(Exception):
    """A block that is not yet to run was called: what the present one gives is known."""


class Stages:
    """The blocks of `model` one after another, each over all of `ids` [N, T]; used as a context manager.

    `step(share)` is called before each batch with how much of the run is done, and may raise Cancelled. What blocks
    answer is kept in memory, or as files in `scratch` when it is large.
    """

    def __init__(self, model: StreamedModel, ids: Tensor, scratch: Path) -> None:
        self._model, self._scratch = model, scratch
        self._batches = torch.split(ids, max(1, TOKENS_AT_ONCE // ids.shape[1]))
        hidden = ids.numel() * model.model.config.get_text_config().hidden_size * 4
        self._on_disk = hidden > ANSWERS_IN_MEMORY
        self._kept: dict[tuple[str, int], Any] = {}
        self._done: list[str] = []
        self._live = ""
        self._batch, self._calls, self._keeping = 0, 0, False
        self._recalled: dict[str, Any] = {}

    def __enter__(self) -> Stages:
        for name, block in self._model.blocks.items():
            block.forward = self._instead(name, block.forward)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for block in self._model.blocks.values():
            del block.forward
        self._kept.clear()

    def blocks(self, step: Callable[[float], None]) -> Iterator[tuple[str, nn.Module]]:
        """Each block by name, holding its weights, to be run and changed; then its answers are kept for the next."""
        names = list(self._model.blocks)
        for name in names:
            self._live = name
            self._model.load(name)
            yield name, self._model.blocks[name]
            if name != names[-1]:
                self._keeping = True
                self.run(step)
                self._keeping = False
            self._done.append(name)
            if name != names[-1]:
                self._model.unload(name)

    def run(self, step: Callable[[float], None], most: int | None = None) -> None:
        """Send all windows (at most `most` batches) through the present block.

        Raises UserError where the model does not call it.
        """
        batches = self._batches[:most]
        for index in range(len(batches)):
            step(index / len(batches))
            self._calls = 0
            self._send(index)
            if not self._calls:
                raise UserError(
                    f"The layers of {type(self._model.model).__name__} do not follow one another.",
                    "Leave out the step that measures them.",
                    where=self._live,
                    code="unsupported_architecture",
                )

    def answers(self, step: Callable[[float], None]) -> Iterator[Tensor]:
        """After the last block: what the whole base model answers, [B, T, H] a batch."""
        for index in range(len(self._batches)):
            step(index / len(self._batches))
            answer = self._send(index)
            assert answer is not None
            yield answer

    def _send(self, index: int) -> Tensor | None:
        self._batch = index
        self._recalled.clear()
        try:
            return self._model.run(self._batches[index])
        except _Reached:
            return None

    def _instead(self, name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        stack = name.rpartition(".")[0]

        def replaced(*args: Any, **kwargs: Any) -> Any:
            if name == self._live:
                self._calls += 1
                output = forward(*args, **kwargs)
                if self._keeping:
                    self._keep(stack, output)
                return output
            if name in self._done:
                return self._recall(stack)
            raise _Reached

        return replaced

    def _keep(self, stack: str, output: Any) -> None:
        """Keep the newest answer in `stack` to the present batch: a tensor, or a tuple of tensors and others."""
        parts = output if isinstance(output, tuple) else (output,)
        tensors = {str(place): part.contiguous() for place, part in enumerate(parts) if isinstance(part, Tensor)}
        if self._on_disk:
            save_file(tensors, self._file(stack))
            tensors = {}
        self._kept[stack, self._batch] = (len(parts) if isinstance(output, tuple) else 0, tensors)

    def _recall(self, stack: str) -> Any:
        if stack not in self._recalled:
            count, tensors = self._kept[stack, self._batch]
            tensors = tensors or load_file(self._file(stack), device=str(self._model.device))
            whole = tuple(tensors.get(str(place)) for place in range(count))
            self._recalled[stack] = whole if count else tensors["0"]
        return self._recalled[stack]

    def _file(self, stack: str) -> Path:
        return self._scratch / f"{stack}-{self._batch}.safetensors"
