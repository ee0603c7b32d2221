"""Causal attention over a key-value cache that the model keeps itself, in the form that OpenVINO's plugins fuse.

Shape letters: B texts, T new tokens, S tokens with those in the cache, H heads, D head width, R rotated columns of D.
"""

from __future__ import annotations

from typing import Any

from engine.protocol.errors import UserError
from engine.runtimes.openvino.graph import floats, integers
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.limits import FIXED_ROPES

HIDDEN = -65504.0  # added to scores of hidden keys: their share becomes exactly 0, and no row becomes not a number


def causal_mask(ids: Any, mask: Any, positions: Any, window: int | None) -> Any:
    """What is added to attention scores, [B, 1, T, S], for `ids` [B, T], `mask` [B, S] and `positions` [B, T].

    Slots of the cache that `mask` marks 0 are hidden from every query, wherever they lie. `window` is the number of
    tokens that a layer looks back, the query's own included.
    """
    total = ops.gather(ops.shape_of(mask), integers(1), integers(0))
    new = ops.gather(ops.shape_of(ids), integers(1), integers(0))
    keys = ops.range(integers(0), total, integers(1), ov.Type.i64)
    queries = ops.range(ops.subtract(total, new), total, integers(1), ov.Type.i64)
    visible = ops.less_equal(ops.unsqueeze(keys, integers(0)), ops.unsqueeze(queries, integers(1)))
    visible = ops.unsqueeze(visible, integers([0, 1]))
    real = ops.unsqueeze(ops.convert(mask, ov.Type.boolean), integers([1, 2]))
    visible = ops.logical_and(visible, real)
    if window is not None:
        counted = ops.subtract(ops.cum_sum(mask, integers(1)), integers(1))
        oldest = ops.subtract(ops.unsqueeze(positions, integers([1, 3])), integers(window))
        visible = ops.logical_and(visible, ops.greater(ops.unsqueeze(counted, integers([1, 2])), oldest))
    return hidden_scores(visible)


def hidden_scores(visible: Any) -> Any:
    """What is added to attention scores: nothing where `visible` is true, and what hides a key elsewhere."""
    return ops.select(visible, floats(0.0), floats(HIDDEN))


class Rotation:
    """The rotary embedding of a model: cosines and sines [B, 1, T, R] of `positions` [B, T]."""

    def __init__(self, module: Any, positions: Any) -> None:
        """`module` is Transformers' rotary embedding. Raises UserError for one that depends on the text's length."""
        kind = getattr(module, "rope_type", "default")
        if kind not in FIXED_ROPES:
            raise UserError(
                f"OpenVINO's graph cannot hold rotary positions of the kind “{kind}”.",
                "Choose another runtime for this model.",
                code="unsupported_architecture",
            )
        frequencies = module.inv_freq.detach().float().numpy().reshape(1, -1, 1)
        self._width = 2 * frequencies.shape[1]
        times = ops.convert(ops.unsqueeze(positions, integers(1)), ov.Type.f32)
        angles = ops.transpose(ops.matmul(ops.constant(frequencies), times, False, False), integers([0, 2, 1]))
        angles = ops.concat([angles, angles], -1)
        scaling = floats(float(getattr(module, "attention_scaling", 1.0)))
        self._cosine = ops.unsqueeze(ops.multiply(ops.cos(angles), scaling), integers(1))
        self._sine = ops.unsqueeze(ops.multiply(ops.sin(angles), scaling), integers(1))

    def turn(self, value: Any, width: int) -> Any:
        """`value` [B, H, T, D] with its first R columns rotated; `width` is D."""
        if width == self._width:
            return self._turned(value)
        first = _columns(value, 0, self._width)
        return ops.concat([self._turned(first), _columns(value, self._width, width)], -1)

    def _turned(self, value: Any) -> Any:
        half = self._width // 2
        second = ops.multiply(_columns(value, half, self._width), floats(-1.0))
        swapped = ops.concat([second, _columns(value, 0, half)], -1)
        return ops.add(ops.multiply(value, self._cosine), ops.multiply(swapped, self._sine))


class Cache:
    """Keys or values of one layer, kept between requests under `name`: [B, H, S, D]."""

    def __init__(self, name: str, heads: int, width: int, rows: Any, order: Any) -> None:
        """`rows` is the batch size [1] of a new cache; `order` [B] says which old row each row continues."""
        empty = ops.broadcast(floats(0.0), ops.concat([rows, integers([heads, 0, width])], 0))
        info = ov.op.util.VariableInfo()
        info.variable_id, info.data_type = name, ov.Type.f32
        info.data_shape = ov.PartialShape([-1, heads, -1, width])
        self._variable = ov.op.util.Variable(info)
        self._past = ops.gather(ops.read_value(empty, self._variable), order, integers(0))
        self.sink: Any = None

    def append(self, value: Any) -> Any:
        """`value` [B, H, T, D] after what is kept: [B, H, S, D]. To be called once."""
        whole = ops.concat([self._past, value], 2)
        self.sink = ops.assign(whole, self._variable)
        return whole


def repeated(value: Any, times: int, heads: int, width: int) -> Any:
    """`value` [B, heads / times, S, D] with every head `times` times: [B, heads, S, D]."""
    if times == 1:
        return value
    wide = ops.broadcast(
        ops.unsqueeze(value, integers(2)), integers([1, 1, times, 1, 1]), broadcast_spec="BIDIRECTIONAL"
    )
    return ops.reshape(wide, integers([0, heads, -1, width]), special_zero=True)


def _columns(value: Any, start: int, end: int) -> Any:
    return ops.slice(value, integers([start]), integers([end]), integers([1]), integers([3]))


def empty_rows(ids: Any) -> Any:
    """The batch size of `ids` [B, T], as [1]."""
    return ops.gather(ops.shape_of(ids), integers([0]), integers(0))
