"""Find a model's bottleneck before anything is changed: time, FLOPs and bytes per block."""

from __future__ import annotations

from typing import Any

from engine.bench.candidates import find
from engine.bench.conditions import load_before, machine
from engine.compare.table import Conditions
from engine.jobs.base import JobContext
from engine.metrics.base import DECODERS, ENCODERS
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.protocol.job import ProfileJob
from engine.runtimes.base import MANIFEST


def handle(job: ProfileJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the Profile as JSON.

    Raises UserError for a built model, an unsupported task, or a checkpoint that does not load.
    """
    context.sessions.clear()
    place = find((job.checkpoint,), context.steps(unit="file"))[0]
    if (place.folder / MANIFEST).is_file():
        raise UserError(
            f"{place.name} is a built model, whose blocks cannot be told apart any more.",
            "Profile the checkpoint that it was made from.",
            where=str(place.folder),
        )
    conditions: Conditions = {**machine(), **load_before()}
    context.progress(0, 0, f"Opening {place.name}")

    import torch

    from engine.bench.profiler import profile
    from engine.checkpoint.inspect import inspect
    from engine.checkpoint.load import load_model
    from engine.runtimes.limits import context_length

    task = inspect(place.folder).task
    if task not in DECODERS | ENCODERS or task == "text2text-generation":
        raise UserError(
            f"Profiling {task} models is not supported.",
            "Choose a decoder or an encoder.",
            where=str(place.folder),
            code="unsupported_architecture",
        )
    threads = job.threads or suggested_threads(runtime="transformers")
    torch.set_num_threads(threads)
    model = load_model(place.folder)
    prompt = max(1, min(job.prompt_tokens, context_length(place.folder) - 64))
    conditions |= {"threads": threads, "batch": 1, "prompt_tokens": prompt, "device": "cpu"}
    found = profile(
        model,
        prompt,
        decoder=task in DECODERS,
        conditions=conditions,
        progress=lambda done, total, text: context.progress(done, total, text, unit="pass"),
    )
    return found.model_dump(mode="json")
