"""Corpus BLEU of the answers against the references, by sacrebleu."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows, Written
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement

_ORDERS = 4  # the longest run of words that is counted


def measure(observed: Observed) -> Measurement | None:
    """0 to 100, with a percentile-bootstrap interval over texts; None without texts of the user's."""
    return over_rows("bleu", rows(observed), observed.conditions_of("pairs"))


def rows(observed: Observed) -> Rows | None:
    """Counts of n-grams and lengths per text, and each text's own BLEU."""
    return _counted(observed.written) if observed.written else None


@lru_cache(maxsize=8)  # asked for by every table, several times
def _counted(written: tuple[Written, ...]) -> Rows:
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(effective_order=True)  # as is due for single texts; the whole is computed without
    found = [metric.sentence_score(one.answer, one.references) for one in written]
    counts = np.array([(*s.counts, *s.totals, s.sys_len, s.ref_len) for s in found], dtype=np.int64)
    return Rows(corpus_bleu, (counts,), np.array([s.score for s in found]))


def corpus_bleu(counts: npt.NDArray[Any]) -> float:
    """BLEU of texts whose `counts` [N, 10] are matching n-grams and all n-grams of four orders, the answer's length and
    the reference's (Papineni et al. 2002; smoothed as sacrebleu does by default)."""
    from sacrebleu.metrics.bleu import BLEU

    total = [int(count) for count in counts.sum(axis=0)]
    score = BLEU.compute_bleu(total[:_ORDERS], total[_ORDERS : 2 * _ORDERS], total[-2], total[-1], smooth_method="exp")
    return float(score.score)
