"""Which models have a compiled graph to look at. Free of torch and of the runtimes."""

from __future__ import annotations

from engine.checkpoint.info import Task
from engine.runtimes import catalog


def graph_refusal(runtime: str, task: Task) -> str:
    """Why there is no compiled graph to show of a model of `task` for `runtime`, as a sentence; "" where there is."""
    spec = catalog.all_runtimes().get(runtime)
    if spec is None or not spec.graph:
        title = spec.title if spec else runtime
        return f"{title} does not show the graph that it computes."
    if task == "text2text-generation":
        return "An encoder-decoder is several graphs, which cannot be shown together yet."
    return ""
