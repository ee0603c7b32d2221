"""Writes a graph node by node from a Transformers model's weights: what encoders and encoder-decoders share.

Shape letters: B texts, T tokens, H hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from engine.checkpoint.outline import Outline
from engine.grid.grid import Grid
from engine.protocol.errors import UserError
from engine.runtimes.onnx_runtime.graph import add_initializer, integer_initializers, integer_shape
from engine.runtimes.onnx_runtime.limits import EXACT
from engine.runtimes.onnx_runtime.nbits import Blocks, blocks_of, halves

DOMAIN = "com.microsoft"
_OPSET = 21
GridOf = Callable[[str], Grid | None]
LevelOf = Callable[[str], int]


class Weights:
    """The weights of the model `outline` by module name, each turned into a graph's layout once.

    Graphs that are written from the same object share the arrays, and `save` writes shared arrays once.
    """

    def __init__(self, outline: Outline, grid_of: GridOf) -> None:
        """`grid_of` answers the grid of a module, or of one tied to it; None for a float one."""
        self.twin, self._outline, self._grid_of = outline.model, outline, grid_of
        self._blocks: dict[int, Blocks | None] = {}
        self._arrays: dict[int, Any] = {}

    def array(self, name: str) -> Any:
        """Parameter or buffer `name` as a float32 array: the same one every time, tied ones too."""
        owner, _, leaf = name.rpartition(".")
        key = id(getattr(self.twin.get_submodule(owner), leaf))
        if key not in self._arrays:
            self._arrays[key] = self._outline.tensor(name).contiguous().numpy()
        return self._arrays[key]

    def transposed(self, module: str) -> Any:
        """The weight of `module` as a float32 array [K, N]."""
        return self._outline.tensor(f"{module}.weight").T.contiguous().numpy()

    def blocks(self, module: str) -> Blocks | None:
        """The integers of `module`, or of a module tied to it; None for a float one."""
        key = id(self.twin.get_submodule(module).weight)
        if key not in self._blocks:
            grid = self._grid_of(module)
            self._blocks[key] = None if grid is None else blocks_of([grid])
        return self._blocks[key]

    def tied(self, module: str, other: str) -> bool:
        """Whether two modules have one weight."""
        return bool(self.twin.get_submodule(module).weight is self.twin.get_submodule(other).weight)


class GraphWriter:
    """A graph in the making.

    Attributes:
        model: the graph.
    """

    def __init__(self, weights: Weights, level: LevelOf, name: str, *, halve: bool = False) -> None:
        """`level` answers the accuracy_level of a module's MatMulNBits; `name` is the graph's.

        `halve`: 8-bit weights at the exact level become two of 4 bits, for which there is a quick kernel.
        """
        self._weights, self._level, self._halve = weights, level, halve
        self._twin, self._config = weights.twin, weights.twin.config
        self._graph = ir.Graph(inputs=(), outputs=(), nodes=(), opset_imports={"": _OPSET, DOMAIN: 1}, name=name)
        self.model = ir.Model(self._graph, ir_version=10)
        self._count = 0

    # The operators ---------------------------------------------------------------------------------------------

    def _linear(self, module: str, value: ir.Value) -> ir.Value:
        return self._node("Add", [self._product(module, value), self._weight(f"{module}.bias")])

    def _product(self, module: str, value: ir.Value) -> ir.Value:
        """`value` times the module's weight, without its bias: MatMulNBits where the weight lies on a grid."""
        blocks = self._weights.blocks(module)
        if blocks is None:
            weight = add_initializer(self._graph, f"{module}.weight_transposed", self._weights.transposed(module))
            return self._node("MatMul", [value, weight])
        level = self._level(module)
        if self._halve and level == EXACT and blocks.bits == 8:
            sixteens, ones = halves(blocks)
            parts = [(f"{module}.sixteens", sixteens), (f"{module}.ones", ones)]
            return self._node("Add", [self._integer(name, value, half, level) for name, half in parts])
        return self._integer(module, value, blocks, level)

    def _integer(self, name: str, value: ir.Value, blocks: Blocks, level: int) -> ir.Value:
        inputs = [value, *integer_initializers(self._graph, name, blocks)]
        return self._fused("MatMulNBits", inputs, **integer_shape(blocks), accuracy_level=level)

    def _rows(self, module: str, ids: ir.Value) -> ir.Value:
        """The rows `ids` of an embedding: GatherBlockQuantized where it lies on a grid."""
        blocks = self._weights.blocks(module)
        if blocks is None or blocks.padded:
            return self._node("Gather", [self._weight(f"{module}.weight"), ids])
        data = add_initializer(self._graph, f"{module}.rows", blocks.data.reshape(blocks.rows, -1))
        scales = add_initializer(self._graph, f"{module}.scales", blocks.scales)
        return self._fused(
            "GatherBlockQuantized", [data, ids, scales],
            bits=blocks.bits, block_size=blocks.block, gather_axis=0, quantize_axis=1,
        )  # fmt: skip

    def _activation(self, kind: str, value: ir.Value) -> ir.Value:
        """Transformers' activation `kind` of `value`. Raises UserError for one that is not known here."""
        if kind == "gelu":
            return self._fused("Gelu", [value])
        if kind in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
            return self._fused("FastGelu", [value])
        if kind in ("silu", "swish"):
            return self._fused("QuickGelu", [value], alpha=1.0)
        if kind == "relu":
            return self._node("Relu", [value])
        raise UserError(
            f"The activation “{kind}” has no ONNX graph here.",
            "Choose Transformers for this model.",
            code="unsupported_architecture",
        )

    # The graph -------------------------------------------------------------------------------------------------

    def _weight(self, name: str) -> ir.Value:
        return add_initializer(self._graph, name, self._weights.array(name))

    def _integers(self, value: int | list[int]) -> ir.Value:
        return add_initializer(self._graph, f"constant_{value}", np.array(value, dtype=np.int64))

    def _floats(self, value: float) -> ir.Value:
        return add_initializer(self._graph, f"number_{value}", np.array(value, dtype=np.float32))

    def _fused(self, operator: str, inputs: Sequence[ir.Value | None], outputs: int = 1, **attributes: Any) -> ir.Value:
        return self._nodes(operator, inputs, outputs, DOMAIN, **attributes)[0]

    def _node(self, operator: str, inputs: Sequence[ir.Value | None], **attributes: Any) -> ir.Value:
        return self._nodes(operator, inputs, 1, "", **attributes)[0]

    def _nodes(
        self, operator: str, inputs: Sequence[ir.Value | None], outputs: int, domain: str, **attributes: Any
    ) -> Sequence[ir.Value]:
        """Add a node; all of its outputs."""
        self._count += 1
        node = ir.node(
            operator, inputs=inputs, attributes=attributes, domain=domain, name=f"{operator}_{self._count}",
            num_outputs=outputs,
        )  # fmt: skip
        for place, output in enumerate(node.outputs):
            output.name = f"value_{self._count}" if place == 0 else f"value_{self._count}_{place}"
        self._graph.append(node)
        return node.outputs

    def _input(
        self, name: str, shape: Sequence[str | int] = ("batch", "tokens"), dtype: ir.DataType = ir.DataType.INT64
    ) -> ir.Value:
        value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))
        self._graph.inputs.append(value)
        return value

    def _output(self, value: ir.Value, name: str, shape: Sequence[str | int]) -> None:
        value.name, value.shape, value.dtype = name, ir.Shape(shape), ir.DataType.FLOAT
        self._graph.outputs.append(value)
