"""What OpenVINO's compiler makes of a graph: the model that its processor plugin executes, read back."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from engine.compare.graph import FILE, GraphReport, report_of
from engine.runtimes.openvino import settings as arithmetic
from engine.runtimes.openvino.library import ov
from engine.runtimes.openvino.limits import MODEL, PLUGINS

# values, not work: they are no nodes in the report, as constants and inputs are none in ONNX
VALUES = frozenset({"Constant", "Parameter", "Result", "Const", "Input", "Output"})
# layers of the plugin that always stand for several operators
FUSED = frozenset({"RMS", "RoPE", "LLMMLP", "QKVProjection", "MHA", "Subgraph", "CausalMaskPreprocess"})
_NARROW = {"i8": "int8", "u8": "int8", "i4": "int4", "u4": "int4"}
_PACKED = frozenset({*_NARROW, "f16", "bf16"})  # types of weights that are unpacked where they are used
_TYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "i32": "int32", "i64": "int64", "boolean": "bool"}


def write(folder: Path, device: str) -> None:
    """Write graph.json beside the graph in `folder`. Raises RuntimeError when OpenVINO cannot compile it."""
    (folder / FILE).write_text(examined(folder, device).model_dump_json(indent=2) + "\n", encoding="utf-8")


def examined(folder: Path, device: str = "cpu") -> GraphReport:
    """The report for the graph in `folder`, compiled for the recipe's `device` with the settings that it is shipped
    with."""
    core = ov.Core()
    before = core.read_model(folder / MODEL)
    compiled = core.compile_model(before, PLUGINS[device], arithmetic.read(folder).options)
    return compared(before, compiled.get_runtime_model(), PLUGINS[device])


def compared(before: Any, after: Any, plugin: str = "CPU") -> GraphReport:
    """The report of model `before` and of the runtime model `after` that `plugin` compiled it to."""
    left: defaultdict[str, Counter[str]] = defaultdict(Counter)
    weights: Counter[str] = Counter()
    fused = set(FUSED)
    kept = set()
    for node in after.get_ordered_ops():
        layer = told(node, "layerType")
        if layer in VALUES:
            continue
        kept.update(told(node, "originalLayersNames").split(","))
        weight = weight_of(node, layer)
        if weight:
            weights[weight] += 1
        if does_more(node, layer, weight):
            fused.add(layer)
        left[layer][weight or type_of(told(node, "outputPrecisions"))] += 1
    return report_of(
        f"OpenVINO {ov.__version__.partition('-')[0]}",
        Counter(node.get_type_name() for node in before.get_ops() if node.get_type_name() not in VALUES),
        left,
        fused=fused,
        folded=len(_constant(before) - kept),
        weights=weights,
        providers={plugin: sum(kinds.total() for kinds in left.values())},
        fallback={},
    )


def does_more(node: Any, layer: str, weight: str) -> bool:
    """Whether the plugin's `node` also unpacks its weights of type `weight`, or appends to the cache it attends to."""
    if layer == "FullyConnected" and weight in _NARROW.values():
        return True
    return "Attention" in layer and any(told(source, "layerType") == "MemoryInput" for source in sources_of(node))


def _constant(model: Any) -> set[str]:
    """Names of the nodes of `model` that depend on constants alone, but for those that unpack narrow weights."""
    fixed: set[str] = set()
    found: set[str] = set()
    for node in model.get_ordered_ops():
        name = node.get_friendly_name()
        if node.get_type_name() == "Constant":
            fixed.add(name)
            continue
        sources = sources_of(node)
        if not sources or not all(source.get_friendly_name() in fixed for source in sources):
            continue
        if node.get_type_name() == "Convert" and sources[0].get_element_type().to_string() in _PACKED:
            continue
        fixed.add(name)
        found.add(name)
    return found


def weight_of(node: Any, layer: str) -> str:
    """The type of the weights that `node` multiplies or looks up; empty for a node without."""
    if layer not in ("FullyConnected", "Gather", "GatherCompressed", "Convolution"):
        return ""
    place = 0 if layer.startswith("Gather") else 1
    sources = sources_of(node)
    if len(sources) <= place or told(sources[place], "layerType") != "Const":
        return ""
    kind = told(sources[place], "outputPrecisions")
    return type_of(kind) if kind in _NARROW or kind in ("f32", "f16", "bf16") else ""


def sources_of(node: Any) -> list[Any]:
    """The nodes that `node` reads."""
    return [port.get_source_output().get_node() for port in node.inputs()]


def told(node: Any, key: str) -> str:
    """What the plugin notes about a node of its runtime model; empty where it notes nothing."""
    info = node.get_rt_info()
    return str(info[key].value) if key in info else ""


def type_of(kinds: str) -> str:
    """The name of the first of `kinds` ("bf16,f32")."""
    first = kinds.partition(",")[0]
    return _NARROW.get(first) or _TYPES.get(first, first)
