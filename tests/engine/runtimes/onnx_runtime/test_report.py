"""What is told about the optimiser's work agrees with the graph that it left."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.compare.compiled import CompiledGraph
from engine.compare.graph import FILE, read
from engine.protocol.errors import UserError
from engine.protocol.job import ExportJob, GraphJob, RunJob
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.runtimes.open import read_artefact
from tests.helpers.jobs import Desk

pytest.importorskip("onnxruntime_genai")


def test_a_runs_graph_is_told_by_the_command_line(tiny_llama: Path, tmp_path: Path) -> None:
    import onnx_ir as ir

    from engine.runs.store import RunStore

    entry = PassEntry(**{"pass": "quantize"}, options={"bits": 8, "group_size": 32})
    recipe = Recipe(passes=(entry,), target=Target(runtime="onnxruntime", options={"accuracy": "fast"}))
    made = str(Desk().run(RunJob(checkpoint=str(tiny_llama), recipe=recipe))["run"])
    folder = RunStore().get(made).artefact_folder
    artefact = read_artefact(folder)
    assert artefact is not None
    assert FILE in artefact.files
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == []  # nothing of the optimiser's stays
    report = read(folder)
    assert report.nodes_before == artefact.facts["nodes"]
    assert report.nodes_after == sum(operator.after for operator in report.operators)
    products = next(o for o in report.operators if o.operator == "MatMulNBits")
    assert products.fused
    assert report.precisions["int8, accuracy level 4"] == products.after
    assert report.precisions["float32"] >= 1  # the head, and the embedding's look-up
    assert report.nodes_after <= report.providers["CPUExecutionProvider"] <= report.nodes_before
    assert not report.fallback
    told = CliRunner().invoke(app, ["runs", "graph", made, "--json"])
    assert json.loads(told.stdout) == report.model_dump(mode="json")
    graph = CompiledGraph.model_validate(Desk().run(GraphJob(run=made)))
    assert (len(graph.before), len(graph.after)) == (report.nodes_before, report.nodes_after)
    states = Counter(node.state for node in graph.after)
    assert states["fused"] == sum(operator.after for operator in report.operators if operator.fused)
    assert {node.place.layer for node in graph.after} == {None, 0, 1, 2}
    assert all(source < number for number, node in enumerate(graph.after) for source in node.sources)
    names = {node.name for node in graph.after}
    assert all((node.state == "gone") == (node.name not in names) for node in graph.before)
    written = Desk().run(ExportJob(run=made, format="graph", out=str(tmp_path / "graph")))
    assert written["files"] == ["built.onnx", "compiled.onnx"]
    assert len(ir.load(tmp_path / "graph" / "compiled.onnx").graph) == report.nodes_after
    assert sum(file.stat().st_size for file in (tmp_path / "graph").iterdir()) < 200_000  # no weights


def test_a_run_without_a_report_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no report"):
        read(tmp_path)
