"""Keys and values kept in 8 bits: a scale for every channel, measured on calibration text, and the graph that uses it.

Shape letters: L layers, H key-value heads, D head width, T tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from engine.calibration.options import CalibrationOptions
from engine.calibration.windows import sample
from engine.parallel.placement import suggested_threads
from engine.runtimes.base import BuildContext
from engine.runtimes.onnx_runtime.cache import PAST, PRESENT, cache_shape
from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.limits import CACHE_TOKENS
from engine.runtimes.onnx_runtime.session import inference_session

Scales = dict[str, npt.NDArray[np.float32]]

_TEXT = CalibrationOptions(samples=8, tokens=CACHE_TOKENS)
# What other text has beyond the largest of this one is cut off, and that costs more than steps a tenth coarser do. On
# the sample model in 8 bits, KL over windows of 512 tokens of WikiText-2 (median; 0.0030 with a float cache) is 0.0042
# with the largest value, 0.0039 with a tenth more, 0.0041 with three tenths, 0.0044 with the least squared error and
# 0.0071 with one scale a layer. But keys turn with their position, the slowest channels over thousands of tokens: with
# the largest values of such windows and a tenth more, KL over windows of 2,048 tokens is 0.053. With room for any turn
# (`_reach`) it is 0.0043 there (0.0028 with a float cache), and 0.0046 over the short windows.
_HEADROOM = 1.1
_LARGEST = 127
# GroupQueryAttention's inputs, by place.
_PAST_KEY, _PAST_VALUE, _KEY_SCALE, _VALUE_SCALE = 3, 4, 12, 13


def measured(context: BuildContext) -> Scales:
    """The scales of every cache input of the graph in `context.destination`, whose cache is float: [H·D] by name.

    Raises UserError where the checkpoint has no tokenizer.
    """
    windows = sample(context.source, context.info, _TEXT).numpy()
    heads, width = cache_shape(context.destination)
    threads = context.target.threads or suggested_threads(context.target.replicas)
    session = inference_session(context.destination, threads, context.target.device)
    inputs = {value.name for value in session.get_inputs()}
    presents = [value.name for value in session.get_outputs() if value.name.startswith(PRESENT)]
    largest = {name.replace(PRESENT, PAST): np.zeros((heads, width), np.float32) for name in presents}
    feeds: dict[str, Any] = {name: np.zeros((1, heads, 0, width), np.float32) for name in largest}
    for index, ids in enumerate(windows):
        context.step(index, len(windows), "Measuring keys and values")
        feeds |= {"input_ids": ids[None], "attention_mask": np.ones_like(ids)[None]}
        if "position_ids" in inputs:
            feeds["position_ids"] = np.arange(len(ids))[None]
        for name, found in zip(largest, session.run(presents, feeds), strict=True):
            reached = _reach(found[0]) if name.endswith(".key") else np.abs(found[0])
            np.maximum(largest[name], reached.max(axis=1), out=largest[name])
    floor = np.float32(1e-6)  # a channel that is always zero has a scale all the same
    return {name: np.maximum(found.ravel() * (_HEADROOM / _LARGEST), floor) for name, found in largest.items()}


def _reach(keys: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The largest magnitude that each number of rotated `keys` [H, T, D] has at any position: its pair's length."""
    pairs = keys.reshape(*keys.shape[:2], 2, -1)
    return np.asarray(np.tile(np.sqrt(np.square(pairs).sum(axis=2)), 2), dtype=np.float32)


def use_integer_cache(model: ir.Model, scales: Scales) -> int:
    """Let every GroupQueryAttention of `model` keep keys and values as int8 of `scales`; the bytes of the scales."""
    for node in model.graph:
        if node.op_type != "GroupQueryAttention":
            continue
        node.resize_inputs(max(len(node.inputs), _VALUE_SCALE + 1))
        for past, place in ((_PAST_KEY, _KEY_SCALE), (_PAST_VALUE, _VALUE_SCALE)):
            value = node.inputs[past]
            assert value is not None
            assert value.name is not None
            scale = add_initializer(model.graph, f"{value.name}.scale", scales[value.name])
            node.replace_input_with(place, scale)
        for name in ("k_quant_type", "v_quant_type"):
            node.attributes[name] = ir.AttrString(name, "PER_CHANNEL")
        node.attributes["kv_cache_bit_width"] = ir.AttrInt64("kv_cache_bit_width", 8)
    for value in (*model.graph.inputs, *model.graph.outputs):
        if (value.name or "").startswith((PAST, PRESENT)):
            value.dtype = ir.DataType.INT8
    return sum(scale.nbytes for scale in scales.values())
