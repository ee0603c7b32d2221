"""How many tokens to guess next, from what guessing and checking took and how often guesses were right."""

from __future__ import annotations

from dataclasses import dataclass

FADE = 0.95  # what an observation still weighs after the next one
OUTLIER = 2.0  # times what was expected; a longer interruption by the system counts no more than this
GAIN = 1.05  # what guessing must promise before it is done at all
PAUSE = 32  # tokens written without a guess until guessing is tried once more; doubled each time that it fails
LONGEST_PAUSE = 512
TRIAL = 3  # tokens guessed in a trial
START, SHARE, CREDIT = 1.0, 0.03, 2.5  # of the budget below, in tokens
STALE = 64  # steps after which the time of a token alone is measured once more


class Checking:
    """Seconds that the model takes to read one token, and to read n at once.

    Weights are read once whatever n is and arithmetic grows with n, so that a line a + b·n describes several tokens
    well. One token alone has kernels of its own and is kept apart.
    """

    def __init__(self) -> None:
        self.alone = 0.0
        self._weight = self._n = self._nn = self._s = self._ns = 0.0
        self._since = 0

    @property
    def stale(self) -> bool:
        """No token was read alone for long."""
        return self._since >= STALE

    def observe(self, count: int, seconds: float) -> None:
        """Reading `count` tokens took `seconds`."""
        if count == 1:
            self._since = 0
            self.alone = blend(self.alone, seconds)
            return
        self._since += 1
        if self._weight:
            seconds = min(seconds, OUTLIER * self.expected(count))
        sums = (1.0, count, count * count, seconds, count * seconds)
        own = (self._weight, self._n, self._nn, self._s, self._ns)
        self._weight, self._n, self._nn, self._s, self._ns = (
            FADE * old + new for old, new in zip(own, sums, strict=True)
        )

    def expected(self, count: int) -> float:
        """Seconds for `count` tokens; of one alone, or on the line through those for several that were seen."""
        if count == 1 or not self._weight:
            return self.alone
        mean, middle = self._s / self._weight, self._n / self._weight
        spread = self._nn / self._weight - middle**2
        if spread < 0.1:  # one number of tokens was seen: the line starts at a token alone
            slope = (mean - self.alone) / (middle - 1)
        else:
            slope = (self._ns / self._weight - middle * mean) / spread
        return max(mean + max(slope, 0.0) * (count - middle), 0.1 * mean)


def blend(mean: float, new: float) -> float:
    """The running mean with a `new` value, of which an outlier counts no more than OUTLIER times the mean."""
    return mean + 4 * (1 - FADE) * (min(new, OUTLIER * mean) - mean) if mean else new


class Budget:
    """What guesses may cost, in the time of a token alone: so that writing never takes a twentieth longer.

    It begins with START, each token that is written adds SHARE to it, and guesses take what they lost or bring what
    they gained, though never to more than CREDIT: gains of one stretch are not to be lost in the next.
    """

    def __init__(self) -> None:
        self.left = START

    def affordable(self, most: int, drafting: float, checking: Checking) -> int:
        """How many guesses, at most `most`, may all be wrong without spending more than there is."""
        fits = (n for n in range(most, 0, -1) if self._cost(n, drafting, checking) - 1.0 <= self.left)
        return next(fits, 0)

    def wrote(self) -> None:
        """A token was written without a guess."""
        self.left += SHARE

    def guessed(self, guesses: int, right: int, drafting: float, checking: Checking) -> None:
        """`guesses` were made and the first `right` of them were right, which wrote one token more than that."""
        gained = (1 + SHARE) * (right + 1) - self._cost(guesses, drafting, checking)
        self.left = max(min(self.left + gained, CREDIT), min(self.left, self.left + gained))

    def _cost(self, guesses: int, drafting: float, checking: Checking) -> float:
        return (guesses * drafting + checking.expected(guesses + 1)) / (checking.alone or 1.0)


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
    _rested: int = 0
    _pause: int = PAUSE

    def choose(self, checking: Checking) -> int:
        """Tokens to guess now."""
        rates = {k: self._tokens(k) / (k * self.drafting + checking.expected(k + 1)) for k in range(1, self.most + 1)}
        best = max(rates, key=lambda k: rates[k])
        if rates[best] * checking.alone > GAIN:
            self._pause = PAUSE // 2  # doubled by the first trial
            return best
        return min(TRIAL, self.most) if self._rested >= self._pause else 0

    def rest(self) -> None:
        """A token is written without a guess."""
        self._rested += 1

    def spend(self, guessed: int, seconds: float) -> None:
        """Guessing `guessed` tokens took `seconds`."""
        self.drafting = blend(self.drafting, seconds / guessed)

    def observe(self, guessed: int, right: int) -> None:
        """Of `guessed` tokens the first `right` were right; what stands behind the first wrong one says nothing."""
        if self._rested >= self._pause:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._rested = 0
        for index in range(min(right + 1, guessed)):
            self.accepted += (1 - FADE) * (float(index < right) - self.accepted)

    def _tokens(self, guesses: int) -> float:
        a = min(self.accepted, 0.99)
        return (1.0 - a ** (guesses + 1)) / (1.0 - a)
