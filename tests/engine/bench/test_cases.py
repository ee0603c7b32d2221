"""What stands behind a comparison's figures, case by case, through the whole job."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench.observe_quality import class_names
from engine.bench.questions import read_questions
from engine.compare.evidence import Question
from engine.compare.table import Comparison
from engine.jobs import compare
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob
from tests.engine.bench.jobs import context_with
from tests.helpers import checkpoints, encoders

pytestmark = pytest.mark.usefixtures("short_rounds")


def _compare(*candidates: Path, **options: object) -> Comparison:
    job = CompareJob.model_validate(
        {
            "candidates": [str(folder) for folder in candidates], "prompts": ["Once upon", "One day"], "rounds": 3,
            "prompt_tokens": 8, "new_tokens": 6, "memory": False, "threads": 1, **options,
        }
    )  # fmt: skip
    return Comparison.model_validate(compare.handle(job, context_with([])))


def test_quality_on_a_second_text_stands_beside_the_first(tiny_llama: Path, tmp_path: Path) -> None:
    other = checkpoints.tiny_llama(tmp_path, layers=2, seed=1)
    (tmp_path / "one.txt").write_text(checkpoints.TEXT[:1500])
    (tmp_path / "two.txt").write_text("for i in range(10):\n    print(i, sep='')\n" * 40)
    found = _compare(tiny_llama, other, text=str(tmp_path / "one.txt"), second_text=str(tmp_path / "two.txt"))
    first, second = found.candidates[0].second, found.candidates[1].second
    assert [m.name for m in first] == ["perplexity"]
    assert [m.name for m in second] == [
        "perplexity", "kl_divergence_nats", "top1_agreement", "top5_agreement", "logit_error"
    ]  # fmt: skip
    assert second[0].conditions["text"] == "two.txt"
    own = found.candidates[1].measured("perplexity")
    assert own is not None
    assert own.conditions["text"] == "one.txt"
    assert own.value != second[0].value
    assert found.candidates[1].measured("shared_tokens") is not None
    assert found.candidates[0].measured("shared_tokens") is None


def test_questions_are_answered_by_both_and_judged(tiny_llama: Path, tmp_path: Path) -> None:
    other = checkpoints.tiny_llama(tmp_path, layers=2, seed=1)
    written = _compare(tiny_llama, quality=False).candidates[0].answers[0].text
    (tmp_path / "q.jsonl").write_text('{"prompt": "One day", "expect": "no such words"}\n')
    questions = (Question(prompt="Once upon", expect=(written,), how="exact"), *read_questions(tmp_path / "q.jsonl"))
    found = _compare(tiny_llama, other, quality=False, questions=[q.model_dump() for q in questions])
    assert [result.right for result in found.questions] == [(True, False), (False, False)]
    assert found.questions[0].answers[0] == written
    right = [candidate.measured("task_accuracy") for candidate in found.candidates]
    assert [m and (m.value, m.samples) for m in right] == [(0.5, 2), (0.0, 2)]
    assert found.candidates[0].questions is None
    assert found.candidates[1].questions is not None
    assert (found.candidates[1].questions.lost, found.candidates[1].questions.p_value) == (1, 1.0)
    assert "0 of 2 questions right, 1 before" in found.verdict_text


def test_tokens_of_answers_are_seen_by_both_sides(tiny_llama: Path) -> None:
    found = _compare(tiny_llama, tiny_llama, quality=False)
    for diff in found.diffs:
        assert diff.same
        assert diff.changed == 0
        assert diff.shift == pytest.approx(0, abs=1e-4)
        assert len(diff.reference_views) == len(found.candidates[0].answers[diff.prompt].tokens)
        probabilities = [token.probability for token in found.candidates[0].answers[diff.prompt].tokens]
        assert [view.own for view in diff.reference_views] == pytest.approx(probabilities, abs=1e-4)


def test_classifiers_show_labels_that_flipped(tmp_path: Path) -> None:
    model = encoders.model("Bert", "text-classification", tmp_path / "a")
    other = encoders.model("Roberta", "text-classification", tmp_path / "b")
    (tmp_path / "labels.csv").write_text("".join(f"The people measured {i} rivers.,{i % 3}\n" for i in range(12)))
    found = _compare(model, other, dataset=str(tmp_path / "labels.csv"))
    assert found.classified is not None
    assert len(found.classified.texts) == 12
    assert found.classified.names == ("LABEL_0", "LABEL_1", "LABEL_2")
    table = found.classified.confusion(1)
    assert sum(map(sum, table)) == 12
    flips = sum(text.flipped() for text in found.classified.texts)
    assert flips == 12 - sum(table[i][i] for i in range(3))
    right = found.candidates[1].measured("accuracy")
    labelled = found.classified.against_labels(1)
    assert right is not None
    assert right.value == pytest.approx(sum(labelled[i][i] for i in range(3)) / 12)
    for name in ("f1", "logit_error", "kl_divergence_nats"):
        assert found.candidates[1].measured(name) is not None, name
    for text in found.classified.texts:
        assert text.change(0) == 0
        assert text.flipped() or text.before[1] == text.probabilities[1]


def test_embeddings_show_neighbours_that_changed(tiny_bert: Path, tmp_path: Path) -> None:
    other = checkpoints.tiny_bert(tmp_path, seed=4)
    found = _compare(tiny_bert, other)
    kept = found.candidates[1].measured("neighbours_kept")
    assert kept is not None
    assert 0 < kept.value < 1
    lost = sum(len(text.lost()) for text in found.embedded)
    assert kept.value == pytest.approx(1 - lost / (5 * len(found.embedded)))
    assert all(text.cosines[0] == pytest.approx(1) and len(text.neighbours[1]) == 5 for text in found.embedded)
    assert all(len(text.lost()) == len(text.found()) for text in found.embedded)


def test_questions_to_models_that_do_not_write_are_refused(tiny_bert: Path) -> None:
    with pytest.raises(UserError, match="models that write"):
        _compare(tiny_bert, questions=[{"prompt": "a", "expect": ["b"]}])


def test_classes_without_names_get_numbers(tmp_path: Path) -> None:
    assert class_names(tmp_path, 2) == ("class 0", "class 1")
