"""What is told about OpenVINO's compiler agrees with the model that it executes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.catalogue import load
from engine.compare.graph import FILE, read
from engine.recipe.recipe import Target
from engine.runtimes.open import read_artefact, request_of
from tests.helpers.onnx_runtime import build, quantized

pytest.importorskip("openvino")


def test_a_decoders_graph_is_told(tiny_llama: Path, tmp_path: Path) -> None:
    source = quantized(tiny_llama, tmp_path, bits=8, group_size=32)
    folder = build(source, tmp_path, Target(runtime="openvino", options={"accuracy": "exact"}))
    artefact = read_artefact(folder)
    assert artefact is not None
    assert FILE in artefact.files
    report = read(folder)
    assert report.nodes_before == sum(operator.before for operator in report.operators)
    assert report.nodes_after == sum(operator.after for operator in report.operators) == report.providers["CPU"]
    assert report.nodes_after < report.nodes_before
    found = {operator.operator: operator for operator in report.operators}
    assert "Constant" not in found
    assert "Const" not in found
    products = found["FullyConnected"]
    assert products.fused
    assert products.precisions["int8"] == artefact.facts["integer weights"]
    assert report.precisions["int8"] == artefact.facts["integer weights"]
    assert found["RMS"].fused
    assert found["RMS"].after == found["ReduceMean"].before  # each norm was five operators and is one
    spec, request = request_of(folder)
    graph = load(spec.graph)(request)
    assert (len(graph.before), len(graph.after)) == (report.nodes_before, report.nodes_after)
    fused = [node.operator for node in graph.after if node.state == "fused"]
    assert fused.count("RMS") == found["RMS"].after
    assert fused.count("FullyConnected") == products.precisions["int8"]
    assert [node.place.kind for node in graph.after if node.operator == "RMS"].count("norm") == found["RMS"].after
    load(spec.graph_files)(request, tmp_path)
    assert (tmp_path / "compiled.xml").stat().st_size > (1 << 14)
    assert not list(tmp_path.glob("*.bin"))


def test_what_depends_on_constants_alone_is_counted_as_folded() -> None:
    from engine.runtimes.openvino.library import ops, ov
    from engine.runtimes.openvino.report import compared

    given = ops.parameter([-1, 4], ov.Type.f32)
    fixed = ops.add(ops.constant(np.ones(4, np.float32)), ops.constant(np.ones(4, np.float32)))
    model = ov.Model([ops.multiply(given, ops.sqrt(fixed))], [given], "two that are folded, one that is not")
    compiled = ov.Core().compile_model(model, "CPU")
    assert compared(model, compiled.get_runtime_model()).folded == 2
