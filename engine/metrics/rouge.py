"""ROUGE F-scores of answers against references, by Google's rouge-score (Lin 2004)."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from engine.metrics.base import Doubles, Observed, Rows, Written
from engine.metrics.rows import mean

_KINDS = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
# A character of Chinese or Japanese, which are written without blanks, or a run of other letters and digits.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


class _Words:
    """What rouge-score asks for words; its own tokenizer knows no letters but a to z."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def rows_of(name: str, observed: Observed) -> Rows | None:
    """The scores called `name` of every text, each 0 to 1; None without texts of the user's."""
    if not observed.written:
        return None
    scores = _scores(observed.written)[_KINDS[name]]
    return Rows(mean, (scores,), scores)


@lru_cache(maxsize=8)  # one look serves all three scores
def _scores(written: tuple[Written, ...]) -> dict[str, Doubles]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(_KINDS.values()), tokenizer=_Words())
    found = [scorer.score_multi(one.references, one.answer) for one in written]
    return {kind: np.array([own[kind].fmeasure for own in found]) for kind in _KINDS.values()}
