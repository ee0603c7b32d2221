"""The user's own texts with references: read, written to by every candidate, scored as the libraries do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from engine.bench.pairs import read_references
from engine.compare.table import Comparison
from engine.jobs import compare
from engine.metrics.base import DECODERS, Observed, Rows, Written
from engine.metrics.catalog import get
from engine.metrics.measure import changes, lacking, measure_all, scores
from engine.metrics.rows import change_of, mean, over_rows
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob
from tests.engine.bench.jobs import context_with
from tests.helpers import checkpoints

LINES = '{"source": "Der Fluss.", "reference": ["The river.", "A river."]}\n{"source": "Ja.", "reference": "Yes."}\n'
# Answers that are right, that lack words, that have too many, and that share nothing with the references.
WRITTEN = (
    Written(("the cat sat on the mat today", "a cat was sitting on the mat"), "the cat sat on the mat today"),
    Written(("the river runs to the sea",), "river runs to the"),
    Written(("it is measured in turn",), "it is now measured in\nturn and again"),
    Written(("nothing here is shared",), "quite other words"),
)


@pytest.mark.parametrize(
    ("name", "text", "last"),
    [
        ("p.jsonl", LINES, ("Ja.", ("Yes.",))),
        ("p.csv", 'Source,Reference\nx,y\n"a, b",c\n', ("a, b", ("c",))),
        ("p.tsv", 'source\treference\nsay "a"\t"b" he said\n', ('say "a"', ('"b" he said',))),
    ],
)
def test_pairs_are_read_from_three_kinds_of_file(
    tmp_path: Path, name: str, text: str, last: tuple[str, tuple[str, ...]]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_references(tmp_path / name)
    assert (found[-1].source, found[-1].references) == last
    assert read_references("") == ()


@pytest.mark.parametrize(
    ("name", "text", "line", "cause"),
    [
        ("p.jsonl", LINES + '{"source": "alone"}\n', 3, "lacks “reference”"),
        ("p.jsonl", '{"source": "a", "reference": []}', 1, "empty or no text"),
        ("p.jsonl", '{"source": "a", "reference": ["b", " "]}', 1, "empty or no text"),
        ("p.tsv", "source\ttarget\na\tb\n", 2, "no field “target”"),
        ("p.csv", "source,reference\na,b,c\n", 2, "more columns"),
    ],
)
def test_a_bad_pair_names_the_line(tmp_path: Path, name: str, text: str, line: int, cause: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=cause) as caught:
        read_references(tmp_path / name)
    assert str(caught.value.where).endswith(f"{name}, line {line}")


def test_bleu_is_sacrebleus_and_of_single_texts_too() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    found = _measured("bleu")
    references = [[one.references[0] for one in WRITTEN], [(*one.references, None)[1] for one in WRITTEN]]
    expected = sacrebleu.corpus_bleu([one.answer for one in WRITTEN], references)
    assert found.value == pytest.approx(expected.score, abs=1e-9)
    assert 0 < found.low < found.value < found.high
    first, *_, last = scores(Observed(1, written=WRITTEN), "text-generation")["bleu"]
    assert (first, last) == (pytest.approx(100), 0)


def test_rouge_is_rouge_scores_and_knows_other_letters() -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    plain = scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    expected = [plain.score_multi(one.references, one.answer) for one in WRITTEN]
    for name, kind in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")):
        assert _measured(name).value == pytest.approx(np.mean([own[kind].fmeasure for own in expected]))
    other = Observed(1, written=(Written(("河流很长",), "河流长"), Written(("Дом стоит",), "дом")))
    assert scores(other, "text-generation")["rouge_1"] == pytest.approx((2 * 3 / 7, 2 / 3), abs=1e-4)


def test_word_errors_are_counted_over_all_texts_against_the_nearest_reference() -> None:
    pytest.importorskip("jiwer")
    # 0 of 7, 2 left out of 6, 3 added to 5, and all 4 wrong of 4
    assert _measured("word_error_rate").value == pytest.approx((0 + 2 + 3 + 4) / (7 + 6 + 5 + 4))


def test_what_is_not_installed_is_told_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.metrics.measure.importlib.util.find_spec", lambda name: None)
    names = [spec.name for spec in lacking("text-generation")]
    assert names == ["bleu", "rouge_1", "rouge_2", "rouge_l", "word_error_rate"]
    assert [m.name for m in measure_all(Observed(1, written=WRITTEN), "text-generation")] == ["weight_bytes"]
    assert not list(lacking("text-classification"))
    assert all(get(name).tasks == DECODERS for name in names)


def test_two_models_are_compared_on_the_same_cases() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(size=60)  # how hard a case is moves both alike
    before = Rows(mean, (hard,))
    worse = Rows(mean, (hard - 0.2 + 0.1 * rng.normal(size=60),))
    single = over_rows("rouge_l", before, {})
    found = change_of("rouge_l", before, worse)
    assert single is not None
    assert found.value == pytest.approx(worse.columns[0].mean() - hard.mean())
    assert found.proven
    assert found.high - found.low < 0.3 * (single.high - single.low)
    same = change_of("rouge_l", before, before)
    assert (same.value, same.low, same.high, same.proven) == (0, 0, 0, False)


def test_classifiers_are_compared_on_the_same_texts() -> None:
    labels = np.array([0, 1] * 30)
    wrong = np.where(np.arange(60) % 3 == 0, 1 - labels, labels)
    before, after = (
        Observed(1, correct=(own == labels).astype(np.float64), classes=own, labels=labels) for own in (labels, wrong)
    )
    found = {change.name: change for change in changes(before, after, "text-classification")}
    assert set(found) == {"accuracy", "f1"}
    assert found["accuracy"].value == pytest.approx(-1 / 3)
    assert all(change.proven for change in found.values())


@pytest.mark.usefixtures("short_rounds")
def test_a_comparison_writes_to_the_users_texts(tmp_path: Path) -> None:
    folders = [checkpoints.tiny_text2text(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    pairs = [{"source": "Once upon a time", "references": ["One day somebody measured"]}] * 3
    job = CompareJob.model_validate(
        {
            "candidates": [str(folder) for folder in folders], "prompts": ["One day"], "rounds": 3, "prompt_tokens": 8,
            "new_tokens": 4, "memory": False, "quality": False, "threads": 1, "pairs": pairs, "pair_tokens": 6,
        }
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    assert len(found.pairs) == 3
    assert found.pairs[0].answers[0] != found.pairs[0].answers[1]
    assert "3 of 3 texts that 0 wrote to your sources were cut at 6 tokens." in found.notices
    installed = [spec for spec in map(get, ("bleu", "rouge_l")) if importlib.util.find_spec(spec.package)]
    for spec in installed:
        measured = found.candidates[1].measured(spec.name)
        assert measured is not None
        assert (measured.samples, measured.conditions["new_tokens"]) == (3, 6)
        assert found.candidates[1].changed(spec.name) is not None
    absent = [notice for notice in found.notices if "is not installed" in notice]
    assert bool(absent) == (len(installed) < 2)


def _measured(name: str):  # type: ignore[no-untyped-def]
    found = next(m for m in measure_all(Observed(1, written=WRITTEN), "text-generation") if m.name == name)
    assert found.samples == len(WRITTEN)
    return found
