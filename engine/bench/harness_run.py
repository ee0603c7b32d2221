"""Ask tasks of the lm-evaluation-harness of every candidate. Needs lm-eval."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bench.candidates import Open
from engine.bench.harness import require_installed, scores_of
from engine.compare.evidence import HarnessScore
from engine.protocol.errors import Cancelled, UserError

_RESAMPLES = 1000  # for the standard errors that the harness takes by resampling


@dataclass(frozen=True)
class Tasks:
    """Tasks of the harness that can be asked: its manager, and what it calls them."""

    manager: Any
    names: list[str]


def prepare(tasks: Sequence[str]) -> Tasks:
    """`tasks`, names of the harness or task files, with their data fetched.

    Raises UserError where the harness is missing, and for a task that it does not know, whose data cannot be had, or
    that runs code which models write.
    """
    require_installed()
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager()
    names = [_named(manager, task) for task in tasks]
    _require_usable(manager, names)
    return Tasks(manager, names)


def ask(
    opened: Sequence[Open], tasks: Tasks, limit: int | None, progress: Callable[[str, int, int], None]
) -> tuple[HarnessScore, ...]:
    """What every candidate, the first being the reference, scores in `tasks`; with `limit`, on the first so many
    documents of each.

    `progress(name, done, total)` is called before each request to the candidate called `name`, and may raise Cancelled.
    Raises UserError for a task that asks for what sessions do not offer.
    """
    from lm_eval import simple_evaluate

    from engine.bench.harness_model import SessionLM

    found = []
    for candidate in opened:
        model = SessionLM(candidate.session, candidate.tokenizer, _told(progress, candidate.place.name))
        found.append(
            simple_evaluate(
                model,
                tasks=tasks.names,
                limit=limit,
                task_manager=tasks.manager,
                bootstrap_iters=_RESAMPLES,
                log_samples=True,
            )
        )
    return scores_of(found)


def _told(progress: Callable[[str, int, int], None], name: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(name, done, total)


def _named(manager: Any, task: str) -> str:
    """`task` as the harness takes it: a name that it knows, or the path of a file."""
    file = Path(task).expanduser()
    if file.suffix in (".yaml", ".yml") and file.is_file():
        return str(file.resolve())
    if manager.match_tasks([task]):
        return task
    raise UserError(
        f"lm-eval has no task “{task}”.",
        "“lm-eval ls tasks” lists its tasks; a task file of your own is given by its path, ending in .yaml.",
        where=task,
        code="not_found",
    )


def _require_usable(manager: Any, names: list[str]) -> None:
    """Load the tasks once to see that they can be had, before any model is asked."""
    told = ", ".join(names)
    try:
        loaded = manager.load(names)
    except (Cancelled, MemoryError):
        raise
    except Exception as error:  # every kind of data set fails in a way of its own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"The data of {told} cannot be had: {lines[0].rstrip('.')}.",
            "Tasks fetch their data from the Hugging Face hub the first time: connect once, or give a task file whose "
            "data lie on this computer.",
            where=told,
        ) from error
    for name, task in loaded["tasks"].items():
        if getattr(task, "UNSAFE_CODE", False) or task.get_config("unsafe_code"):
            raise UserError(
                f"The task “{name}” runs program code that models write, which Hasten does not do.",
                "Leave this task out.",
                where=name,
            )
