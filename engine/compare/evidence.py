"""What stands behind a comparison's figures, case by case: tokens, questions, classified and embedded texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

How = Literal["exact", "contains", "regex", "numeric"]
Choice = tuple[str, float]  # a token's text and its probability


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenView(_Part):
    """One token of an answer, as both models see it after the same words.

    Attributes:
        own, other: its probability by the model that wrote it, and by the other one.
        own_top, other_top: each model's five most probable tokens there, most probable first.
    """

    own: float
    other: float
    own_top: tuple[Choice, ...] = ()
    other_top: tuple[Choice, ...] = ()

    @property
    def shift(self) -> float:
        """How much more probable it is to the model that wrote it: −1 to 1."""
        return self.own - self.other


class Question(_Part):
    """A prompt of the user's with the answer that is expected.

    Attributes:
        expect: any of these is right.
        how: "exact" (the same text but for blanks around it), "contains" (somewhere in the answer, in any case),
            "regex" (Python's, found anywhere) or "numeric" (the answer's last number).
        tolerance: how far the number may be off.
    """

    prompt: str
    expect: tuple[str, ...]
    how: How = "contains"
    tolerance: float = 0.0


class QuestionResult(_Part):
    """One question and what each candidate answered, in the candidates' order."""

    question: Question
    answers: tuple[str, ...]
    right: tuple[bool, ...]


class PairedTest(_Part):
    """Whether two models answer a different share of the same questions rightly.

    Attributes:
        lost, gained: questions that only the reference, and that only the candidate answers rightly.
        p_value: how often chance alone would part them as far or further.
    """

    lost: int
    gained: int
    p_value: float


class Pair(_Part):
    """A source text of the user's and what people would have written to it, such as translations: any of several."""

    source: str
    references: tuple[str, ...]


class PairResult(_Part):
    """One source text and what each candidate wrote, in the candidates' order.

    Attributes:
        scores: by metric's name, how near each candidate's answer comes to the references.
    """

    pair: Pair
    answers: tuple[str, ...]
    scores: dict[str, tuple[float, ...]] = {}

    def changed(self, candidate: int = 1) -> float | None:
        """How much nearer the candidate's answer comes to the references than the first one's, −1 to 1, by the first
        metric of the two that is known: ROUGE-L, then BLEU. None without either."""
        for name, scale in (("rouge_l", 1.0), ("bleu", 100.0)):
            if name in self.scores:
                return (self.scores[name][candidate] - self.scores[name][0]) / scale
        return None


class HarnessScore(_Part):
    """What candidates score in one task of the lm-evaluation-harness by one of its metrics.

    Attributes:
        higher_is_better: None where the harness does not say.
        values, errors: one per candidate; the harness's figures and their standard errors, None where it has none.
        samples: documents.
        tests: per candidate, how many documents the first one and it alone get right, where documents are right or
            wrong.
        differences: per candidate, how far the mean over documents is from the first one's, with the bounds of its
            99 % interval, where documents have other figures.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    values: tuple[float, ...]
    errors: tuple[float | None, ...]
    samples: int
    tests: tuple[PairedTest | None, ...]
    differences: tuple[tuple[float, float, float] | None, ...]

    def proven(self, candidate: int = 1) -> bool | None:
        """Whether the candidate differs from the first one by more than chance, 99 % sure; None where unknown."""
        test, difference = self.tests[candidate], self.differences[candidate]
        if test is not None:
            return test.p_value < 0.01
        return None if difference is None else difference[1] > 0 or difference[2] < 0


class ClassifiedText(_Part):
    """A text or a word of one, the class that each candidate gives it, and how probable it finds it.

    Attributes:
        word: the word, of taggers; `text` is what stands around it.
        label: the right class, where the data set tells it.
        classes, probabilities: one per candidate.
        before: per candidate, how probable it finds the reference's class.
    """

    text: str
    word: str = ""
    label: int | None = None
    classes: tuple[int, ...]
    probabilities: tuple[float, ...]
    before: tuple[float, ...]

    def flipped(self, candidate: int = 1) -> bool:
        """The candidate gives another class than the reference."""
        return self.classes[candidate] != self.classes[0]

    def change(self, candidate: int = 1) -> float:
        """How the probability of the reference's class changed: −1 to 1."""
        return self.before[candidate] - self.before[0]


Table = tuple[tuple[int, ...], ...]


class Classified(_Part):
    """The texts (of taggers: words) that the candidates classified.

    Attributes:
        names: the classes' names, by number.
        texts: every text; of many words those that changed most.
        confusions, labelled: what `confusion` and `against_labels` answer for each candidate, where `texts` are a part.
        total: how many there are, likewise.
    """

    names: tuple[str, ...]
    texts: tuple[ClassifiedText, ...]
    confusions: tuple[Table, ...] = ()
    labelled: tuple[Table, ...] = ()
    total: int = 0

    @property
    def count(self) -> int:
        """How many texts or words were classified."""
        return self.total or len(self.texts)

    @property
    def of_words(self) -> bool:
        """Words were classified, not texts."""
        return any(text.word for text in self.texts)

    def flips(self, candidate: int = 1) -> int:
        """How many got another class than from the reference."""
        return sum(count for row, own in enumerate(self.confusion(candidate)) for place, count in enumerate(own)
                   if row != place)  # fmt: skip

    def confusion(self, candidate: int = 1) -> Table:
        """Texts by the reference's class (rows) and the candidate's (columns)."""
        return self.confusions[candidate] if self.confusions else self._count(lambda text: text.classes[0], candidate)

    def against_labels(self, candidate: int) -> Table:
        """Labelled texts by the right class (rows) and the candidate's (columns); all zero without labels."""
        return self.labelled[candidate] if self.labelled else self._count(lambda text: text.label, candidate)

    def _count(self, row: Callable[[ClassifiedText], int | None], candidate: int) -> Table:
        table = [[0] * len(self.names) for _ in self.names]
        for text in self.texts:
            place = row(text)
            if place is not None and place < len(table):
                table[place][text.classes[candidate]] += 1
        return tuple(map(tuple, table))


class EmbeddedText(_Part):
    """A text, how far its embedding turned, and the texts next to it.

    Attributes:
        cosines: per candidate, the cosine with the reference's embedding; 1 for the reference.
        neighbours: per candidate, positions of the nearest other texts, nearest first.
    """

    text: str
    cosines: tuple[float, ...]
    neighbours: tuple[tuple[int, ...], ...]

    def lost(self, candidate: int = 1) -> tuple[int, ...]:
        """The reference's neighbours that the candidate no longer has."""
        return tuple(place for place in self.neighbours[0] if place not in self.neighbours[candidate])

    def found(self, candidate: int = 1) -> tuple[int, ...]:
        """The candidate's neighbours that the reference does not have."""
        return tuple(place for place in self.neighbours[candidate] if place not in self.neighbours[0])
