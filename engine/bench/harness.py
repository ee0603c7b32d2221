"""Tasks of EleutherAI's lm-evaluation-harness: whether it is here, what it said, how models differ. Free of torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench.questions import compare_pairs
from engine.compare.evidence import HarnessScore, PairedTest
from engine.metrics.base import Rows
from engine.metrics.rows import change_of, mean
from engine.protocol.errors import UserError


def installed() -> bool:
    """Whether tasks of the harness can be asked here. Imports nothing."""
    return importlib.util.find_spec("lm_eval") is not None


def require_installed() -> None:
    """Raise UserError with the remedy where the harness is missing."""
    if not installed():
        raise UserError("lm-eval is not installed.", "Run “pip install hasten[eval]”, or leave its tasks out.")


def read_names(text: str | None) -> tuple[str, ...]:
    """Task names and the absolute paths of task files out of “arc_easy, own.yaml”.

    Raises UserError where the harness is missing.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if names:
        require_installed()
    files = {name: Path(name).expanduser() for name in names if name.endswith((".yaml", ".yml"))}
    return tuple(dict.fromkeys(str(files[name].absolute()) if name in files else name for name in names))


def scores_of(results: Sequence[Mapping[str, Any]]) -> tuple[HarnessScore, ...]:
    """What the harness found, by task and metric, out of one of its results for each candidate.

    Figures and standard errors are the harness's own. Candidates are compared on the same documents: right and wrong
    ones by McNemar's exact test, other figures that are means of documents' by resampling them.
    """
    found = []
    for task, measured in results[0]["results"].items():
        samples = [one.get("samples", {}).get(task, []) for one in results]
        for key, value in measured.items():
            metric, comma, kind = key.partition(",")
            if not comma or metric.endswith("_stderr") or not isinstance(value, (int, float)):
                continue
            values = [one["results"][task].get(key) for one in results]
            errors = [one["results"][task].get(f"{metric}_stderr,{kind}") for one in results]
            each = [_documents(own, metric, kind) for own in samples]
            higher = results[0].get("higher_is_better", {}).get(task, {}).get(metric)
            found.append(_score(task, key, values, errors, each, higher, _count(results[0], task)))
    return tuple(found)


def _score(
    task: str,
    key: str,
    values: list[Any],
    errors: list[Any],
    each: list[np.ndarray | None],
    higher: bool | None,
    count: int,
) -> HarnessScore:
    metric, _, kind = key.partition(",")
    tests: list[PairedTest | None] = [None]
    differences: list[tuple[float, float, float] | None] = [None]
    first = each[0]
    for own in each[1:]:
        test = difference = None
        # of figures that are no mean of documents' (perplexities, F1) nothing is known pair by pair
        if first is not None and own is not None and len(first) == len(own) and np.isclose(first.mean(), values[0]):
            if np.isin(np.concatenate([first, own]), (0.0, 1.0)).all():
                test = compare_pairs(first.astype(bool).tolist(), own.astype(bool).tolist())
            else:
                found = change_of(metric, Rows(mean, (first,)), Rows(mean, (own,)))
                difference = found.value, found.low, found.high
        tests.append(test)
        differences.append(difference)
    return HarnessScore(
        task=task,
        metric=metric if kind == "none" else f"{metric} ({kind})",
        higher_is_better=higher,
        values=tuple(float(value) for value in values),
        errors=tuple(float(e) if isinstance(e, (int, float)) and np.isfinite(e) else None for e in errors),
        samples=count,
        tests=tuple(tests),
        differences=tuple(differences),
    )


def _documents(samples: Sequence[Mapping[str, Any]], metric: str, kind: str) -> np.ndarray | None:
    """What each document scored by `metric`, in the documents' order; None where that is no number."""
    own = sorted((s for s in samples if s.get("filter", "none") == kind), key=lambda sample: sample["doc_id"])
    values = [sample.get(metric) for sample in own]
    if not values or not all(isinstance(value, (bool, int, float, np.number)) for value in values):
        return None
    return np.array(values, dtype=np.float64)


def _count(result: Mapping[str, Any], task: str) -> int:
    """Documents of a task; of a group of tasks those of all."""
    counts = result.get("n-samples", {})
    if task in counts:
        return int(counts[task]["effective"])
    members = result.get("group_subtasks", {}).get(task, [])
    return sum(_count(result, member) for member in members)
