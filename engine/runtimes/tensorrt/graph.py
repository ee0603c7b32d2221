"""A plain ONNX graph that TensorRT's parser reads: torch.onnx's, then integer weights before DequantizeLinear.

Shape letters: B texts, T new tokens, P tokens of the past, H key-value heads, D head width, O and I a weight's rows and
columns.
"""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from engine.grid.grid import Grid
from engine.runtimes.stored import Stored
from engine.runtimes.tensorrt.limits import block_size, cache_names

OPSET = 21  # the first with blocks in DequantizeLinear
DYNAMIC = torch.export.Dim.DYNAMIC
TEXTS = {0: DYNAMIC, 1: DYNAMIC}  # the dynamic dimensions of ids and masks, [B, T]
CACHE = {0: DYNAMIC, 2: DYNAMIC}  # and of keys and values, [B, H, P, D]
_NUMPY = {ir.DataType.FLOAT: np.float32, ir.DataType.FLOAT16: np.float16, ir.DataType.BFLOAT16: ml_dtypes.bfloat16}


class Decoder(nn.Module):
    """input_ids [B, T], attention_mask [B, P + T], keys and values [B, H, P, D] a layer -> float32 logits [B, T, V]
    and keys and values [B, H, P + T, D]. The mask is 0 on padding left of a text."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, past: list[tuple[Tensor, Tensor]]) -> Any:
        """The outputs as one flat tuple."""
        layers = cache_layers(past)
        positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
        output = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=positions,
            past_key_values=Cache(layers=layers), use_cache=True,
        )  # fmt: skip
        return (output.logits.float(), *(part for layer in layers for part in (layer.keys, layer.values)))


class Encoder(nn.Module):
    """input_ids and attention_mask [B, T] -> float32 hidden states [B, T, width], and logits for such tasks."""

    def __init__(self, model: Any, task: str) -> None:
        super().__init__()
        self.model, self._heads = model, task != "feature-extraction"
        self._kinds = "token_type_ids" in inspect.signature(model.base_model.forward).parameters

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        """The outputs as a tuple."""
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._kinds:
            inputs["token_type_ids"] = torch.zeros_like(input_ids)
        if not self._heads:
            return (self.model.base_model(**inputs).last_hidden_state.float(),)
        output = self.model(**inputs, output_hidden_states=True)
        return (output.hidden_states[-1].float(), output.logits.float())


def plain_graph(twin: Any, task: str) -> ir.Model:
    """The graph of Transformers decoder or encoder `twin`, see `exported`.

    A decoder's inputs are input_ids, attention_mask and past_keys_0, past_values_0, …; its outputs logits and
    present_keys_0, …. An encoder's outputs are last_hidden_state and, where the task has them, logits.
    """
    twin.set_attn_implementation("eager")  # plain matrix products, whose pattern TensorRT fuses itself
    mask = torch.ones((2, 7), dtype=torch.int64)
    mask[1, 0] = 0
    given = ["input_ids", "attention_mask"]
    if task == "text-generation":
        past = sample_past(twin, 3)
        return exported(
            Decoder(twin),
            (torch.zeros((2, 4), dtype=torch.int64), mask, past),
            (TEXTS, TEXTS, [(CACHE, CACHE)] * len(past)),
            [*given, *cache_names("past", len(past))],
            ["logits", *cache_names("present", len(past))],
        )
    made = ["last_hidden_state"] if task == "feature-extraction" else ["last_hidden_state", "logits"]
    return exported(Encoder(twin, task), (torch.ones_like(mask), mask), (TEXTS, TEXTS), given, made)


def exported(
    module: nn.Module, inputs: tuple[Any, ...], shapes: tuple[Any, ...], given: list[str], made: list[str]
) -> ir.Model:
    """The graph of `module`, which holds a Transformers model as `model`, in that model's own precisions, standard
    operators only, weights under their names.

    `inputs` are examples, `shapes` what of them is dynamic; inputs are then called `given`, outputs `made`.
    """
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # unoptimised: weights keep the names by which grids find them, and TensorRT optimises anyway
        program = torch.onnx.export(
            module.eval(), inputs, dynamo=True, dynamic_shapes=shapes, optimize=False, opset_version=OPSET,
            verbose=False,
        )  # fmt: skip
    assert program is not None
    graph = program.model.graph
    for values, wanted in ((graph.inputs, given), (graph.outputs, made)):
        for value, name in zip(values, wanted, strict=True):
            value.name = name
    return program.model


def put_grids(model: ir.Model, stored: Stored) -> int:
    """Put the integers that are `stored` before the matrix products of the same modules; how many products that were.

    Weights lie transposed, [I, O], with scales in the type that the product computes in: [O] for one a row, else
    [I / block, O].
    """
    changed = 0
    for node in list(model.graph):
        weight = _transposed_weight(node)
        module = _module(weight)
        grid = None if module is None else stored.grid(module)
        if weight is None or module is None or grid is None or weight.dtype not in _NUMPY:
            continue
        if block_size(grid.bits, grid.group_size, grid.values.shape[1]) is not None and grid.symmetric:
            node.replace_input_with(1, _dequantised(model.graph, node, module, grid, weight.dtype))
            changed += 1
    for node in reversed(list(model.graph)):  # the transposes of the float weights
        if not any(output.uses() or output in model.graph.outputs for output in node.outputs):
            model.graph.remove(node, safe=True)
    for name in [name for name, value in model.graph.initializers.items() if not value.uses()]:
        del model.graph.initializers[name]
    return changed


def save(model: ir.Model, path: Path) -> int:
    """Write `model` with its weights beside it, nothing of this machine in it; the bytes of its weights."""
    for holder in (model, model.graph, *model.graph, *model.graph.initializers.values()):
        holder.metadata_props.clear()
        holder.doc_string = None
    ir.save(model, path, external_data=f"{path.name}.data")
    return sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value is not None)


def cache_layers(pairs: list[tuple[Tensor, Tensor]]) -> list[Any]:
    """Layers of a cache of Transformers' that hold these keys and values."""
    layers: list[Any] = []
    for keys, values in pairs:
        layer: Any = DynamicLayer()  # type: ignore[no-untyped-call]
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        layers.append(layer)
    return layers


def sample_past(twin: Any, length: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of two texts of `length` tokens, in the shapes and types that the model really has."""
    with torch.no_grad():
        cache = twin(input_ids=torch.zeros((2, length), dtype=torch.int64), use_cache=True).past_key_values
    return [(layer.keys, layer.values) for layer in cache.layers]


def _transposed_weight(node: ir.Node) -> ir.Value | None:
    """The weight [O, I] whose transpose `node` multiplies by, if it is such a product."""
    producer = node.inputs[1].producer() if node.op_type == "MatMul" and node.inputs[1] is not None else None
    source = producer.inputs[0] if producer is not None and producer.op_type == "Transpose" else None
    return source if source is not None and source.is_initializer() else None


def _module(weight: ir.Value | None) -> str | None:
    """The Transformers model's module whose matrix `weight` is: the graph's module calls the model `model`."""
    name = "" if weight is None else weight.name or ""
    return name.removeprefix("model.").removesuffix(".weight") if name.endswith(".weight") else None


def _dequantised(graph: ir.Graph, before: ir.Node, module: str, grid: Grid, dtype: ir.DataType) -> ir.Value:
    columns = int(grid.values.shape[1])
    block = block_size(grid.bits, grid.group_size, columns)
    assert block is not None
    values = np.ascontiguousarray(grid.values.numpy().T)
    scale = grid.scale.float().numpy().astype(_NUMPY[dtype])  # [O, G]
    if block < columns:
        attributes = {"axis": 0, "block_size": block}
        scale = np.ascontiguousarray(np.repeat(scale, columns // block // scale.shape[1], axis=1).T)
        values = values.astype(ml_dtypes.int4)
    else:
        attributes = {"axis": 1}
        scale = np.ascontiguousarray(scale[:, 0])
    parts = [_initializer(graph, f"{module}.integers", values), _initializer(graph, f"{module}.scales", scale)]
    node = ir.node("DequantizeLinear", inputs=parts, attributes=attributes, name=f"{module}/DequantizeLinear")
    node.outputs[0].name = f"{module}.dequantised"
    graph.insert_before(before, node)
    return node.outputs[0]


def _initializer(graph: ir.Graph, name: str, array: np.ndarray[Any, Any]) -> ir.Value:
    tensor = ir.tensor(array, name=name)
    value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(value)
    return value
