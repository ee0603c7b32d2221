"""What compiled models have in common: graphs of fixed shapes, translated once, and what is said when one cannot be."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch._dynamo.exc import TorchDynamoException

from engine import paths
from engine.protocol.errors import UserError
from engine.recipe.options import parse_options
from engine.runtimes.base import OpenRequest
from engine.runtimes.torch_compile.spec import TorchCompileOptions
from engine.runtimes.torch_models import TorchSession

SHORT = 32  # the shortest piece of a prompt
FEW = 8  # tokens that are appended at once; fewer are padded


class CompiledGraphs(TorchSession):
    """A model and the graphs that are made of it when they are first needed."""

    def __init__(self, request: OpenRequest) -> None:
        options = parse_options(TorchCompileOptions, request.artefact.target.options, "torch_compile")
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(paths.home() / "cache" / "inductor"))
        super().__init__(request, None if options.precision == "automatic" else getattr(torch, options.precision))
        if options.integers:
            from engine.runtimes.torch_compile.int8 import keep_integers

            self.weight_bytes -= keep_integers(self.model, request.folder)
        self._mode: str = options.mode
        self._graphs: dict[str, Callable[..., Any]] = {}
        if self.task in ("text-generation", "text2text-generation"):
            self.context_length = min(self.context_length, options.context)

    def close(self) -> None:
        """Free weights and machine code."""
        self._graphs.clear()
        super().close()

    @abstractmethod
    def _function(self, name: str) -> Callable[..., Any]:
        """What graph `name` is translated from."""

    def _graph(self, name: str) -> Callable[..., Any]:
        """The compiled function `name`, made (not yet translated) on first use."""
        if name not in self._graphs:
            options: dict[str, Any] = dict(torch._inductor.list_mode_options(self._mode))
            # Packing the weights pays off where every token reads them all, and costs a copy of them: decoding only.
            options["freezing"] = self.device == "cpu" and name == "write"
            # Weights and modules never change while the session is open: checking them each token is waste.
            options["guard_filter_fn"] = torch.compiler.skip_guard_on_all_nn_modules_unsafe
            compile_: Any = torch.compile  # its overloads omit isolate_recompiles
            self._graphs[name] = compile_(
                self._function(name), fullgraph=True, dynamic=False, options=options,
                isolate_recompiles=True, recompile_limit=64,
            )  # fmt: skip
        return self._graphs[name]

    def _run(self, name: str, *inputs: Any, **named: Any) -> Any:
        self._use_threads()
        if self._mode != "default" and self.device == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with torch.no_grad(), _told():
            return self._graph(name)(*inputs, **named)

    def _compile(self, request: OpenRequest, work: Sequence[tuple[str, Callable[[], Any]]]) -> None:
        """Do every piece of `work`, which makes the graphs that it needs; `request` is told what each is for."""
        for index, (text, compile_it) in enumerate(work):
            request.step(index, len(work), text)
            compile_it()
        request.step(len(work), len(work), "Compiled")

    def _require_room(self, length: int) -> None:
        if length > self.context_length:
            raise UserError(
                f"The text is longer than the {self.context_length} tokens that the model was compiled for.",
                "Raise “Longest text” of torch.compile and run again, or shorten the text.",
            )


def power(number: int, least: int) -> int:
    """The power of two from `number` on, at least `least`."""
    return max(least, 1 << (number - 1).bit_length())


@contextmanager
def _told() -> Iterator[None]:
    """Say in one sentence why a model cannot be compiled."""
    try:
        yield
    except TorchDynamoException as error:
        said = " ".join(str(error).split("\n\n")[0].split()).rstrip(".")
        raise UserError(
            f"torch.compile cannot translate this model: {said}.",
            "Choose Transformers or ONNX Runtime for it.",
            code="unsupported_architecture",
        ) from error
