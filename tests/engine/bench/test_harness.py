"""Tasks of the lm-evaluation-harness, asked of sessions: the figures of the harness's own model, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bench.harness import read_names, scores_of
from engine.compare.changes import score_change, score_words
from engine.compare.table import Comparison
from engine.jobs import compare
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob
from tests.engine.bench.jobs import context_with
from tests.helpers import checkpoints

CHOICES = """\
task: own_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{text}}}}"
doc_to_choice: [" the people", " a river", " was"]
doc_to_target: "{{{{label}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
ROLLING = """\
task: own_texts
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{long}}}}"
metric_list:
  - {{metric: word_perplexity}}
  - {{metric: bits_per_byte}}
"""
WRITING = """\
task: own_answers
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{text}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["."], max_gen_toks: 12, do_sample: false}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}
"""


def _task_files(folder: Path) -> list[str]:
    words = checkpoints.TEXT.split()
    rows = [
        {"text": " ".join(words[i : i + 9]), "label": i % 3, "long": " ".join(words[i : i + 300]), "answer": words[i]}
        for i in range(8)
    ]
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = []
    for name, text in (("choices", CHOICES), ("texts", ROLLING), ("answers", WRITING)):
        (folder / f"{name}.yaml").write_text(text.format(data=data), encoding="utf-8")
        made.append(str(folder / f"{name}.yaml"))
    return made


def _result(values: list[float], metric: str = "acc") -> dict[str, Any]:
    samples = [{"doc_id": i, "filter": "none", metric: value} for i, value in enumerate(values)]
    mean = float(np.mean(values))
    return {
        "results": {"own": {"alias": "own", f"{metric},none": mean, f"{metric}_stderr,none": 0.05}},
        "samples": {"own": samples[::-1]},
        "higher_is_better": {"own": {metric: True}},
        "n-samples": {"own": {"original": 99, "effective": len(values)}},
    }


def test_right_and_wrong_documents_are_compared_by_mcnemars_test() -> None:
    (found,) = scores_of([_result([1.0] * 12 + [0.0]), _result([0.0] * 12 + [1.0])])
    assert (found.task, found.metric, found.samples, found.higher_is_better) == ("own", "acc", 13, True)
    assert found.tests[1] is not None
    assert (found.tests[1].lost, found.tests[1].gained) == (12, 1)
    assert found.proven()
    assert score_words(found, 0) == "0.923 ± 0.050"
    assert score_change(found) == "−0.846 (12 lost, 1 gained)"
    (found,) = scores_of([_result([1.0, 0.0]), _result([0.0, 0.0])])
    assert score_change(found) == "−0.500 (1 lost, 0 gained), not proven"


def test_other_figures_are_compared_by_resampling_documents() -> None:
    values = np.linspace(0.1, 0.9, 30)
    (found,) = scores_of([_result(values.tolist(), "bleu"), _result((values - 0.05).tolist(), "bleu")])
    assert found.differences[1] == pytest.approx((-0.05, -0.05, -0.05))
    assert found.proven()
    (group,) = scores_of([{"results": {"g": {"acc,none": v, "acc_stderr,none": "N/A"}}} for v in (0.5, 0.25)])
    assert (group.errors, group.tests, group.proven()) == ((None, None), (None, None), None)
    assert score_change(group) == "−0.250"


def test_without_the_harness_its_tasks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.bench.harness.importlib.util.find_spec", lambda name: None)
    assert read_names("") == ()
    with pytest.raises(UserError, match="lm-eval is not installed") as caught:
        read_names("arc_easy")
    assert "pip install hasten" in caught.value.remedy


@pytest.mark.slow  # importing lm-eval and its index of tasks takes most of the time
@pytest.mark.filterwarnings("ignore")  # theirs
class TestWithTheHarness:
    @pytest.fixture(autouse=True)
    def _there(self) -> None:
        pytest.importorskip("lm_eval")

    @pytest.mark.parametrize("kind", ["llama", "bart"])  # whose own model ties a T5's head that is not tied
    def test_figures_are_those_of_its_own_model(self, kind: str, tmp_path: Path) -> None:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        from engine.bench.harness_model import SessionLM
        from engine.runtimes.open import open_session
        from engine.text.tokenizer import load_tokenizer

        folder = tmp_path / "model"
        if kind == "llama":
            checkpoints.tiny_llama(folder, spread=0.3)
        else:
            checkpoints.tiny_text2text(folder, kind)
        manager = TaskManager(include_defaults=False)
        files = _task_files(tmp_path)
        session = open_session(folder, threads=1)
        own = SessionLM(session, load_tokenizer(folder), lambda done, total: None)
        theirs = HFLM(pretrained=str(folder), device="cpu", dtype="float32", max_length=session.context_length)
        found, expected = (
            simple_evaluate(model, tasks=files, task_manager=manager, bootstrap_iters=50) for model in (own, theirs)
        )
        assert found["results"].keys() == expected["results"].keys() == {"own_choices", "own_texts", "own_answers"}
        for task, measured in expected["results"].items():
            for key, value in measured.items():
                if isinstance(value, float) and not key.startswith("word_perplexity_stderr"):
                    assert found["results"][task][key] == pytest.approx(value, rel=1e-4), (task, key)
        for ours, other in zip(found["samples"]["own_answers"], expected["samples"]["own_answers"], strict=True):
            # their encoder-decoders write on beyond the task's limit, by as much as the context is long
            assert (
                other["resps"][0][0].startswith(ours["resps"][0][0])
                if kind == "bart"
                else ours["resps"] == other["resps"]
            )
        session.close()

    @pytest.mark.usefixtures("short_rounds")
    def test_a_comparison_asks_the_tasks(self, tmp_path: Path) -> None:
        models = [checkpoints.tiny_llama(tmp_path / str(seed), seed=seed, spread=0.3) for seed in (0, 1)]

        def run(*tasks: str) -> Comparison:
            job = CompareJob.model_validate(
                {
                    "candidates": [str(folder) for folder in models], "prompts": ["One day"], "rounds": 3,
                    "prompt_tokens": 8, "new_tokens": 4, "memory": False, "quality": False, "threads": 1,
                    "harness": tasks, "harness_limit": 5,
                }
            )  # fmt: skip
            return Comparison.model_validate(compare.handle(job, context_with([])))

        found = run(_task_files(tmp_path)[0])
        assert [(score.task, score.metric, score.samples) for score in found.harness] == [
            ("own_choices", "acc", 5), ("own_choices", "acc_norm", 5)
        ]  # fmt: skip
        assert all(score.tests[1] is not None for score in found.harness)
        with pytest.raises(UserError, match="lm-eval has no task “no_such_task”"):
            run("no_such_task")
        (tmp_path / "data.jsonl").unlink()
        (tmp_path / "choices.yaml").write_text(CHOICES.format(data=tmp_path / "gone.jsonl"))
        with pytest.raises(UserError, match=r"The data of .* cannot be had"):
            run(str(tmp_path / "choices.yaml"))
