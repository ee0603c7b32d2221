"""Choosing the next token from logits, the same way on every runtime."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.protocol.errors import UserError
from engine.protocol.job import Sampling
from engine.runtimes.base import Floats


class Sampler:
    """Greedy, temperature, top-k and top-p (nucleus; Holtzman et al. 2020, section 3.1) with a seed.

    One uniform number is drawn a token and looked up in the cumulative distribution in order of token ids, in float64:
    runtimes whose logits differ only by rounding pick the same tokens.
    """

    def __init__(self, sampling: Sampling | None = None) -> None:
        self._sampling = sampling or Sampling()
        self._random = np.random.Generator(np.random.PCG64(self._sampling.seed))

    @property
    def greedy(self) -> bool:
        """The most probable token is taken, and nothing is drawn."""
        return self._sampling.temperature == 0.0

    def pick(self, logits: Floats) -> int:
        """The next token's id from `logits` [V]. Raises UserError when they are not finite."""
        best = int(np.argmax(logits))
        if not np.isfinite(logits[best]):
            raise UserError(
                "The model's output is not a number: a computation inside it overflowed.",
                "Use bf16 or fp32 instead of fp16, or quantise with more bits.",
            )
        if self.greedy:
            return best
        weights = self._weights(logits)
        cumulative = np.cumsum(weights)
        drawn = int(np.searchsorted(cumulative, self._random.random() * cumulative[-1], side="right"))
        return drawn if drawn < len(weights) and weights[drawn] > 0 else best  # the product may round up to the sum

    def probability(self, logits: Floats, token: int) -> float:
        """The model's own probability of `token` given `logits` [V], before temperature and cuts."""
        shifted = logits.astype(np.float64) - float(np.max(logits))
        return float(np.exp(shifted[token]) / np.sum(np.exp(shifted)))

    def _weights(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Unnormalised probabilities [V]; zero where top-k or top-p cuts."""
        scaled = logits.astype(np.float64) / self._sampling.temperature
        weights = np.exp(scaled - np.max(scaled))
        k = self._sampling.top_k
        if 0 < k < weights.size:
            weights[np.argsort(-weights, kind="stable")[k:]] = 0.0
        if self._sampling.top_p < 1.0:
            order = np.argsort(-weights, kind="stable")
            cumulative = np.cumsum(weights[order])
            keep = int(np.searchsorted(cumulative, self._sampling.top_p * cumulative[-1])) + 1
            weights[order[keep:]] = 0.0
        return weights
