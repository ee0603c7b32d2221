"""The graph of a decoder that has no fused one, by Transformers' exporter, over a cache that is written in place.

Shape letters: B texts, T new tokens, C positions the cache has room for, H key-value heads, D head width, V vocabulary.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn
from transformers import Cache
from transformers.cache_utils import StaticLayer

from engine.passes.base import StepContext
from engine.protocol.errors import Cancelled, UserError
from engine.runtimes.onnx_runtime.cache import MASK, PAST, POSITIONS, PRESENT, START

OPSET = 24  # the first with TensorScatter
_DYNAMIC = torch.export.Dim.DYNAMIC
# sizes of the sample that the model is traced with: all differ, and none is 1, which torch takes for a constant
_TEXTS, _TOKENS, _ROOM = 2, 4, 9


def exported_graph(twin: Any, context: StepContext) -> ir.Model:
    """The graph of Transformers model `twin` in its own precision; weights keep their names and share its memory.

    Inputs: input_ids [B, T]; attention_mask [B, C], 0 on the padding left of a text; position_ids [B, T] where the
    model takes them; start, how many positions are filled; past_key_values.0.key, …, [B, H, C, D]. Outputs: logits
    [B, T, V]; present.0.key, …, the same with the new tokens' from `start` on.

    Raises UserError with the exporter's reason where it cannot follow the model, Cancelled.
    """
    context.step(0, 0, "Exporting the graph")
    counts = "position_ids" in inspect.signature(twin.forward).parameters
    handles = _watch(twin, context)
    try:
        with _quiet(), _shared_heads():
            from transformers.exporters.configs import OnnxConfig
            from transformers.exporters.exporter_onnx import OnnxExporter

            past = _sample_past(twin)
            inputs, shapes = _sample(past, counts)
            settings = OnnxConfig(dynamic_shapes=shapes, optimize=False, opset_version=OPSET)
            module: Any = _Decoder(twin).eval()
            model: ir.Model = OnnxExporter().export(module, inputs, settings).program  # type: ignore[no-untyped-call]
    except (Cancelled, UserError, MemoryError):
        raise
    except Exception as error:  # each step of the export raises errors of its own
        raise explained("Transformers' exporter cannot write this model as an ONNX graph", error) from error
    finally:
        for handle in handles:
            handle.remove()
    _name(model.graph, len(past), counts)
    return model


class _Layer(StaticLayer):
    """Keys and values that are written where they lie, in as much room as the graph is given."""

    keys: Tensor
    values: Tensor

    def __init__(self, keys: Tensor, values: Tensor, start: Tensor) -> None:
        super().__init__(max_cache_len=0)  # type: ignore[no-untyped-call]
        self.keys, self.values, self.cumulative_length = keys, values, start
        self.is_initialized = True

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys a mask is for, and the position of the first."""
        return self.keys.shape[2], 0

    def get_max_length(self) -> int:
        """C."""
        return int(self.keys.shape[2])

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **rest: Any) -> tuple[Tensor, Tensor]:
        """Write [B, H, T, D] of each from the start on; everything there is then, [B, H, C, D] of each."""
        self.keys = _written(self.keys, key_states, self.cumulative_length)
        self.values = _written(self.values, value_states, self.cumulative_length)
        self.cumulative_length = self.cumulative_length + key_states.shape[2]
        return self.keys, self.values


def _written(whole: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """`whole` with `new` at `start`: the operator that copies nothing where both names are bound to one buffer."""
    rows = start.reshape(1).expand(whole.shape[0])
    written: Tensor = torch.onnx.ops.symbolic(
        "TensorScatter", (whole, new, rows), attrs={"axis": 2, "mode": "linear"}, dtype=whole.dtype,
        shape=whole.shape, version=OPSET,
    )  # fmt: skip
    return written


class _Decoder(nn.Module):
    """The model with everything that its sequence consists of as inputs and outputs, in one flat tuple."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: Any) -> tuple[Tensor, ...]:
        """Logits, then keys and values of each layer."""
        start, past = inputs.pop("start"), inputs.pop("past")
        layers: list[Any] = [_Layer(keys, values, start) for keys, values in past]
        output = self.model(**inputs, past_key_values=Cache(layers=layers), use_cache=True)
        return (output.logits, *(part for layer in layers for part in (layer.keys, layer.values)))


def _sample(past: list[tuple[Tensor, Tensor]], counts: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs to trace with, one text padded or the mask would be lost, and which of their sizes vary."""
    mask = torch.ones((_TEXTS, _ROOM), dtype=torch.int64)
    mask[1, 0] = 0
    both, cache = {0: _DYNAMIC, 1: _DYNAMIC}, {0: _DYNAMIC, 2: _DYNAMIC}
    inputs: dict[str, Any] = {"input_ids": torch.zeros((_TEXTS, _TOKENS), dtype=torch.int64), MASK: mask}
    shapes: dict[str, Any] = {"input_ids": both, MASK: both}
    if counts:
        inputs[POSITIONS] = torch.arange(_TOKENS).repeat(_TEXTS, 1)
        shapes[POSITIONS] = both
    return inputs | {START: torch.tensor(3), "past": past}, shapes | {START: None, "past": [(cache, cache)] * len(past)}


def _sample_past(twin: Any) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of the sample, in the widths and types that the model really has."""
    with torch.no_grad():
        output = twin(input_ids=torch.zeros((_TEXTS, 2), dtype=torch.int64), use_cache=True)
    layers = getattr(getattr(output, "past_key_values", None), "layers", None)
    if not layers or any(getattr(layer, "keys", None) is None for layer in layers):
        raise ValueError("it keeps no keys and values of past tokens, or keeps them in a way of its own")

    def room(like: Tensor) -> Tensor:
        return like.new_zeros((_TEXTS, like.shape[1], _ROOM, like.shape[3]))

    return [(room(layer.keys), room(layer.values)) for layer in layers]


def _watch(twin: Any, context: StepContext) -> list[Any]:
    """Let every block of `twin` ask on its way through the trace whether to go on."""
    stack: Any = max((part for part in twin.modules() if isinstance(part, nn.ModuleList)), key=len, default=())

    def ask(index: int) -> Any:
        return lambda module, inputs: context.step(index, len(stack), "Exporting the graph")

    return [block.register_forward_pre_hook(ask(index)) for index, block in enumerate(stack)]


def _name(graph: ir.Graph, layers: int, counts: bool) -> None:
    parts = [f"{index}.{part}" for index in range(layers) for part in ("key", "value")]
    given = ["input_ids", MASK, *([POSITIONS] if counts else []), START, *(PAST + part for part in parts)]
    for values, names in ((graph.inputs, given), (graph.outputs, ["logits", *(PRESENT + part for part in parts)])):
        for value, name in zip(values, names, strict=True):
            value.name = name


def explained(what: str, error: BaseException) -> UserError:
    """The innermost reason of `error`, which is why `what` is so, in one sentence."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return UserError(
        f"{what}: {said.rstrip('.')}.",
        "Choose another runtime for it, such as Transformers.",
        code="unsupported_architecture",
    )


@contextlib.contextmanager
def _shared_heads() -> Iterator[None]:
    """Say of one key head that all query heads share (Falcon's) that it is meant: ONNX's operator wants it said."""
    original = nn.functional.scaled_dot_product_attention

    def attention(query: Tensor, key: Tensor, *rest: Any, **named: Any) -> Tensor:
        if key.shape[1] == 1 and query.shape[1] != 1:
            named["enable_gqa"] = True
        return original(query, key, *rest, **named)

    nn.functional.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        nn.functional.scaled_dot_product_attention = original


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters print, and warn of one another's versions; the graph is verified, so nobody needs that."""
    loggers = [logging.getLogger(name) for name in ("transformers", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
