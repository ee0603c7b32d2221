"""The handler of every job kind: `handle(job, context) -> dict`, imported only in the engine process."""

from __future__ import annotations

HANDLERS: dict[str, str] = {
    "sample": "engine.jobs.checkpoints:sample",
    "inspect": "engine.jobs.checkpoints:inspect",
    "import": "engine.jobs.checkpoints:import_",
    "hub_search": "engine.jobs.checkpoints:hub_search",
    "hub_download": "engine.jobs.checkpoints:hub_download",
    "run": "engine.jobs.run:handle",
    "compare": "engine.jobs.compare:handle",
    "chat": "engine.jobs.chat:handle",
    "explain": "engine.jobs.explain:handle",
    "profile": "engine.jobs.profile:handle",
    "modules": "engine.jobs.modules:handle",
    "graph": "engine.jobs.graph:handle",
    "token": "engine.jobs.token:handle",
    "tune_machine": "engine.jobs.tune_machine:handle",
    "export": "engine.jobs.export:handle",
}
