"""What ONNX Runtime's own optimisation makes of a graph: its optimised graph, read back, and where each node runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import onnx_ir as ir
import onnxruntime as ort

from engine.compare.graph import FILE, GraphReport, report_of, together
from engine.runtimes.onnx_runtime.compiled import CPU, optimised, result_type, weight_type
from engine.runtimes.onnx_runtime.limits import MODEL


def write(folder: Path, device: str, files: Sequence[str] = (MODEL,)) -> None:
    """Write graph.json beside the graphs `files` in `folder`."""
    report = together([examined(folder / file, device) for file in files])
    (folder / FILE).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def examined(graph: Path, device: str) -> GraphReport:
    """The report for the graph in file `graph`, optimised for `device`."""
    with optimised(graph, device) as made:
        placed = Counter((provider, operator) for provider, _, operator in made.placed)
        return compared(ir.load(graph), made.model, placed, device)


def compared(before: ir.Model, after: ir.Model, placed: Counter[tuple[str, str]], device: str) -> GraphReport:
    """The report of graph `before` and the same `after` optimisation, its nodes `placed` as (provider, operator)."""
    results = {output.name for node in before.graph for output in node.outputs}
    providers: Counter[str] = Counter()
    for (provider, _), count in placed.items():
        providers[provider] += count
    left: defaultdict[str, Counter[str]] = defaultdict(Counter)
    types: dict[str, str] = {}
    for node in after.graph:
        kind = result_type(node, types)
        types.update({output.name or "": kind for output in node.outputs})
        left[node.op_type][weight_type(node) or kind] += 1
    fallback = {operator: count for (provider, operator), count in placed.items() if provider == CPU}
    return report_of(
        f"ONNX Runtime {ort.__version__}",
        Counter(node.op_type for node in before.graph),
        left,
        fused={node.op_type for node in after.graph if node.domain.startswith("com.microsoft")},
        folded=sum(name in results for name in after.graph.initializers),
        weights=Counter(kind for node in after.graph if (kind := weight_type(node))),
        providers=providers,
        fallback=fallback if device == "cuda" else {},
    )
