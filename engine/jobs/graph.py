"""Read a run's compiled graph node by node."""

from __future__ import annotations

from typing import Any

from engine.catalogue import load
from engine.compare.compiled import CompiledGraph
from engine.jobs.base import JobContext
from engine.protocol.errors import UserError
from engine.protocol.job import GraphJob
from engine.runs.store import RunStore
from engine.runtimes.graphs import graph_refusal
from engine.runtimes.open import request_of


def handle(job: GraphJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the CompiledGraph as JSON. Raises UserError where the run's runtime does not show one."""
    record = RunStore().get(job.run)
    refusal = graph_refusal(record.recipe.target.runtime, record.task)
    if refusal:
        raise UserError(refusal, "Choose a run of another runtime.", where=record.id, code="unsupported_architecture")
    context.progress(0, 0, "Compiling the graph once more")
    spec, request = request_of(record.artefact_folder, context=context.steps())
    found: CompiledGraph = load(spec.graph)(request)
    return found.model_dump(mode="json")
