"""What ONNX Runtime's own optimisation makes of a graph: its optimised graph, read back, and where each node runs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import onnx_ir as ir
import onnxruntime as ort

from engine.compare.graph import FILE, GraphReport, report_of, together
from engine.runtimes.onnx_runtime.limits import MODEL

_INTEGER = ("MatMulNBits", "GatherBlockQuantized")
# operators whose results have the type of their first input
_KEEP_TYPE = frozenset(
    {
        "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Tanh", "Relu", "Softmax", "ReduceMean", "MatMul", "Gemm",
        "LayerNormalization", "SimplifiedLayerNormalization", "Slice", "Unsqueeze", "Squeeze", "Reshape", "Transpose",
        "Concat", "Expand", "Gather", "MatMulNBits", "FusedMatMul", "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization", "MultiHeadAttention", "GroupQueryAttention", "RotaryEmbedding", "Gelu",
        "BiasGelu", "FastGelu", "QuickGelu", "Attention", "TensorScatter", "RMSNormalization",
    }
)  # fmt: skip
_SCALES = 2  # input of GatherBlockQuantized whose type its results have
_CPU = "CPUExecutionProvider"
_DATA = "optimised.data"


def write(folder: Path, device: str, files: Sequence[str] = (MODEL,)) -> None:
    """Write graph.json beside the graphs `files` in `folder`."""
    report = together([examined(folder / file, device) for file in files])
    (folder / FILE).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def examined(graph: Path, device: str) -> GraphReport:
    """The report for the graph in file `graph`, optimised for `device`."""
    with tempfile.TemporaryDirectory(dir=graph.parent) as scratch:
        optimised = Path(scratch) / "optimised.onnx"
        with contextlib.suppress(OSError, NotImplementedError):  # Windows, where it is written and removed
            (Path(scratch) / _DATA).symlink_to(os.devnull)  # nobody reads the rearranged weights
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(optimised)
        options.log_severity_level = 3  # it warns that the file is for this machine alone; so is the report
        for key, value in (
            ("session.record_ep_graph_assignment_info", "1"),
            ("session.optimized_model_external_initializers_file_name", _DATA),
            ("session.optimized_model_external_initializers_min_size_in_bytes", "1024"),
            ("session.disable_prepacking", "1"),
        ):
            options.add_session_config_entry(key, value)
        providers = ["CUDAExecutionProvider", _CPU] if device == "cuda" else [_CPU]
        session = ort.InferenceSession(str(graph), options, providers=providers)
        placed = Counter(
            (part.ep_name, node.op_type)
            for part in session.get_provider_graph_assignment_info()
            for node in part.get_nodes()
        )
        del session
        return compared(ir.load(graph), ir.load(optimised), placed, device)


def compared(before: ir.Model, after: ir.Model, placed: Counter[tuple[str, str]], device: str) -> GraphReport:
    """The report of graph `before` and the same `after` optimisation, its nodes `placed` as (provider, operator)."""
    results = {output.name for node in before.graph for output in node.outputs}
    providers: Counter[str] = Counter()
    for (provider, _), count in placed.items():
        providers[provider] += count
    left: defaultdict[str, Counter[str]] = defaultdict(Counter)
    types: dict[str, str] = {}
    for node in after.graph:
        kind = _result(node, types)
        types.update({output.name or "": kind for output in node.outputs})
        left[node.op_type][_precision(node) or kind] += 1
    fallback = {operator: count for (provider, operator), count in placed.items() if provider == _CPU}
    return report_of(
        f"ONNX Runtime {ort.__version__}",
        Counter(node.op_type for node in before.graph),
        left,
        fused={node.op_type for node in after.graph if node.domain.startswith("com.microsoft")},
        folded=sum(name in results for name in after.graph.initializers),
        weights=Counter(kind for node in after.graph if (kind := _precision(node))),
        providers=providers,
        fallback=fallback if device == "cuda" else {},
    )


def _precision(node: ir.Node) -> str:
    """The type of the weights that `node` multiplies or looks up; empty for a node without."""
    if node.op_type in _INTEGER:
        bits = node.attributes.get_int("bits", 4)
        level = f", accuracy level {node.attributes.get_int('accuracy_level', 0)}"
        return f"int{bits}" + (level if node.op_type == "MatMulNBits" else "")
    if node.op_type not in ("MatMul", "Gemm", "FusedMatMul", "Gather"):
        return ""
    weight = next((value for value in node.inputs if value is not None and value.is_initializer()), None)
    if weight is None or weight.dtype is None or not weight.dtype.is_floating_point():
        return ""
    return _type(weight)


def _result(node: ir.Node, types: dict[str, str]) -> str:
    """The type of what `node` computes; where the graph does not say, that of its input if it keeps the type.

    `types` holds those of the nodes before it, by value.
    """
    place = _SCALES if node.op_type == "GatherBlockQuantized" else 0
    keeps = node.op_type in _KEEP_TYPE or place == _SCALES
    given = node.inputs[place] if keeps and len(node.inputs) > place else None
    return _type(node.outputs[0]) or (_type(given) or types.get(given.name or "", "") if given is not None else "")


def _type(value: ir.Value) -> str:
    """The type of the numbers in `value`; empty where the graph does not say."""
    name = value.dtype.name if value.dtype else ""
    return {"FLOAT": "float32"}.get(name, name.lower())
