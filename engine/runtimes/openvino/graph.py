"""What decoders and encoders have in common: the operators of a Transformers model, written for OpenVINO.

Shape letters: B texts, T tokens, H hidden width, N rows and K columns of a weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.protocol.errors import UserError
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.weights import Weights

_TANH_GELU = frozenset({"gelu_new", "gelu_pytorch_tanh", "gelu_fast"})
_SWISH = frozenset({"silu", "swish"})


class Graph:
    """Writes nodes that hold the weights of Transformers model `twin`."""

    def __init__(self, twin: Any, weights: Weights) -> None:
        self.twin, self.config, self.weights = twin, twin.config, weights
        self.inputs: list[Any] = []
        self._named: set[str] = set()

    def input(self, name: str, kind: Any = ov.Type.i64, rank: int = 2) -> Any:
        """An input [B, T] (or [B] with `rank` 1) of any size."""
        node = ops.parameter([-1] * rank, kind, name=name)
        node.output(0).get_tensor().set_names({name})
        self.inputs.append(node)
        return node

    def output(self, value: Any, name: str) -> Any:
        """Output `name`."""
        node = ops.result(value, name=name)
        node.output(0).get_tensor().set_names({name})
        return node

    def has(self, module: str) -> bool:
        """Whether the model has a module of this name."""
        try:
            return self.twin.get_submodule(module) is not None
        except AttributeError:
            return False

    def linear(self, module: str, value: Any) -> Any:
        """`value` [B, T, K] times the module's weight, plus its bias where it has one: [B, T, N]."""
        product = ops.matmul(value, self.weights.matrix(module), False, True)
        product.set_friendly_name(module)
        if getattr(self.twin.get_submodule(module), "bias", None) is None:
            return product
        return ops.add(product, self.weights.vector(f"{module}.bias"))

    def rows(self, module: str, ids: Any) -> Any:
        """The rows `ids` of an embedding."""
        return self._called(module, ops.gather(self.weights.matrix(module), ids, integers(0)))

    def norm(self, module: str, value: Any, offset: float = 0.0) -> Any:
        """`value` normalised over its last axis as the module does; `offset` is added to an RMS norm's weight."""
        held = self.twin.get_submodule(module)
        if hasattr(held, "normalized_shape"):
            return self._layer_norm(module, value, float(held.eps))
        epsilon = getattr(held, "variance_epsilon", getattr(held, "eps", 1e-6))
        squares = ops.reduce_mean(ops.power(value, floats(2.0)), integers([-1]), keep_dims=True)
        scale = ops.divide(floats(1.0), ops.sqrt(ops.add(squares, floats(float(epsilon)))))
        normal = self._called(f"{module}/normal", ops.multiply(value, scale))
        return self._called(module, ops.multiply(self.weights.vector(f"{module}.weight", offset), normal))

    def _called(self, module: str, node: Any) -> Any:
        """`node` under the name of its module, by which profiles find it; a name is given once.

        The compiler drops products with ones and sums with zeros, so what they are made of has a name too.
        """
        if module not in self._named:
            self._named.add(module)
            node.set_friendly_name(module)
        return node

    def _layer_norm(self, module: str, value: Any, epsilon: float) -> Any:
        normal = self._called(f"{module}/normal", ops.mvn(value, integers([-1]), True, epsilon, "inside_sqrt"))
        scaled = ops.multiply(normal, self.weights.vector(f"{module}.weight"))
        return self._called(module, ops.add(scaled, self.weights.vector(f"{module}.bias")))

    def activation(self, kind: str, value: Any) -> Any:
        """Activation `kind`, under Transformers' name. Raises UserError for one that OpenVINO is not told here."""
        if kind in _SWISH:
            return ops.swish(value)
        if kind == "gelu":
            return ops.gelu(value, "erf")
        if kind in _TANH_GELU:
            return ops.gelu(value, "tanh")
        if kind == "relu":
            return ops.relu(value)
        raise UserError(
            f"OpenVINO's graph has no activation “{kind}”.",
            "Choose another runtime for this model.",
            code="unsupported_architecture",
        )


def integers(value: int | list[int] | list[list[int]]) -> Any:
    """A constant of int64 numbers."""
    return ops.constant(np.array(value, np.int64))


def floats(value: float) -> Any:
    """A float32 constant."""
    return ops.constant(np.array(value, np.float32))


def heads_of(value: Any, heads: int, width: int) -> Any:
    """`value` [B, T, heads · width] as [B, T, heads, width]."""
    return ops.reshape(value, integers([0, 0, heads, width]), special_zero=True)


def joined(value: Any) -> Any:
    """`value` [B, heads, T, width] as [B, T, heads · width]."""
    return ops.reshape(ops.transpose(value, integers([0, 2, 1, 3])), integers([0, 0, -1]), special_zero=True)
