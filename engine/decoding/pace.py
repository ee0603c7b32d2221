"""How many tokens to guess next, from what guessing and checking took and how often guesses were right."""

from __future__ import annotations

from dataclasses import dataclass

FADE = 0.95  # what an observation still weighs after the next one
OUTLIER = 2.0  # times what was expected; a longer interruption by the system counts no more than this
GAIN = 1.05  # what guessing must promise before it is done at all
PAUSE = 48  # tokens written without a guess until guessing is tried once more
TRIAL = 3  # tokens guessed in a trial


class Checking:
    """Seconds that the model takes to read n tokens at once: a line a + b·n, fitted to the latest observations.

    Weights are read once whatever n is, arithmetic grows with it, so that a line describes few tokens well.
    """

    def __init__(self) -> None:
        self._weight = self._n = self._nn = self._s = self._ns = 0.0

    def observe(self, count: int, seconds: float) -> None:
        """Reading `count` tokens took `seconds`."""
        if self._weight:
            seconds = min(seconds, OUTLIER * self.expected(count))
        sums = (1.0, count, count * count, seconds, count * seconds)
        own = (self._weight, self._n, self._nn, self._s, self._ns)
        self._weight, self._n, self._nn, self._s, self._ns = (
            FADE * old + new for old, new in zip(own, sums, strict=True)
        )

    def expected(self, count: int) -> float:
        """Seconds for `count` tokens."""
        spread = self._nn * self._weight - self._n**2
        mean = self._s / self._weight
        if spread < 1e-9:  # one number of tokens was seen
            return mean
        slope = max(0.0, (self._ns * self._weight - self._n * self._s) / spread)
        return max(mean + slope * (count - self._n / self._weight), 0.1 * mean)


@dataclass
class Pace:
    """The pace of one drafter.

    With acceptance a, k guesses are expected to give (1 − a^(k+1)) / (1 − a) tokens (Leviathan et al. 2023, section
    3.1); k is chosen to give the most tokens a second, 0 where plain writing is as fast.

    Attributes:
        most: the most tokens to guess.
        accepted: the share of guesses that were right, of late.
        drafting: seconds a guess takes, of late.
    """

    most: int
    accepted: float = 0.8
    drafting: float = 0.0
    _since: int = 0

    def choose(self, checking: Checking) -> int:
        """Tokens to guess now."""
        rates = {k: self._tokens(k) / (k * self.drafting + checking.expected(k + 1)) for k in range(1, self.most + 1)}
        best = max(rates, key=lambda k: rates[k])
        if rates[best] * checking.expected(1) > GAIN:
            return best
        return min(TRIAL, self.most) if self._since >= PAUSE else 0

    def rest(self) -> None:
        """A token is written without a guess."""
        self._since += 1

    def spend(self, guessed: int, seconds: float) -> None:
        """Guessing `guessed` tokens took `seconds`."""
        each = seconds / guessed
        if self.drafting:
            each = self.drafting + 4 * (1 - FADE) * (min(each, OUTLIER * self.drafting) - self.drafting)
        self.drafting = each

    def observe(self, guessed: int, right: int) -> None:
        """Of `guessed` tokens the first `right` were right; what stands behind the first wrong one says nothing."""
        self._since = 0
        for index in range(min(right + 1, guessed)):
            self.accepted += (1 - FADE) * (float(index < right) - self.accepted)

    def _tokens(self, guesses: int) -> float:
        a = min(self.accepted, 0.99)
        return (1.0 - a ** (guesses + 1)) / (1.0 - a)
