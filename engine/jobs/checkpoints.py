"""Jobs that fetch, read and convert checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.jobs.base import JobContext
from engine.protocol.job import HubDownloadJob, HubSearchJob, ImportJob, InspectJob, SampleJob


def sample(job: SampleJob, context: JobContext) -> dict[str, Any]:
    """Fetch or make the sample checkpoint: {"path"}."""
    from engine.checkpoint import sample as sample_model

    return {"path": str(sample_model.ensure(context.steps()))}


def inspect(job: InspectJob, context: JobContext) -> dict[str, Any]:
    """A checkpoint's facts from its headers: CheckpointInfo as JSON."""
    from engine.checkpoint.inspect import inspect as look

    return look(job.checkpoint).model_dump(mode="json")


def import_(job: ImportJob, context: JobContext) -> dict[str, Any]:
    """Turn a GGUF file, LoRA folder, pickle or foreign checkpoint into a plain folder: {"path", "notices"}."""
    from engine.checkpoint.resolve import resolve
    from engine.passes.base import StepContext

    notices: list[str] = []

    def notice(text: str) -> None:
        notices.append(text)
        context.notice(text)

    steps = StepContext(step=context.steps().step, notice=notice)
    return {"path": str(resolve(job.source, steps, convert_pickle=job.convert_pickle)), "notices": notices}


def hub_search(job: HubSearchJob, context: JobContext) -> dict[str, Any]:
    """Models on the hub that match: {"models": [{"id", "downloads", "likes", "task", "bytes", "gated"}]}."""
    from engine.checkpoint import hub

    return {"models": hub.search(job.words, job.limit)}


def hub_download(job: HubDownloadJob, context: JobContext) -> dict[str, Any]:
    """Download a model from the hub: {"path"}."""
    from engine.checkpoint import hub

    path: Path = hub.download(job.repo, context.steps(unit="B"), job.revision)
    return {"path": str(path)}
