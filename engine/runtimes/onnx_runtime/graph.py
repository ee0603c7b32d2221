"""Edit and write ONNX graphs: integer weights put in place of float ones, large tensors streamed to model.onnx.data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from engine.passes.base import StepContext
from engine.runtimes.onnx_runtime.limits import MODEL
from engine.runtimes.onnx_runtime.nbits import Blocks

DATA = "model.onnx.data"
_DOMAIN = "com.microsoft"
_ALIGN = 4096  # so that ONNX Runtime can map each tensor on its own
_BIAS = 5  # the place of MatMulNBits' bias among its inputs
_SMALL = 1024  # bytes; smaller tensors stay in model.onnx, where shape inference sees them


def add_initializer(graph: ir.Graph, name: str, array: npt.NDArray[np.generic]) -> ir.Value:
    """Register `array` as weight `name` of `graph`, or find it registered."""
    if name in graph.initializers:
        return graph.initializers[name]
    tensor = ir.tensor(array, name=name)
    value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(value)
    return value


def integer_shape(blocks: Blocks) -> dict[str, int]:
    """MatMulNBits' attributes that describe `blocks`."""
    return {"K": blocks.columns, "N": blocks.rows, "bits": blocks.bits, "block_size": blocks.block}


def integer_initializers(graph: ir.Graph, name: str, blocks: Blocks) -> list[ir.Value]:
    """MatMulNBits' weight inputs for `blocks`: data, scales, and zero points where there are any."""
    found = [
        add_initializer(graph, f"{name}.blocks", blocks.data),
        add_initializer(graph, f"{name}.scales", blocks.scales),
    ]
    if blocks.zeros is not None:
        found.append(add_initializer(graph, f"{name}.zeros", blocks.zeros))
    return found


def use_integer_matmul(
    graph: ir.Graph, node: ir.Node, blocks: Blocks, name: str, level: int, bias: ir.Value | None = None
) -> None:
    """Put MatMulNBits with `blocks` in place of `node` (product of an activation and a weight, plus `bias` [N]).

    `name` starts the new initializers' names; `level` is MatMulNBits' accuracy_level.
    """
    inputs = [node.inputs[0], *integer_initializers(graph, name, blocks)]
    if bias is not None:
        inputs += [None] * (_BIAS - len(inputs)) + [bias]
    _replace(graph, node, "MatMulNBits", inputs, {**integer_shape(blocks), "accuracy_level": level})


def use_transposed_matmul(graph: ir.Graph, node: ir.Node, weight: ir.Value) -> None:
    """Put a product with `weight` [N, K] in place of `node` (MatMul of an activation and its transpose)."""
    _replace(graph, node, "FusedMatMul", [node.inputs[0], weight], {"transB": 1})


def use_integer_gather(graph: ir.Graph, node: ir.Node, blocks: Blocks, name: str) -> None:
    """Put GatherBlockQuantized with `blocks` in place of `node` (Gather of rows of an embedding [V, H]).

    Its weight is the same bytes as a MatMulNBits of the same `blocks` and `name`, under a two-dimensional shape; `save`
    writes shared bytes once.
    """
    _, scales, *zeros = integer_initializers(graph, name, blocks)
    flat = add_initializer(graph, f"{name}.rows", blocks.data.reshape(blocks.rows, -1))
    inputs = [flat, node.inputs[1], scales, *zeros]
    attributes = {"bits": blocks.bits, "block_size": blocks.block, "gather_axis": 0, "quantize_axis": 1}
    _replace(graph, node, "GatherBlockQuantized", inputs, attributes)


def set_accuracy_level(model: ir.Model, level: int) -> None:
    """Set the accuracy_level of every MatMulNBits."""
    for node in model.graph:
        if node.op_type == "MatMulNBits":
            node.attributes["accuracy_level"] = ir.AttrInt64("accuracy_level", level)


def remove_unused(graph: ir.Graph) -> None:
    """Remove nodes whose outputs nobody reads, then initializers that nobody reads."""
    kept = {id(value) for value in graph.outputs}
    for node in reversed(list(graph)):
        if all(not output.uses() and id(output) not in kept for output in node.outputs):
            graph.remove(node, safe=True)
    for name in [name for name, value in graph.initializers.items() if not value.uses() and id(value) not in kept]:
        del graph.initializers[name]


def save(model: ir.Model, folder: Path, context: StepContext) -> int:
    """Write `model` as model.onnx and model.onnx.data in `folder`; the bytes of its weights, shared ones counted once.

    Nothing of the machine is written: names of producers, documentation and metadata are removed.
    """
    return save_together({MODEL: model}, folder, context)


def save_together(models: dict[str, ir.Model], folder: Path, context: StepContext) -> int:
    """`save` for several graphs by file name, whose weights lie in one model.onnx.data, shared ones once."""
    for model in models.values():
        _strip(model)
        model.graph.sort()
    places: dict[tuple[int, int], int] = {}
    kept: list[npt.NDArray[np.generic]] = []  # so that no address is used twice
    values = [value for model in models.values() for value in model.graph.initializers.values()]
    weights = 0
    with (folder / DATA).open("wb") as file:
        for index, value in enumerate(values):
            context.step(index, len(values), "Writing weights")
            tensor = value.const_value
            assert tensor is not None
            if tensor.nbytes < _SMALL:
                weights += tensor.nbytes
                continue
            array = np.ascontiguousarray(tensor.numpy())
            # arrays placed by this package may share their bytes; the builder's lie nowhere until they are asked for
            key = (array.ctypes.data, array.nbytes) if isinstance(tensor, ir.Tensor) else (0, index)
            offset = places.get(key)
            if offset is None:
                offset = places[key] = -(-file.tell() // _ALIGN) * _ALIGN
                file.seek(offset)
                file.write(array.reshape(-1).view(np.uint8).data)
                weights += array.nbytes
                if isinstance(tensor, ir.Tensor):
                    kept.append(array)
            value.const_value = ir.ExternalTensor(
                DATA, offset, array.nbytes, tensor.dtype, shape=ir.Shape(array.shape), name=value.name or "",
                base_dir=folder,
            )  # fmt: skip
    for name, model in models.items():
        save_graph(model, folder, name)
    return weights


def save_graph(model: ir.Model, folder: Path, name: str = MODEL) -> None:
    """Write the graph `name` alone, for a model whose weights `save` has written."""
    ir.save(model, folder / name)


def _replace(
    graph: ir.Graph, node: ir.Node, operator: str, inputs: list[ir.Value | None], attributes: dict[str, int]
) -> None:
    new = ir.node(operator, inputs=inputs, attributes=attributes, domain=_DOMAIN, name=node.name)
    old_output, output = node.outputs[0], new.outputs[0]
    output.name, output.type, output.shape = old_output.name, old_output.type, old_output.shape
    graph.insert_before(node, new)
    old_output.replace_all_uses_with(output, replace_graph_outputs=True)
    graph.remove(node, safe=True)


def _strip(model: ir.Model) -> None:
    model.producer_name = model.producer_version = model.doc_string = None
    for holder in (model, model.graph, *model.graph, *model.graph.initializers.values()):
        holder.metadata_props.clear()
        holder.doc_string = None
