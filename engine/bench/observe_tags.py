"""What a comparison observes of taggers: every word's tag before and after, and against people's tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.bench.tagged import Seen, Sentence
from engine.compare.evidence import Classified, ClassifiedText, Table
from engine.metrics.base import Tagged
from engine.metrics.spans import marks_spans, spans
from engine.protocol.errors import UserError
from engine.runtimes.base import Ids

MOST_WORDS = 5000  # words that are kept with their tags, those that changed most
_AROUND = 6  # words of the sentence that are shown on either side


@dataclass(frozen=True)
class Gold:
    """People's tags of the words that are seen.

    Attributes:
        names: the tag of each, [N].
        labels: the model's number of it, [N]; −1 for a tag that it does not know.
    """

    names: tuple[str, ...]
    labels: Ids


def gold_of(
    sentences: Sequence[Sentence], read: Sequence[Seen], names: Sequence[str], path: str, note: Callable[[str], None]
) -> Gold:
    """People's tags of the words that are `read` of `sentences`, by a model whose tags are called `names`.

    Raises UserError where a number is no tag of the model's, and where the model knows none of the tags.
    """
    given = [sentence.tags[word] for sentence, one in zip(sentences, read, strict=True) for word in one.words]
    outside = next((tag for tag in given if isinstance(tag, int) and not 0 <= tag < len(names)), None)
    if outside is not None:
        raise UserError(
            f"The data set has the tag number {outside}, but the model has {len(names)} tags.",
            "Choose the data set that the model was made for, or another column of it.",
            where=path,
        )
    called = [names[tag] if isinstance(tag, int) else tag for tag in given]
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers.get(name, -1) for name in called], dtype=np.int64)
    unknown = sorted({name for name in called if name not in numbers})
    if (labels < 0).all():
        raise UserError(
            f"The model knows none of the tags {', '.join(unknown[:5])}; its own are {', '.join(names[:9])}.",
            "Choose the column that holds such tags, or another data set.",
            where=path,
        )
    if unknown:
        note(
            f"The model does not know the tags {', '.join(unknown[:5])}: the {int((labels < 0).sum())} words that have "
            "them count as wrong."
        )
    return Gold(tuple(called), labels)


def tagged_of(chosen: Ids, gold: Gold, names: Sequence[str], read: Sequence[Seen]) -> Tagged:
    """How a model that gave the words the tags `chosen` [N] did."""
    lengths = [len(one.words) for one in read]
    counts = None
    if marks_spans(gold.names):
        ends = np.cumsum([0, *lengths])
        rows = []
        for begin, end in pairwise(ends):
            right, own = spans(gold.names[begin:end]), spans([names[tag] for tag in chosen[begin:end]])
            rows.append((len(right & own), len(own), len(right)))
        counts = np.array(rows, dtype=np.int64)
    return Tagged((chosen == gold.labels).astype(np.float64), np.repeat(np.arange(len(read)), lengths), counts)


def evidence_of(
    sentences: Sequence[Sentence],
    read: Sequence[Seen],
    probabilities: Sequence[np.ndarray],
    names: tuple[str, ...],
    gold: Gold | None = None,
) -> Classified:
    """Every word's tags by `probabilities` [N, C] of each candidate; of many words those that changed most."""
    chosen = [own.argmax(-1) for own in probabilities]
    rows = np.arange(len(chosen[0]))
    before = [own[rows, chosen[0]] for own in probabilities]
    changed = np.max(
        [np.abs(own - before[0]) + (tags != chosen[0]) for own, tags in zip(before, chosen, strict=True)], axis=0
    )
    places = [(one, word) for one, seen in zip(sentences, read, strict=True) for word in seen.words]
    labels = None if gold is None else [None if label < 0 else int(label) for label in gold.labels]
    kept = np.sort(np.argsort(-changed, kind="stable")[:MOST_WORDS])
    return Classified(
        names=names,
        texts=tuple(
            ClassifiedText(
                text=_around(places[row][0].words, int(places[row][1])),
                word=places[row][0].words[places[row][1]],
                label=None if labels is None else labels[row],
                classes=tuple(int(own[row]) for own in chosen),
                probabilities=tuple(round(float(own[row].max()), 6) for own in probabilities),
                before=tuple(round(float(own[row]), 6) for own in before),
            )
            for row in kept
        ),
        confusions=tuple(_table(chosen[0], own, len(names)) for own in chosen),
        labelled=() if gold is None else tuple(_table(gold.labels, own, len(names)) for own in chosen),
        total=len(rows),
    )


def _table(rows: Ids, columns: Ids, size: int) -> Table:
    """How often each number of `rows` stands beside each of `columns`, both [N]; negative rows are left out."""
    known = rows >= 0
    counts = np.bincount(rows[known] * size + columns[known], minlength=size * size).reshape(size, size)
    return tuple(tuple(int(count) for count in row) for row in counts)


def _around(words: Sequence[str], place: int) -> str:
    """The words beside the one at `place`, which is marked: "… measured [Paris] in …"."""
    first, last = max(0, place - _AROUND), place + 1 + _AROUND
    shown = [f"[{word}]" if index == place else word for index, word in enumerate(words)][first:last]
    return " ".join([*(["…"] if first else []), *shown, *(["…"] if last < len(words) else [])])
