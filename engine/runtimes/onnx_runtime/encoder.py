"""The graph of a text encoder (BERT, RoBERTa, DistilBERT), written with ONNX Runtime's fused operators.

Shape letters: B texts, T tokens, H hidden width, V vocabulary, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from engine.grid.grid import Grid
from engine.runtimes.encoder_layout import Layout
from engine.runtimes.onnx_runtime.graph import add_initializer, integer_initializers, integer_shape
from engine.runtimes.onnx_runtime.nbits import blocks_of

_DOMAIN = "com.microsoft"
_OPSET = 21
GridOf = Callable[[str], Grid | None]


class EncoderGraph:
    """Writes the graph of Transformers model `twin`; `grid_of` answers the grid of a module, None for a float one."""

    def __init__(self, twin: Any, layout: Layout, grid_of: GridOf, level: int) -> None:
        self._twin, self._layout, self._grid_of, self._level = twin, layout, grid_of, level
        self._config = twin.config
        self._graph = ir.Graph(inputs=(), outputs=(), nodes=(), opset_imports={"": _OPSET, _DOMAIN: 1}, name="encoder")
        self.model = ir.Model(self._graph, ir_version=10)
        self._count = 0

    def write(self, task: str) -> ir.Model:
        """The graph with output last_hidden_state [B, T, H]; logits [B, C] or [B, T, V] for a task that has them."""
        ids, mask = self._input("input_ids"), self._input("attention_mask")
        hidden = self._embeddings(ids)
        padding = self._node("Cast", [mask], to=ir.DataType.INT32)
        for index in range(self._layout.layers(self._config)):
            hidden = self._layer(self._layout.layer.format(index), hidden, padding)
        if task == "text-classification":
            self._output(self._classifier(hidden), "logits", ["batch", self._config.num_labels])
        elif task == "fill-mask":
            self._output(self._vocabulary(hidden), "logits", ["batch", "tokens", self._config.vocab_size])
        self._output(hidden, "last_hidden_state", ["batch", "tokens", self._layout.width(self._config)])
        return self.model

    # The parts -------------------------------------------------------------------------------------------------

    def _embeddings(self, ids: ir.Value) -> ir.Value:
        part = self._layout.embeddings
        words = self._rows(f"{part}.word_embeddings", ids)
        table = self._weight(f"{part}.position_embeddings.weight")
        if self._layout.offset_positions:
            positions = self._rows(f"{part}.position_embeddings", self._offset_positions(ids))
        else:
            length = self._node("Shape", [ids], start=1, end=2)
            positions = self._node("Slice", [table, self._integers([0]), length])
            positions = self._node("Unsqueeze", [positions, self._integers([0])])
        total = self._node("Add", [words, positions])
        if not self._layout.token_types:
            return self._plain_norm(f"{part}.LayerNorm", total)
        if self._config.type_vocab_size > 1:
            types = self._rows(f"{part}.token_type_embeddings", self._input("token_type_ids"))
        else:
            types = self._weight(f"{part}.token_type_embeddings.weight")
        return self._plain_norm(f"{part}.LayerNorm", self._node("Add", [total, types]))

    def _offset_positions(self, ids: ir.Value) -> ir.Value:
        """RoBERTa's positions: padding_idx + 1 on from the first real token, padding_idx on padding."""
        pad = self._integers(self._config.pad_token_id)
        same = self._node("Equal", [ids, pad])
        real = self._node("Cast", [self._node("Not", [same])], to=ir.DataType.INT64)
        counted = self._node("CumSum", [real, self._integers(1)])
        return self._node("Add", [self._node("Mul", [counted, real]), pad])

    def _layer(self, name: str, hidden: ir.Value, padding: ir.Value) -> ir.Value:
        """A post-norm transformer layer: attention, then feed-forward, each added to its input and normalised."""
        layout = self._layout
        names = [f"{name}.{part}" for part in (layout.query, layout.key, layout.value)]
        query, key, value = (self._product(part, hidden) for part in names)
        biases = np.concatenate([self._array(f"{part}.bias") for part in names])
        bias = add_initializer(self._graph, f"{name}.qkv_bias", biases)
        heads = layout.heads(self._config)
        mixed = self._fused("MultiHeadAttention", [query, key, value, bias, padding], num_heads=heads)
        mixed = self._product(f"{name}.{layout.attention_output}", mixed)
        hidden = self._add_norm(f"{name}.{layout.attention_norm}", mixed, hidden, f"{name}.{layout.attention_output}")
        inner = self._product(f"{name}.{layout.up}", hidden)
        inner = self._activation(inner, self._weight(f"{name}.{layout.up}.bias"))
        outer = self._product(f"{name}.{layout.down}", inner)
        return self._add_norm(f"{name}.{layout.output_norm}", outer, hidden, f"{name}.{layout.down}")

    def _classifier(self, hidden: ir.Value) -> ir.Value:
        first = self._node("Gather", [hidden, self._integers(0)], axis=1)
        layout = self._layout
        pooled = self._node(layout.pooler_activation, [self._linear(layout.pooler, first)])
        return self._linear(layout.classifier, pooled)

    def _vocabulary(self, hidden: ir.Value) -> ir.Value:
        layout = self._layout
        inner = self._activation(
            self._product(layout.vocabulary_dense, hidden), self._weight(f"{layout.vocabulary_dense}.bias")
        )
        return self._linear(layout.vocabulary_output, self._plain_norm(layout.vocabulary_norm, inner))

    # The operators ---------------------------------------------------------------------------------------------

    def _linear(self, module: str, value: ir.Value) -> ir.Value:
        return self._node("Add", [self._product(module, value), self._weight(f"{module}.bias")])

    def _product(self, module: str, value: ir.Value) -> ir.Value:
        """`value` times the module's weight, without its bias: MatMulNBits where the weight lies on a grid."""
        grid = self._grid_of(module)
        if grid is None:
            weight = self._twin.get_submodule(module).weight.detach().T
            name = f"{module}.weight_transposed"
            return self._node("MatMul", [value, add_initializer(self._graph, name, weight.contiguous().numpy())])
        blocks = blocks_of([grid])
        inputs = [value, *integer_initializers(self._graph, module, blocks)]
        return self._fused("MatMulNBits", inputs, **integer_shape(blocks), accuracy_level=self._level)

    def _rows(self, module: str, ids: ir.Value) -> ir.Value:
        """The rows `ids` of an embedding: GatherBlockQuantized where it lies on a grid."""
        grid = self._grid_of(module)
        blocks = None if grid is None else blocks_of([grid])
        if blocks is None or blocks.padded:
            return self._node("Gather", [self._weight(f"{module}.weight"), ids])
        data = add_initializer(self._graph, f"{module}.rows", blocks.data.reshape(blocks.rows, -1))
        scales = add_initializer(self._graph, f"{module}.scales", blocks.scales)
        return self._fused(
            "GatherBlockQuantized", [data, ids, scales],
            bits=blocks.bits, block_size=blocks.block, gather_axis=0, quantize_axis=1,
        )  # fmt: skip

    def _activation(self, value: ir.Value, bias: ir.Value) -> ir.Value:
        kind = self._layout.activation(self._config)
        if kind == "gelu":
            return self._fused("BiasGelu", [value, bias])
        if kind in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
            return self._fused("FastGelu", [value, bias])
        return self._node("Relu", [self._node("Add", [value, bias])])

    def _add_norm(self, norm: str, value: ir.Value, skip: ir.Value, biased: str) -> ir.Value:
        inputs = [value, skip, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        inputs.append(self._weight(f"{biased}.bias"))
        return self._fused("SkipLayerNormalization", inputs, epsilon=self._epsilon)

    def _plain_norm(self, norm: str, value: ir.Value) -> ir.Value:
        inputs = [value, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=self._epsilon)

    @property
    def _epsilon(self) -> float:
        return float(getattr(self._config, "layer_norm_eps", 1e-12))

    # The graph -------------------------------------------------------------------------------------------------

    def _array(self, name: str) -> Any:
        return self._twin.get_parameter(name).detach().float().contiguous().numpy()

    def _weight(self, name: str) -> ir.Value:
        return add_initializer(self._graph, name, self._array(name))

    def _integers(self, value: int | list[int]) -> ir.Value:
        return add_initializer(self._graph, f"constant_{value}", np.array(value, dtype=np.int64))

    def _fused(self, operator: str, inputs: list[ir.Value], **attributes: Any) -> ir.Value:
        return self._node(operator, inputs, domain=_DOMAIN, **attributes)

    def _node(self, operator: str, inputs: list[ir.Value], domain: str = "", **attributes: Any) -> ir.Value:
        self._count += 1
        node = ir.node(operator, inputs=inputs, attributes=attributes, domain=domain, name=f"{operator}_{self._count}")
        node.outputs[0].name = f"value_{self._count}"
        self._graph.append(node)
        return node.outputs[0]

    def _input(self, name: str) -> ir.Value:
        value = ir.Value(name=name, shape=ir.Shape(["batch", "tokens"]), type=ir.TensorType(ir.DataType.INT64))
        self._graph.inputs.append(value)
        return value

    def _output(self, value: ir.Value, name: str, shape: list[str | int]) -> None:
        value.name, value.shape, value.dtype = name, ir.Shape(shape), ir.DataType.FLOAT
        self._graph.outputs.append(value)
