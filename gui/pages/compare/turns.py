"""What was asked and what each candidate answered, as it grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.compare.evidence import TokenView
from engine.compare.table import Answer, AnswerDiff, AnswerToken
from engine.protocol.events import Token


@dataclass
class Turn:
    """One prompt and its answers, one list of tokens per candidate.

    Attributes:
        diffs: how each candidate's answer differs from the first one's, by candidate; known at the end.
        diverged: position of the first token that differs, by candidate, found while the tokens arrive.
    """

    prompt: str
    answers: list[list[AnswerToken]] = field(default_factory=list)
    diffs: dict[int, AnswerDiff] = field(default_factory=dict)
    diverged: dict[int, int] = field(default_factory=dict)

    def answer(self, candidate: int) -> list[AnswerToken]:
        """The tokens of one candidate, made when first asked for."""
        while len(self.answers) <= candidate:
            self.answers.append([])
        return self.answers[candidate]

    def text(self, candidate: int, stop: int | None = None) -> str:
        """One candidate's answer, or its first `stop` tokens."""
        return "".join(token.text for token in self.answer(candidate)[:stop])

    def add(self, tokens: Iterable[Token]) -> None:
        """Append streamed tokens and look for the first divergence among the new ones."""
        touched = set()
        for token in tokens:
            self.answer(token.candidate).append(
                AnswerToken(id=token.token_id, text=token.text, seconds=token.seconds, probability=token.probability)
            )
            touched.add(token.candidate)
        for candidate in range(1, len(self.answers)):
            if candidate not in self.diverged and (0 in touched or candidate in touched):
                self._look(candidate)

    def finish(self, answers: Sequence[Answer], diffs: Iterable[AnswerDiff]) -> None:
        """Take over the engine's own account of the answers."""
        for candidate, answer in enumerate(answers):
            if answer.tokens:
                self.answer(candidate)[:] = answer.tokens
        self.diffs = {diff.candidate: diff for diff in diffs}
        self.diverged = {c: d.first_divergence for c, d in self.diffs.items() if d.first_divergence is not None}

    @property
    def mark(self) -> int | None:
        """0: every answer is the same; a positive number: the first differing token, from 1; None: not known yet."""
        if self.diffs:
            return min(
                (d.first_divergence + 1 for d in self.diffs.values() if d.first_divergence is not None), default=0
            )
        return min(self.diverged.values()) + 1 if self.diverged else None

    @property
    def changed(self) -> float | None:
        """The largest share of tokens that differ, over candidates; None while not known."""
        return max((diff.changed for diff in self.diffs.values()), default=None)

    @property
    def shift(self) -> float:
        """The largest mean difference of a token's probabilities, over candidates; 0 where that is not known."""
        return max((diff.shift or 0.0 for diff in self.diffs.values()), default=0.0)

    def views(self, candidate: int) -> tuple[TokenView, ...]:
        """One candidate's tokens as both models see them; the reference's other is the second. Empty if not known."""
        diff = self.diffs.get(candidate or 1)
        if diff is None:
            return ()
        return diff.candidate_views if candidate else diff.reference_views

    def _look(self, candidate: int) -> None:
        left, right = self.answers[0], self.answers[candidate]
        start = self._seen.get(candidate, 0)
        for place in range(start, min(len(left), len(right))):
            if left[place].id != right[place].id:
                self.diverged[candidate] = place
                return
        self._seen[candidate] = min(len(left), len(right))

    def __post_init__(self) -> None:
        self._seen: dict[int, int] = {}


def differing(turn: Turn, candidate: int) -> set[int]:
    """Positions of one candidate's tokens that the other side did not write; the reference's other is the second."""
    other = candidate or 1
    diff = turn.diffs.get(other)
    if diff is not None:
        ranges = (
            segment.candidate_tokens if candidate else segment.reference_tokens
            for segment in diff.segments
            if segment.kind != "same"
        )
        return {place for start, stop in ranges for place in range(start, stop)}
    first = turn.diverged.get(other)
    return set() if first is None else {first}


def probability_words(turn: Turn, candidate: int, place: int) -> tuple[float | None, float | None]:
    """The probability of the token at `place` here, and what the other side gave its own token at that place.

    The second is None once the two texts have parted: the two models then no longer saw the same words.
    """
    tokens = turn.answer(candidate)
    mine = tokens[place].probability if place < len(tokens) else None
    other = candidate or 1
    against = 0 if candidate else 1
    if against >= len(turn.answers):
        return mine, None
    parted = turn.diverged.get(other)
    theirs = turn.answers[against]
    if place >= len(theirs) or (parted is not None and place > parted):
        return mine, None
    return mine, theirs[place].probability
