"""Single cases of a comparison as table rows: tokens, questions, texts of several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication

from engine.compare.changes import score_words, signed
from engine.compare.evidence import (
    Classified,
    ClassifiedText,
    EmbeddedText,
    HarnessScore,
    PairResult,
    QuestionResult,
    TokenView,
)
from engine.compare.format import format_number
from engine.compare.table import Comparison
from engine.metrics import catalog as metrics
from gui.item_models.rows import Column
from gui.numbers import MISSING
from gui.translate import engine_text

RIGHT, WRONG = "✓", "✗"


@dataclass(frozen=True)
class TokenRow:
    """A token of one answer and what both models think of it.

    Attributes:
        prompt, place: positions of the prompt and of the token in the answer.
        candidate: whose answer it is; 0 for the original.
        side: "" where both wrote it, else who alone did.
    """

    prompt: int
    place: int
    candidate: int
    text: str
    side: str
    view: TokenView

    @property
    def before(self) -> float:
        """The original's probability."""
        return self.view.other if self.candidate else self.view.own

    @property
    def after(self) -> float:
        """The optimised model's probability."""
        return self.view.own if self.candidate else self.view.other

    @property
    def change(self) -> float:
        """`after` less `before`."""
        return self.after - self.before


def token_rows(comparison: Comparison) -> list[TokenRow]:
    """Every token that both models have seen: the reference's, and those that only a candidate wrote."""
    found = []
    for diff in comparison.diffs:
        apart = [s for s in diff.segments if s.kind != "same"]
        only_first = {place for s in apart for place in range(*s.reference_tokens)}
        only_other = {place for s in apart for place in range(*s.candidate_tokens)}
        first = comparison.candidates[0].answers[diff.prompt].tokens
        other = comparison.candidates[diff.candidate]
        for place, (token, view) in enumerate(zip(first, diff.reference_views, strict=False)):
            side = comparison.candidates[0].name if place in only_first else ""
            found.append(TokenRow(diff.prompt, place, 0, token.text, side, view))
        tokens = other.answers[diff.prompt].tokens
        for place, (token, view) in enumerate(zip(tokens, diff.candidate_views, strict=False)):
            if place in only_other:
                found.append(TokenRow(diff.prompt, place, diff.candidate, token.text, other.name, view))
    return found


def token_columns() -> list[Column[TokenRow]]:
    """Where it stands, what it is, and both probabilities."""
    return [
        Column(_tr("Prompt"), lambda r: str(r.prompt + 1), lambda r: r.prompt, number=True),
        Column(_tr("Place"), lambda r: str(r.place + 1), lambda r: r.place, number=True),
        Column(_tr("Token"), lambda r: r.text.replace("\n", "⏎"), lambda r: r.text),
        Column(_tr("Written by"), lambda r: r.side or _tr("both"), lambda r: r.side),
        Column(_tr("Before"), lambda r: format_number(r.before), lambda r: r.before, number=True,
               help=_tr("How probable the original finds the token")),
        Column(_tr("After"), lambda r: format_number(r.after), lambda r: r.after, number=True,
               help=_tr("How probable the optimised model finds the token")),
        Column(_tr("Change"), lambda r: _signed(r.change), lambda r: abs(r.change), number=True),
    ]  # fmt: skip


def question_columns(names: Sequence[str]) -> list[Column[QuestionResult]]:
    """The question, what is expected, and a mark for each candidate called `names`."""
    made: list[Column[QuestionResult]] = [
        Column(_tr("Question"), lambda r: " ".join(r.question.prompt.split()), tip=lambda r: r.question.prompt),
        Column(_tr("Expected"), _expected),
    ]
    for index, name in enumerate(names):
        made.append(
            Column(
                name,
                partial(_mark, index),
                partial(_is_right, index),
                tip=partial(_answer, index),
                number=True,
                help=name,
            )
        )
    return made


def pair_columns(names: Sequence[str]) -> list[Column[PairResult]]:
    """The source text, what each candidate called `names` wrote, and how much nearer that is to the reference."""
    made: list[Column[PairResult]] = [
        Column(_tr("Source"), lambda r: " ".join(r.pair.source.split()), tip=lambda r: r.pair.source)
    ]
    for index, name in enumerate(names):
        made.append(Column(name, partial(_written, index), tip=partial(_answer, index), help=name))
    for index in range(1, len(names)):
        help_text = _tr("How much nearer to the reference than the original's text: ROUGE-L, or BLEU without it")
        made.append(
            Column(
                _tr("Change"), partial(_nearer, index), partial(_nearer_key, index), number=True, help=help_text
            )
        )  # fmt: skip
    return made


def scores_of(result: PairResult, index: int) -> str:
    """What candidate `index` scores on one text: "ROUGE-L 0.42 · BLEU 12.1"; empty where nothing could be computed."""
    return " · ".join(
        f"{engine_text(metrics.get(name).title)} {format_number(each[index])}" for name, each in result.scores.items()
    )


def harness_columns(names: Sequence[str]) -> list[Column[HarnessScore]]:
    """Task, metric, and what each candidate called `names` scores, with the change."""
    made: list[Column[HarnessScore]] = [
        Column(_tr("Task"), lambda r: r.task),
        Column(_tr("Metric"), lambda r: r.metric),
        Column(_tr("Documents"), lambda r: str(r.samples), lambda r: r.samples, number=True),
    ]
    for index, name in enumerate(names):
        made.append(
            Column(
                name, partial(_scored, index), partial(_score_key, index), number=True,
                help=_tr("Value and standard error, by lm-eval"),
            )
        )  # fmt: skip
    for index in range(1, len(names)):
        made.append(
            Column(
                _tr("Change"), partial(_score_change, index), partial(_score_change_key, index), number=True,
                help=_tr("Documents won and lost, or the interval of the difference; proven where chance is below 1 %"),
            )
        )  # fmt: skip
    return made


def class_columns(found: Classified, names: Sequence[str]) -> list[Column[ClassifiedText]]:
    """The text (of taggers the word too), its right class where known, what each candidate says, and how far the
    original's class moved."""
    made: list[Column[ClassifiedText]] = [Column(_tr("Text"), lambda r: r.text, tip=lambda r: r.text)]
    if found.of_words:
        made.append(Column(_tr("Word"), lambda r: r.word))
    if any(text.label is not None for text in found.texts):
        made.append(Column(_tr("Right"), lambda r: MISSING if r.label is None else _named(found, r.label)))
    for index, name in enumerate(names):
        made.append(Column(name, partial(_class, found, index), partial(_class_key, index)))
    for index in range(1, len(names)):
        help_text = _tr("How the probability of the original's label changed")
        made.append(
            Column(
                _tr("Change"), partial(_class_change, index), partial(_class_change_key, index),
                number=True, help=help_text,
            )
        )  # fmt: skip
    return made


def embedding_columns(texts: Sequence[EmbeddedText], names: Sequence[str]) -> list[Column[EmbeddedText]]:
    """The text, the cosine with the original's embedding, and which nearest texts went and came."""
    made: list[Column[EmbeddedText]] = [Column(_tr("Text"), lambda r: r.text, tip=lambda r: r.text)]
    for index in range(1, len(names)):
        more = f" · {names[index]}" if len(names) > 2 else ""
        made += [
            Column(
                _tr("Cosine") + more, partial(_cosine, index), partial(_cosine_key, index), number=True,
                help=_tr("1: the embedding points where the original's does"),
            ),
            Column(
                _tr("Nearest kept") + more, partial(_kept, index), partial(_kept_key, index), number=True,
                help=_tr("How many of the five nearest texts stay the same"),
            ),
            Column(_tr("No longer near") + more, partial(_lost, texts, index), tip=partial(_all_lost, texts, index)),
            Column(_tr("Near now") + more, partial(_found, texts, index), tip=partial(_all_found, texts, index)),
        ]  # fmt: skip
    return made


def _mark(index: int, r: QuestionResult) -> str:
    return " ".join((RIGHT, _tr("right")) if r.right[index] else (WRONG, _tr("wrong")))


def _is_right(index: int, r: QuestionResult) -> int:
    return 2 * (index > 0 and r.right[index] == r.right[0]) + r.right[index]  # what changed stands first


def _scored(index: int, r: HarnessScore) -> str:
    return score_words(r, index)


def _score_key(index: int, r: HarnessScore) -> float:
    return r.values[index]


def _score_change(index: int, r: HarnessScore) -> str:
    change = signed(r.values[index] - r.values[0])
    if (test := r.tests[index]) is not None:
        words = _tr("%1 lost, %2 gained").replace("%1", str(test.lost)).replace("%2", str(test.gained))
        change += f" ({words})"
    elif (difference := r.differences[index]) is not None:
        change += f" ({signed(difference[1])} … {signed(difference[2])})"
    proven = r.proven(index)
    doubtful = proven is False and r.values[index] != r.values[0]
    return ", ".join((change, _tr("not proven"))) if doubtful else change


def _score_change_key(index: int, r: HarnessScore) -> float:
    return abs(r.values[index] - r.values[0])


def _written(index: int, r: PairResult) -> str:
    return " ".join(r.answers[index].split())


def _nearer(index: int, r: PairResult) -> str:
    change = r.changed(index)
    return MISSING if change is None else _signed(change)


def _nearer_key(index: int, r: PairResult) -> float:
    return abs(r.changed(index) or 0.0)


def _answer(index: int, r: QuestionResult | PairResult) -> str:
    return r.answers[index].strip()


def _class(found: Classified, index: int, r: ClassifiedText) -> str:
    return f"{_named(found, r.classes[index])}  {format_number(r.probabilities[index])}"


def _class_key(index: int, r: ClassifiedText) -> float:
    return r.classes[index] + r.probabilities[index] / 2  # by label, then by how sure


def _class_change(index: int, r: ClassifiedText) -> str:
    return "  ".join([*([_tr("other label")] if r.flipped(index) else []), _signed(r.change(index))])


def _class_change_key(index: int, r: ClassifiedText) -> float:
    return abs(r.change(index)) + 2 * r.flipped(index)  # other labels before all others


def _cosine(index: int, r: EmbeddedText) -> str:
    return f"{r.cosines[index]:.4f}"


def _cosine_key(index: int, r: EmbeddedText) -> float:
    return r.cosines[index]


def _kept(index: int, r: EmbeddedText) -> str:
    return f"{len(r.neighbours[0]) - len(r.lost(index))} / {len(r.neighbours[0])}"


def _kept_key(index: int, r: EmbeddedText) -> int:
    return -len(r.lost(index))


def _lost(texts: Sequence[EmbeddedText], index: int, r: EmbeddedText) -> str:
    return _first(texts, r.lost(index))


def _all_lost(texts: Sequence[EmbeddedText], index: int, r: EmbeddedText) -> str:
    return "\n".join(texts[place].text for place in r.lost(index))


def _found(texts: Sequence[EmbeddedText], index: int, r: EmbeddedText) -> str:
    return _first(texts, r.found(index))


def _all_found(texts: Sequence[EmbeddedText], index: int, r: EmbeddedText) -> str:
    return "\n".join(texts[place].text for place in r.found(index))


def _expected(result: QuestionResult) -> str:
    question = result.question
    words = " / ".join(question.expect)
    if question.tolerance:
        words += f" ± {format_number(question.tolerance)}"
    return words


def _named(found: Classified, number: int) -> str:
    return found.names[number] if 0 <= number < len(found.names) else str(number)


def _first(texts: Sequence[EmbeddedText], places: Sequence[int]) -> str:
    return texts[places[0]].text if places else ""


def _signed(change: float) -> str:
    return "±0" if abs(change) < 0.0005 else f"{change:+.3f}".replace("-", "−")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Cases", text)
