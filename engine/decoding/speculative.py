"""A session whose model checks several guessed tokens at once instead of writing each alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from engine.decoding.drafters import Drafter, ModelDrafter
from engine.decoding.pace import Budget, Checking, Pace
from engine.decoding.wrapped import WrappedSession
from engine.protocol.job import Sampling
from engine.runtimes.base import Floats, Ids, Session, Step
from engine.runtimes.sampling import Sampler

# Reading several tokens at once rounds otherwise than reading one. Logits nearer than this many times the difference
# seen when the session opened are settled by reading that token alone; kernels whose difference is a larger share of
# the logits than this (8-bit activations, 16-bit sums) write other keys and values too, and no check could mend that.
_DOUBT = 8.0
_MOST = 1e-3
_MOST_SAMPLED = 3e-5  # where a random number decides, there is no telling what is too close to call
_SIZES = (2, 5, 17)  # tokens read together in the trial


class SpeculativeSession(WrappedSession):
    """`model` with `drafters`, asked in turn until one has a guess. Everything but `generate` is the model's own.

    A burst of tokens that one check accepts shares its time equally: Step.seconds is what a token took, not when it
    was shown. The drafter's reading of the prompt falls to the second token.

    Attributes:
        exact: reading several tokens at once gives what reading each alone does, so that answers do not change. Where
            it does not, nothing is ever guessed.
        drafted, accepted: tokens guessed, and guessed rightly, since the session was opened.
    """

    def __init__(self, model: Session, drafters: Sequence[Drafter]) -> None:
        """Try what `model` takes to read one token and several. It is closed with this session."""
        super().__init__(model)
        self._draft: Session | None = None
        self._drafters = [(drafter, Pace(drafter.most, drafting=drafter.seconds)) for drafter in drafters]
        self._budget = Budget()
        self.drafted = self.accepted = 0
        self._checking = Checking()
        self._fresh: set[int] = set()  # drafters that have not read the text yet
        self._spent = 0.0  # seconds that reading and checking the latest guesses took
        self._asked: Pace | None = None  # whose guesses are being checked
        self._share, self._doubt = self._try()
        self.exact = self._share <= _MOST

    def draft_with(self, draft: Session) -> None:
        """Let the model `draft` guess too, where the drafters before it have no idea. This session closes it."""
        self._draft = draft
        self.weight_bytes += draft.weight_bytes
        drafter = ModelDrafter(draft)
        self._drafters.append((drafter, Pace(drafter.most, drafting=drafter.seconds)))

    def close(self) -> None:
        """Close the model and its draft."""
        super().close()
        if self._draft is not None:
            self._draft.close()

    def generate(
        self,
        ids: Ids,
        max_new_tokens: int,
        sampling: Sampling | None = None,
        *,
        probabilities: bool = False,
        stop_at_eos: bool = True,
    ) -> Iterator[Step]:
        """Continue `ids` [T] with the tokens that the model alone would write, see Session.generate."""
        sampler = Sampler(sampling)
        room = min(max_new_tokens, self.context_length - len(ids))
        stop = self.eos if stop_at_eos else frozenset[int]()
        text = [int(token) for token in ids]
        for drafter, _ in self._drafters:
            drafter.start()
        self._fresh = {id(drafter) for drafter, _ in self._drafters}
        made = 0
        began = time.perf_counter()
        read, rows = text[-1:], self._model.prefill(ids[None, :])
        while made < room:
            picked = self._accept(read, rows, sampler, stop)
            seconds = (time.perf_counter() - began) / len(picked)
            for token, logits in picked:
                text.append(token)
                made += 1
                end = made == room or token in stop
                yield Step(token, seconds, sampler.probability(logits, token) if probabilities else None, end)
                if end:
                    return
            began = time.perf_counter()
            read = [text[-1], *self._guess(text, min(room - made - 1, self.context_length - len(text)), sampler)]
            rows = self._read(read)

    def _accept(
        self, read: Sequence[int], rows: Floats, sampler: Sampler, stop: frozenset[int]
    ) -> list[tuple[int, Floats]]:
        """The tokens that the model picks after reading `read`, a token and guesses, with their logits from `rows`.

        The first always counts, each other as long as the guess before it was right. What was wrong is taken back.
        """
        picked: list[tuple[int, Floats]] = []
        for index, logits in enumerate(rows):
            if len(rows) > 1 and sampler.greedy and np.count_nonzero(logits >= logits.max() - self._doubt) > 1:
                self._model.rewind(len(rows) - index)
                began = time.perf_counter()
                logits = self._model.decode(np.array(read[index : index + 1], dtype=np.int64))[0]
                self._spent += time.perf_counter() - began
                picked.append((sampler.pick(logits), logits))
                break
            picked.append((sampler.pick(logits), logits))
            token = picked[-1][0]
            if token in stop or list(read[index + 1 : index + 2]) != [token]:
                if wrong := len(rows) - len(picked):
                    self._model.rewind(wrong)
                break
        if self._asked is not None:
            self._checking.observe(len(read), self._spent)
            right = sum(guess == token for guess, (token, _) in zip(read[1:], picked, strict=False))
            self._asked.observe(len(read) - 1, right)
            self._budget.guessed(len(read) - 1, right, self._asked.drafting, self._checking)
            self.drafted += len(read) - 1
            self.accepted += right
            self._asked = None
        return picked

    def _guess(self, text: Sequence[int], room: int, sampler: Sampler) -> list[int]:
        """The guesses of the first drafter that has any; none where writing alone is as fast."""
        same = self._share <= (_MOST if sampler.greedy else _MOST_SAMPLED)
        for drafter, pace in self._drafters if same and not self._checking.stale else ():
            affordable = self._budget.affordable(pace.most, pace.drafting, self._checking)
            count = min(pace.choose(self._checking), affordable, room)
            if count <= 0:
                continue
            began = time.perf_counter()
            guesses = drafter.propose(text, count, sampler)
            if guesses:
                if id(drafter) in self._fresh:  # it read the whole prompt first
                    self._fresh.discard(id(drafter))
                else:
                    pace.spend(len(guesses), time.perf_counter() - began)
                self._asked = pace
                return guesses
        for _, pace in self._drafters:
            pace.rest()
        self._budget.wrote()
        return []

    def _read(self, ids: Sequence[int]) -> Floats:
        """Append `ids`; the logits behind each, [n, V]."""
        began = time.perf_counter()
        if len(ids) == 1:
            rows = self._model.decode(np.array(ids, dtype=np.int64))
        else:
            rows = self._model.extend(np.array([ids], dtype=np.int64))[0]
        self._spent = time.perf_counter() - began
        if len(ids) == 1:
            self._checking.observe(1, self._spent)
        return rows

    def _try(self) -> tuple[float, float]:
        """Time reading tokens alone and together; how far their logits differ, as a share of the largest, and the
        difference of logits below which the two may pick other tokens."""
        words = self._model.prefill(np.zeros((1, 1), dtype=np.int64)).shape[-1]
        self._model.extend(np.zeros((1, 2), dtype=np.int64))  # from here on the session knows that it may be rewound
        ids = np.random.default_rng(0).integers(words // 10, words, 8 + max(_SIZES))  # the first ids are special
        start, some = ids[None, :8], ids[8:].tolist()
        for _ in range(2):  # the first time is a warm-up
            self._checking = Checking()
            self._model.prefill(start)
            alone = np.concatenate([self._read([token]) for token in some])
            together = alone
            for count in _SIZES:
                self._model.rewind(len(together))
                together = self._read(some[:count])
                self._checking.observe(count, self._spent)
        noise = float(np.abs(alone - together).max())
        return noise / float(np.abs(alone).max()), _DOUBT * noise
