"""exp of the mean negative log-likelihood over the evaluation text (Jelinek et al. 1977).

The text lies in consecutive windows of engine.bench.texts.WINDOW tokens, each with the tokenizer's beginning mark if it
sets one, and every token of a window but its first is predicted from those before it in the window. Others differ:
lm-eval's rolling likelihood predicts every window's first token too, from the last one of the window before;
llama-perplexity counts only the second half of each window, where there is more to go by, so its figure is lower. Given
the same definition all three agree (docs/performance.md, tests/benchmarks/agreement.py).
"""

from __future__ import annotations

from engine.bench.statistics import bootstrap_mean, exp
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a text."""
    scores = observed.scores
    if scores is None or scores.nll is None:
        return None
    mean, low, high = bootstrap_mean(scores.nll, scores.blocks)
    return Measurement(
        name="perplexity",
        unit="1",
        better="lower",
        value=exp(mean),
        low=exp(low),
        high=exp(high),
        samples=len(scores.nll),
        conditions=observed.conditions_of("quality"),
    )
