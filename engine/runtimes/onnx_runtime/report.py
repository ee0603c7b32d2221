"""What ONNX Runtime's own optimisation makes of a graph: its optimised graph, read back, and where each node runs."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import onnx_ir as ir
import onnxruntime as ort

from engine.compare.graph import FILE, GraphReport, OperatorCount
from engine.runtimes.onnx_runtime.limits import MODEL

_INTEGER = ("MatMulNBits", "GatherBlockQuantized")
_CPU = "CPUExecutionProvider"


def write(folder: Path, device: str) -> None:
    """Write graph.json beside the graph in `folder`; weights are rearranged on the disk for a moment."""
    (folder / FILE).write_text(examined(folder, device).model_dump_json(indent=2) + "\n", encoding="utf-8")


def examined(folder: Path, device: str) -> GraphReport:
    """The report for the graph in `folder`, optimised for `device`."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        optimised = Path(scratch) / "optimised.onnx"
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(optimised)
        options.log_severity_level = 3  # it warns that the file is for this machine alone; so is the report
        for key, value in (
            ("session.record_ep_graph_assignment_info", "1"),
            ("session.optimized_model_external_initializers_file_name", "optimised.data"),
            ("session.optimized_model_external_initializers_min_size_in_bytes", "1024"),
            ("session.disable_prepacking", "1"),
        ):
            options.add_session_config_entry(key, value)
        providers = ["CUDAExecutionProvider", _CPU] if device == "cuda" else [_CPU]
        session = ort.InferenceSession(str(folder / MODEL), options, providers=providers)
        placed = Counter(
            (part.ep_name, node.op_type)
            for part in session.get_provider_graph_assignment_info()
            for node in part.get_nodes()
        )
        del session
        return compared(ir.load(folder / MODEL), ir.load(optimised), placed, device)


def compared(before: ir.Model, after: ir.Model, placed: Counter[tuple[str, str]], device: str) -> GraphReport:
    """The report of graph `before` and the same `after` optimisation, its nodes `placed` as (provider, operator)."""
    old, new = (Counter(node.op_type for node in model.graph) for model in (before, after))
    results = {output.name for node in before.graph for output in node.outputs}
    providers: Counter[str] = Counter()
    for (provider, _), count in placed.items():
        providers[provider] += count
    fused = {node.op_type for node in after.graph if node.domain.startswith("com.microsoft")}
    fallback = {operator: count for (provider, operator), count in placed.items() if provider == _CPU}
    return GraphReport(
        compiler=f"ONNX Runtime {ort.__version__}",
        nodes_before=sum(old.values()),
        nodes_after=sum(new.values()),
        operators=tuple(
            OperatorCount(operator=name, before=old[name], after=new[name], fused=name in fused)
            for name, _ in sorted((old | new).items(), key=lambda item: (-item[1], item[0]))
        ),
        folded=sum(name in results for name in after.graph.initializers),
        precisions=dict(Counter(kind for node in after.graph if (kind := _precision(node)))),
        providers=dict(providers),
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
    return {"FLOAT": "float32", "FLOAT16": "float16"}.get(weight.dtype.name, weight.dtype.name.lower())
