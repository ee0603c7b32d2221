"""Metrics that are computed of cases: their intervals, and how two models differ on the same cases."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from engine.bench.statistics import RESAMPLES, VERDICT_CONFIDENCE, bootstrap_of
from engine.compare.table import Change
from engine.metrics.base import Rows
from engine.protocol.measurement import STANDARD, Measurement


def over_rows(name: str, rows: Rows | None, conditions: dict[str, Any]) -> Measurement | None:
    """The metric called `name`, with a percentile-bootstrap interval over cases; None without any."""
    if rows is None:
        return None
    unit, better = STANDARD[name]
    value, low, high = bootstrap_of(rows.statistic, *rows.columns)
    samples = len(rows.columns[0])
    return Measurement(
        name=name, unit=unit, better=better, value=value, low=low, high=high, samples=samples, conditions=conditions
    )


def change_of(name: str, reference: Rows, candidate: Rows) -> Change:
    """How far the metric is from the reference's on the same cases, with the percentile-bootstrap interval of the
    difference: each resample takes the same cases of both (Efron & Tibshirani 1993, section 16.2; of BLEU and its like
    Koehn 2004, "Statistical significance tests for machine translation evaluation")."""
    half = len(reference.columns)

    def difference(*columns: npt.NDArray[Any]) -> float:
        return candidate.statistic(*columns[half:]) - reference.statistic(*columns[:half])

    value, low, high = bootstrap_of(
        difference, *reference.columns, *candidate.columns, confidence=VERDICT_CONFIDENCE, resamples=RESAMPLES
    )
    return Change(
        name=name, value=value, low=low, high=high, confidence=VERDICT_CONFIDENCE, samples=len(reference.columns[0])
    )


def mean(values: npt.NDArray[Any]) -> float:
    """The mean of `values` [N]."""
    return float(values.mean())
