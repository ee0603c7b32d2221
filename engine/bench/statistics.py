"""How sure a measured difference is: intervals from few rounds, and the verdict.

Candidates are timed in turn within a round (A B B A …), so what disturbs the machine for longer than a measurement
hits both; the *paired* log-ratio d = ln(reference seconds / candidate seconds) of each round removes it. What remains
has heavy tails on a shared machine, so the ratio is the trimmed mean of d, a fifth of the rounds left out at either
end, with the interval of Tukey & McLaughlin (1963, "Less vulnerable confidence and significance procedures"; Yuen
1974, "The two-sample trimmed t for unequal population variances"). Fewer than five rounds are too few to trim: there
it is Student's (Gosset 1908, "The probable error of a mean"), for with three to a dozen rounds
the percentile bootstrap is too narrow (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 12–14;
Hesterberg 2015, "What teachers should know about the bootstrap"). Simulated for a model compared with itself at the
99 % level, the percentile bootstrap calls a difference in 3–8 % of comparisons of 7 rounds and in 10–28 % of 3; the
bootstrap-t in 0.5–4 % of 7 but 8–26 % of 3; Student's interval in 0.1–1.5 % of either, whether the noise is Gaussian,
autocorrelated, drifting, stepping or spiky. tests/engine/bench/test_statistics.py repeats the simulation. A periodic
disturbance can beat against a fixed order, so the order within rounds is drawn at random, balanced in pairs.

Two copies of one model can differ *persistently*, by where their weights happen to lie in memory (Mytkowicz et al.
2009, "Producing wrong data without doing anything obviously wrong", ASPLOS). No number of rounds averages that out,
so a verdict needs the whole interval to lie beyond a margin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.compare.table import Speedup, Verdict
from engine.protocol.measurement import STANDARD, Measurement

VERDICT_CONFIDENCE = 0.99
DISPLAY_CONFIDENCE = 0.95
# A difference smaller than this is never claimed: layout effects of this size survive any number of rounds.
MARGIN = 0.03
TRIM = 0.2  # of the rounds, at either end
RESAMPLES = 2000
ROW_RESAMPLES = 500  # of statistics that are computed anew for each


def t_cdf(t: float, dof: int) -> float:
    """Student's distribution function at `t`, exact for whole `dof` (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    theta = math.atan2(t, math.sqrt(dof))
    sine, cosine_squared = math.sin(theta), math.cos(theta) ** 2
    total, term = 0.0, 1.0
    if dof % 2:
        term = math.cos(theta)
        for k in range(1, (dof - 1) // 2 + 1):
            total += term
            term *= cosine_squared * 2 * k / (2 * k + 1)
        central = 2 / math.pi * (theta + sine * total)
    else:
        for k in range(1, dof // 2 + 1):
            total += term
            term *= cosine_squared * (2 * k - 1) / (2 * k)
        central = sine * total
    return 0.5 + central / 2


@cache
def t_quantile(confidence: float, dof: int) -> float:
    """Half-width, in standard errors, of a two-sided Student interval: 3.71 at 99 % with 6 degrees of freedom."""
    if not 0 < confidence < 1 or dof < 1:
        raise ValueError(f"confidence {confidence} must lie in (0, 1) and dof {dof} be at least 1")
    low, high = 0.0, 1.0
    while t_cdf(high, dof) < (1 + confidence) / 2:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, dof) < (1 + confidence) / 2 else (low, middle)
    return (low + high) / 2


def mean_interval(values: Sequence[float] | npt.NDArray[Any], confidence: float) -> tuple[float, float, float]:
    """Mean of `values` [N] and Student's interval around it; infinite for a single value."""
    x = np.asarray(values, dtype=np.float64)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, -math.inf, math.inf
    half = t_quantile(confidence, len(x) - 1) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return mean, mean - half, mean + half


def trimmed_interval(values: Sequence[float] | npt.NDArray[Any], confidence: float) -> tuple[float, float, float]:
    """The mean of `values` [N] without the TRIM lowest and highest, and the interval around it.

    Its standard error comes from the winsorized variance (Wilcox 2012, "Introduction to robust estimation and
    hypothesis testing", section 4.3.1). Student's interval of the mean where nothing is left out.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    cut = int(TRIM * len(x))
    if not cut:
        return mean_interval(x, confidence)
    kept = x[cut:-cut]
    winsorized = np.clip(x, kept[0], kept[-1])
    error = float(winsorized.std(ddof=1)) * math.sqrt((len(x) - 1) / (len(kept) * (len(kept) - 1)))
    mean, half = float(kept.mean()), t_quantile(confidence, len(kept) - 1) * error
    return mean, mean - half, mean + half


def speedup(
    reference_seconds: Sequence[float], candidate_seconds: Sequence[float], confidence: float = VERDICT_CONFIDENCE
) -> Speedup:
    """How many times faster the candidate is, from the same rounds of both: trimmed geometric mean and its interval."""
    d = np.log(np.asarray(reference_seconds)) - np.log(np.asarray(candidate_seconds))
    mean, low, high = trimmed_interval(d, confidence)
    return Speedup(value=math.exp(mean), low=exp(low), high=exp(high), confidence=confidence, rounds=len(d))


def verdict(ratio: Speedup, margin: float = MARGIN) -> Verdict:
    """ "faster" or "slower" only where the whole interval lies beyond the margin."""
    if ratio.low > 1 + margin:
        return "faster"
    if ratio.high < 1 / (1 + margin):
        return "slower"
    return "not_proven"


def over_rounds(
    name: str, values: Sequence[float], conditions: dict[str, Any], confidence: float = DISPLAY_CONFIDENCE
) -> Measurement:
    """A time or rate observed once a round: the median, with Student's interval of the mean of the logarithms.

    The interval is widened to hold the median, which a skewed sample can leave outside.
    """
    x = np.asarray(values, dtype=np.float64)
    unit, better = STANDARD[name]
    value = float(np.median(x))
    if len(x) < 2:
        low = high = value
    else:
        _, low, high = (exp(bound) for bound in mean_interval(np.log(x), confidence))
    return Measurement(
        name=name,
        unit=unit,
        better=better,
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=confidence,
        samples=len(x),
        values=tuple(float(v) for v in x) if len(x) <= 200 else (),
        conditions=conditions,
    )


def percentile(
    name: str,
    values: Sequence[float],
    share: float,
    conditions: dict[str, Any],
    confidence: float = DISPLAY_CONFIDENCE,
) -> Measurement:
    """The time that `share` of `values` do not exceed, with the interval between two order statistics.

    That interval assumes nothing of the distribution (Conover 1999, "Practical nonparametric statistics", section 3.2);
    where there are too few values for its upper end it is open there.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n = len(x)
    unit, better = STANDARD[name]
    # P(at most k of n lie below the percentile), for k = 0 … n
    k = np.arange(n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_chance = (
        log_factorial[n] - log_factorial - log_factorial[::-1] + k * math.log(share) + (n - k) * math.log1p(-share)
    )
    below = np.cumsum(np.exp(log_chance))
    error = (1 - confidence) / 2
    low = int(np.searchsorted(below, error, side="right"))  # the first k that is not too improbable
    high = int(np.searchsorted(below, 1 - error, side="left"))
    return Measurement(
        name=name,
        unit=unit,
        better=better,
        value=float(x[min(n - 1, math.ceil(share * n) - 1)]),
        low=float(x[low - 1]) if low >= 1 else 0.0,
        high=float(x[high]) if high < n else math.inf,
        confidence=confidence,
        samples=n,
        conditions=conditions,
    )


def share_at_most(events: int, count: int, confidence: float = DISPLAY_CONFIDENCE) -> float:
    """The one-sided upper bound of a share of which `events` in `count` were seen (Clopper & Pearson 1934)."""
    if events >= count:
        return 1.0
    low, high = events / count, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        seen = sum(math.comb(count, k) * middle**k * (1 - middle) ** (count - k) for k in range(events + 1))
        low, high = (middle, high) if seen > 1 - confidence else (low, middle)
    return high


def bootstrap_mean(
    values: npt.NDArray[Any], blocks: npt.NDArray[Any], confidence: float = DISPLAY_CONFIDENCE, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of `values` [N] and a bootstrap-t interval that resamples whole blocks (`blocks` [N] holds their labels).

    Neighbouring tokens are not independent, so stretches of text are drawn, not tokens (Künsch 1989). With a single
    block the interval is infinite. The studentised form (Efron & Tibshirani 1993, section 12.5) holds its level with
    a few dozen skewed blocks, where percentiles do not.
    """
    x = np.asarray(values, dtype=np.float64)
    _, label = np.unique(blocks, return_inverse=True)
    sums, counts = np.bincount(label, weights=x), np.bincount(label).astype(np.float64)
    n, mean = len(counts), float(x.mean())
    if n < 2:
        return mean, -math.inf, math.inf
    error = _ratio_error(sums[None], counts[None], np.array([mean]))[0]
    if error <= 1e-12 * max(abs(mean), 1e-12):  # nothing varies but rounding
        return mean, mean, mean
    drawn = np.random.default_rng(seed).integers(0, n, size=(RESAMPLES, n))
    sums_b, counts_b = sums[drawn], counts[drawn]
    means = sums_b.sum(1) / counts_b.sum(1)
    errors = _ratio_error(sums_b, counts_b, means)
    usable = errors > 1e-3 * error
    t = (means[usable] - mean) / errors[usable]
    low, high = np.quantile(t, [(1 - confidence) / 2, (1 + confidence) / 2])
    return mean, mean - float(high) * float(error), mean - float(low) * float(error)


def _ratio_error(sums: npt.NDArray[Any], counts: npt.NDArray[Any], means: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Standard error of sum/count over blocks, [R] from [R, n] (Cochran 1977, section 2.11)."""
    n = counts.shape[1]
    residuals = sums - means[:, None] * counts
    return np.asarray(np.sqrt((residuals**2).sum(1) * n / (n - 1)) / counts.sum(1))


def exp(x: float) -> float:
    """The exponential, without overflow: an infinite bound of an interval becomes a very large number."""
    return math.exp(min(x, 700.0))


def bootstrap_of(
    statistic: Callable[..., float],
    *columns: npt.NDArray[Any],
    confidence: float = DISPLAY_CONFIDENCE,
    resamples: int = ROW_RESAMPLES,
) -> tuple[float, float, float]:
    """`statistic` of `columns`, arrays of one length, and its percentile-bootstrap interval over rows (Efron 1979),
    which is widened to hold the value itself.
    """
    count = len(columns[0])
    drawn = np.random.default_rng(0).integers(0, count, size=(resamples, count))
    estimates = [statistic(*(column[pick] for column in columns)) for pick in drawn]
    low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = statistic(*columns)
    return value, min(float(low), value), max(float(high), value)
