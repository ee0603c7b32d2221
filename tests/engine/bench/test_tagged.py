"""Taggers: labelled files, words as tokens, stretches, and a whole comparison of two."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.bench import observe_tags
from engine.bench.observe_tags import evidence_of, gold_of, tagged_of
from engine.bench.tagged import Seen, Sentence, read_tagged, seen
from engine.compare.table import Comparison
from engine.jobs import compare
from engine.metrics.base import Observed
from engine.metrics.measure import measure_all
from engine.metrics.spans import marks_spans, spans
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob
from engine.runtimes.base import TextBatch
from engine.text.tokenizer import load_tokenizer
from tests.engine.bench.jobs import context_with
from tests.helpers import encoders

CONLL = (
    "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\nBlackburn NNP I-NP I-PER\n"
)
UNIVERSAL = "# text = vámonos al mar\n1-2\tvámonos\t_\t_\n1\tvamos\tir\tVERB\n2\tnos\tnos\tPRON\n\n1\tmar\tmar\tNOUN\n"
LINES = (
    '{"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"], "pos": [1, 2]}\n\n{"tokens": [], "tags": [], "pos": []}\n'
)


@pytest.mark.parametrize(
    ("name", "text", "column", "count", "words", "tags"),
    [
        ("a.conll", CONLL, None, 2, ("Peter", "Blackburn"), ("B-PER", "I-PER")),
        ("a.txt", CONLL.replace(" ", "\t"), "2", 2, ("Peter", "Blackburn"), ("NNP", "NNP")),
        ("a.conllu", UNIVERSAL, None, 2, ("mar",), ("NOUN",)),
        ("a.jsonl", LINES, None, 1, ("EU", "rejects"), ("B-ORG", "O")),
        ("a.jsonl", LINES, "pos", 1, ("EU", "rejects"), (1, 2)),
    ],
)
def test_tagged_sentences_are_read(
    tmp_path: Path, name: str, text: str, column: str | None, count: int, words: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_tagged(str(tmp_path / name), column)
    assert len(found) == count
    assert found[-1] == Sentence(words, tags)
    if name == "a.conllu":
        assert found[0].words == ("vamos", "nos")


@pytest.mark.parametrize(
    ("name", "text", "column", "where", "cause"),
    [
        ("a.conll", CONLL + "alone\n", None, ", line 8", "1 of 2 columns"),
        ("a.conll", CONLL, "5", ", line 3", "4 of 5 columns"),
        ("a.conll", CONLL, "tags", "", "no column"),
        ("a.jsonl", LINES, "ner", ", line 1", "lacks the lists “tokens” and “ner”. It has: tokens, tags, pos."),
        ("a.jsonl", '{"tokens": ["a"], "tags": []}', None, ", line 1", "1 tokens but 0 tags"),
        ("a.jsonl", '{"tokens": ["a"], "tags": [true]}', None, ", line 1", "neither a name nor a number"),
        ("a.jsonl", "\n", None, "", "no tagged words"),
        ("a.csv", "a,b", None, "", "not read from “.csv” files"),
    ],
)
def test_a_bad_file_names_the_line(
    tmp_path: Path, name: str, text: str, column: str | None, where: str, cause: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=cause) as caught:
        read_tagged(str(tmp_path / name), column)
    assert str(caught.value.where).endswith(name + where)


def test_a_word_is_judged_by_its_first_token(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoders.model("Roberta", "token-classification", tmp_path))
    words = ["Immeasurable", "rivers", "ran,", "ö", "away"]
    found = seen(tokenizer, words, 64)
    tokens = tokenizer.convert_ids_to_tokens(found.batch.input_ids[0].tolist())
    assert found.words.tolist() == [0, 1, 2, 3, 4]
    pieces = ["".join(tokens[a:b]) for a, b in pairwise([*found.tokens, len(tokens)])]
    assert [pieces[place] for place in (0, 1, 2, 4)] == ["Immeasurable", "Ġrivers", "Ġran,", "Ġaway"]
    cut = seen(tokenizer, words, int(found.tokens[2]) + 1)
    assert cut.words.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-A I-A O B-A", {(0, 2, "A"), (3, 4, "A")}),
        ("I-A I-A I-B O", {(0, 2, "A"), (2, 3, "B")}),  # IOB1, and a new kind
        ("B-A B-A I-B", {(0, 1, "A"), (1, 2, "A"), (2, 3, "B")}),
        ("B-A I-A E-A S-B O", {(0, 3, "A"), (3, 4, "B")}),
        ("B-A L-A U-A U-A", {(0, 2, "A"), (2, 3, "A"), (3, 4, "A")}),
        ("E-A I-A", {(0, 1, "A"), (1, 2, "A")}),  # what has ended does not go on
        ("O O", set()),
        ("B-X-Y I-X-Y", {(0, 2, "X-Y")}),
    ],
)
def test_stretches_are_conlls(tags: str, expected: set[tuple[int, int, str]]) -> None:
    assert spans(tags.split()) == expected
    assert not marks_spans(["NOUN", "O"])
    assert not marks_spans(["O"])


def _read(*lengths: int) -> list[Seen]:
    batch = TextBatch(np.zeros((1, 9), np.int64), np.ones((1, 9), np.int64))
    return [Seen(batch, np.arange(n), np.arange(n)) for n in lengths]


def test_tags_are_counted_by_words_and_by_stretches() -> None:
    names = ("O", "B-PER", "I-PER")
    sentences = [Sentence(("a", "b", "c"), ("B-PER", "I-PER", "O")), Sentence(("d", "e"), ("B-PER", "B-LOC"))]
    notes: list[str] = []
    gold = gold_of(sentences, _read(3, 2), names, "f", notes.append)
    assert gold.labels.tolist() == [1, 2, 0, 1, -1]
    assert "tags B-LOC: the 1 words that have them count as wrong" in notes[0]
    found = tagged_of(np.array([1, 0, 0, 1, 1]), gold, names, _read(3, 2))
    measured = {m.name: m for m in measure_all(Observed(1, tagged=found), "token-classification")}
    assert measured["tag_accuracy"].value == pytest.approx(3 / 5)
    # named rightly: d; named by the model: a, d, e; by people: a-b, d, e
    assert measured["entity_f1"].value == pytest.approx(2 * 1 / (3 + 3))
    assert measured["entity_f1"].samples == 2
    plain = gold_of([Sentence(("a",), (2,))], _read(1), names, "f", notes.append)
    assert plain.names == ("I-PER",)
    for tags, cause in ((("NN",), "knows none"), ((3,), "the tag number 3, but the model has 3")):
        with pytest.raises(UserError, match=cause):
            gold_of([Sentence(("a",), tags)], _read(1), names, "f", notes.append)


def test_of_many_words_those_that_changed_most_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_tags, "MOST_WORDS", 2)
    before = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    after = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]])
    words = tuple("abcd")
    found = evidence_of([Sentence(words)], _read(4), [before, after], ("x", "y"))
    assert [text.word for text in found.texts] == ["b", "d"]
    assert found.texts[1].text == "a b c [d]"
    assert found.confusion(1) == ((1, 2), (0, 1))
    assert (found.flips(), found.count, found.of_words) == (2, 4, True)


@pytest.mark.usefixtures("short_rounds")
def test_two_taggers_are_compared_word_by_word(tmp_path: Path) -> None:
    models = [encoders.model(kind, "token-classification", tmp_path / kind) for kind in ("Bert", "DistilBert")]
    rows = [f"The O\nmodel LABEL_{i % 3}\nanswered LABEL_1\n" for i in range(6)]
    (tmp_path / "d.conll").write_text("\n".join(rows))
    job = CompareJob.model_validate(
        {
            "candidates": [str(folder) for folder in models], "rounds": 3, "prompt_tokens": 8, "memory": False,
            "threads": 1, "dataset": str(tmp_path / "d.conll"),
        }
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    other = found.candidates[1]
    assert {m.name for m in other.measurements} == {
        "request_seconds", "requests_per_second", "weight_bytes", "kl_divergence_nats", "top1_agreement", "logit_error",
        "tag_accuracy",
    }  # fmt: skip
    assert found.classified is not None
    assert (found.classified.count, found.classified.of_words) == (18, True)
    labelled = found.classified.against_labels(1)
    assert sum(map(sum, labelled)) == 12  # “O” is no tag of this model
    measured = other.measured("tag_accuracy")
    assert measured is not None
    assert measured.value == pytest.approx(sum(labelled[i][i] for i in range(3)) / 18)
    assert other.changed("tag_accuracy") is not None
    assert any("Entity F1 is not measured" in notice for notice in found.notices)
    assert "of words" in found.verdict_text
