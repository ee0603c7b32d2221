"""Every verb that needs no job: what it prints, and that --json is one document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import paths
from engine.cli.explain import explanation
from engine.cli.work import comparison
from engine.compare.evidence import Question, QuestionResult
from engine.compare.table import AnswerDiff, Candidate, Comparison
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Recipe
from tests.engine.cli.conftest import Answer
from tests.engine.runs.records import put
from tests.engine.runs.test_cache import build
from tests.helpers.explanations import FOUND

Hasten = Callable[..., Answer]
VERBS = (
    *(
        "app",
        "doctor",
        "tune-machine",
        "worker",
        "sample",
        "inspect",
        "import",
        "hub",
        "passes",
        "runtimes",
        "metrics",
        "formats",
    ),
    *("presets", "run", "compare", "explain", "profile", "export", "runs", "stages"),
)


def test_help_lists_every_verb(hasten: Hasten) -> None:
    listed = hasten("--help").out
    for verb in VERBS:
        assert f"  {verb} " in listed
        assert hasten(verb, "--help").code == 0


@pytest.mark.parametrize("verb", ["passes", "runtimes", "metrics", "formats"])
def test_a_catalogue_is_listed_and_each_entry_shown(hasten: Hasten, verb: str) -> None:
    listed = hasten(verb, "--json").json
    assert listed
    table = hasten(verb).out
    for entry in listed:
        assert entry["name"] in table
        assert entry["summary"]
        assert hasten(verb, entry["name"], "--json").json["title"] == entry["title"]
        assert entry["title"] in hasten(verb, entry["name"]).out
    wrong = hasten(verb, "nonsense")
    assert (wrong.code, wrong.out, wrong.err.count("\n")) == (2, "", 1)
    assert listed[0]["name"] in wrong.err


def test_the_options_of_a_pass_have_a_schema(hasten: Hasten) -> None:
    schema = hasten("passes", "quantize", "--schema").json
    assert "bits" in schema["properties"]
    assert set(hasten("passes", "--schema").json) == {entry["name"] for entry in hasten("passes", "--json").json}
    options = hasten("passes", "quantize", "--json").json["options"]
    assert next(option for option in options if option["name"] == "bits")["default"] == 8


def test_presets_are_listed_and_are_recipes(hasten: Hasten) -> None:
    listed = hasten("presets", "--json").json
    assert [entry["name"] for entry in listed]
    for entry in listed:
        assert entry["summary"]
        assert Recipe.from_yaml(hasten("presets", entry["name"]).out) == Recipe.parse(entry["recipe"])


def test_the_doctor_tells_of_the_machine_and_every_runtime(hasten: Hasten) -> None:
    found = hasten("doctor", "--json").json
    assert found["physical_cores"] >= 1
    assert found["memory_bytes"] >= found["available_bytes"] > 0
    assert found["data_folder"] == str(paths.home())
    names = {runtime["name"] for runtime in found["runtimes"]}
    assert names == {entry["name"] for entry in hasten("runtimes", "--json").json}
    for runtime in found["runtimes"]:
        assert runtime["usable"] or (runtime["reason"] and runtime["remedy"])
    assert "Processor" in hasten("doctor").out


def test_inspect_adds_up(hasten: Hasten, tiny_llama: Path) -> None:
    found = hasten("inspect", tiny_llama, "--json", "--tensors").json
    assert (found["architecture"], found["task"], found["layers"]) == ("LlamaForCausalLM", "text-generation", 3)
    assert sum(block["bytes"] for block in found["blocks"]) == found["bytes"] == sum(found["bytes_by_dtype"].values())
    assert sum(block["parameters"] for block in found["blocks"]) == found["parameters"]
    names = [block["name"] for block in found["blocks"]]
    assert names == ["model.embed_tokens", *(f"model.layers.{i}" for i in range(3)), "model.norm"]
    assert len(found["tensors"]) == 29
    text = hasten("inspect", tiny_llama).out
    assert "LlamaForCausalLM" in text
    assert "model.layers.2" in text


def test_history(hasten: Hasten) -> None:
    assert "No runs yet" in hasten("runs").out
    put(paths.runs(), "20260101-a")
    put(paths.runs(), "20260102-b", size_after=60)
    assert [run["id"] for run in hasten("runs", "--json").json] == ["20260102-b", "20260101-a"]
    assert "20260101-a" in hasten("runs").out
    shown = hasten("runs", "show", "20260101", "--json").json
    assert shown["artefact"] == str(paths.runs() / "20260101-a" / "artefact")
    assert shown["recipe"]["passes"][0]["pass"] == "quantize"
    assert "modules: 7" in hasten("runs", "show", "20260101").out
    differences = hasten("runs", "diff", "20260101-a", "20260102-b", "--json").json["differences"]
    assert differences == [{"what": "size after", "a": 110, "b": 60}]
    assert "size after" in hasten("runs", "diff", "20260101-a", "20260102-b").out
    assert hasten("runs", "delete", "20260101-a", "--json").json == {"deleted": ["20260101-a"]}
    assert hasten("runs", "show", "20260101-a").code == 2


def test_stages_can_be_listed_and_deleted(hasten: Hasten) -> None:
    build("one", 10)
    build("two", 10)
    assert {stage["key"] for stage in hasten("stages", "--json").json["stages"]} == {"one", "two"}
    assert "quota" in hasten("stages").out
    assert hasten("stages", "delete", "one", "--json").json == {"deleted": ["one"]}
    assert hasten("stages", "delete", "one").code == 2
    assert hasten("stages", "delete").code == 2
    assert hasten("stages", "delete", "--all").code == 0
    assert hasten("stages", "--json").json["stages"] == []


def test_a_comparison_is_printed_with_spread_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    speed = Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher", value=100, low=95, high=105, samples=7
    )
    found = Comparison(
        verdict="faster",
        verdict_text="B is twice as fast.",
        candidates=(
            Candidate(name="A", reference="a", runtime="transformers", device="cpu", measurements=(speed,)),
            Candidate(name="B", reference="b", runtime="onnxruntime", device="cpu"),
        ),
        diffs=(
            AnswerDiff(prompt=0, candidate=1, same=True),
            AnswerDiff(prompt=1, candidate=1, same=False, first_divergence=4),
        ),
        notices=("A notice.",),
    )
    comparison(found.model_dump(mode="json"))
    out = capsys.readouterr().out
    for part in ("100 ± 5", "tokens/s", "B answers the same", "differs from token 5", "A notice.", "twice as fast"):
        assert part in out


def test_a_bad_file_of_questions_is_named_with_its_line_before_anything_is_measured(
    hasten: Hasten, tmp_path: Path
) -> None:
    (tmp_path / "q.jsonl").write_text('{"prompt": "a", "expect": "b"}\n{"prompt": "c"}\n')
    found = hasten("compare", "a", "b", "--tasks", str(tmp_path / "q.jsonl"))
    assert found.code == 2
    assert "lacks “expect”" in found.err
    assert "q.jsonl, line 2" in found.err
    found = hasten("compare", "a", "b", "--differences", str(tmp_path / "d.txt"))
    assert found.code == 2
    assert "CSV or JSON" in found.err


def test_cases_and_the_second_text_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    other = Measurement(name="perplexity", unit="1", better="lower", value=20, low=19, high=21, samples=900)
    asked = QuestionResult(
        question=Question(prompt="Capital of France?", expect=("Paris",)),
        answers=("Paris", "Rome"),
        right=(True, False),
    )
    found = Comparison(
        verdict="faster", verdict_text="", questions=(asked,),
        candidates=tuple(
            Candidate(name=name, reference=name, runtime="transformers", device="cpu", second=(other,)) for name in "AB"
        ),
    )  # fmt: skip
    comparison(found.model_dump(mode="json"))
    out = capsys.readouterr().out
    assert "Perplexity, second text" in out
    assert "20.0 ± 1.0" in out
    assert "Question 1: B answers wrongly, unlike the original (“Capital of France?”)." in out


def test_an_explanation_is_told_in_tables_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    explanation(FOUND)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["Quantize (int4 / 32)", "−60.0 MiB", "+0.100 ± 0.010", "+10.0 %", "−5.00 ms"] in cells
    assert ["All steps", "−79.0 MiB", "+0.350", "+30.0 %", "−15.0 ms"] in cells
    assert ["Layer 2", "4.0 %", "4.0 %", "+0.200 ± 0.010"] in cells
    assert ["Layer 1", "dropped", "–", "–"] in cells
    assert ["“Drop layers” costs most: 0.300 of 0.350 nats."] in cells


def test_options_that_go_together_or_have_names_say_so(hasten: Hasten) -> None:
    assert "go together" in hasten("explain", "nonsense", "--prompt", "a").err
    assert "Choose one of: part, layer, kind" in hasten("profile", "nonsense", "--by", "node").err


def test_a_run_that_is_not_there_cannot_be_explained(hasten: Hasten) -> None:
    wrong = hasten("explain", "nonsense", "--json")
    assert wrong.code == 2
    assert wrong.json["error"]["code"] == "not_found"
