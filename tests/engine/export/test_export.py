from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.checkpoint.inspect import inspect
from engine.checkpoint.reader import Reader
from engine.compare import graph
from engine.compare.table import Answer, AnswerDiff, AnswerToken, Candidate, Comparison, Segment
from engine.export import catalog
from engine.export.report import page
from engine.export.report_charts import charts, latencies
from engine.export.script import as_command_line, as_python, recipe_in
from engine.jobs.base import JobContext
from engine.jobs.export import handle as export
from engine.jobs.run import handle as run
from engine.protocol.errors import Cancelled, Failure, UserError
from engine.protocol.events import Event, Log
from engine.protocol.job import ExportJob, RunJob
from engine.protocol.measurement import Measurement
from engine.recipe import presets
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.runs.store import RunStore
from engine.runtimes.pool import SessionPool
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.profiles import FOUND


def context(events: list[Event] | None = None, cancelled: bool = False) -> JobContext:
    return JobContext("job", (events if events is not None else []).append, lambda: cancelled, SessionPool())


def quantized(**options: object) -> Recipe:
    entry = PassEntry(**{"pass": "quantize"}, options=options)
    return Recipe(name="smaller", passes=(entry,), target=Target(threads=1))


def run_on(checkpoint: Path, recipe: Recipe) -> str:
    return str(run(RunJob(checkpoint=str(checkpoint), recipe=recipe), context())["run"])


def test_every_format_is_declared() -> None:
    assert list(catalog.all_formats()) == [
        "checkpoint", "dense", "compact", "runtime", "gguf", "exported", "compiled", "executorch", "graph", "recipe",
        "script", "report", "pdf", "figures", "table", "tensorboard", "wandb",
    ]  # fmt: skip
    with pytest.raises(UserError, match="There is no export format"):
        catalog.get("zip")


def test_symmetric_weights_stay_packed_and_plain_transformers_writes_the_same_text(
    tiny_llama: Path, tmp_path: Path
) -> None:
    made = run_on(tiny_llama, quantized(bits=8))
    (tmp_path / "out").mkdir()  # an empty folder may be filled
    result = export(ExportJob(run=made, format="checkpoint", out=str(tmp_path / "out")), context())
    assert result["verified"]
    assert result["path"] == str(tmp_path / "out")
    assert {"config.json", "model.safetensors", "tokenizer.json", "recipe.yaml"} <= set(result["files"])
    assert [grid.bits for grid in inspect(tmp_path / "out").grids] == [8]
    # the receiver's files are the receiver's own
    assert all((tmp_path / "out" / name).stat().st_nlink == 1 for name in result["files"])


def test_one_asymmetric_scheme_stays_packed(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, quantized(bits=4, symmetric=False))
    export(ExportJob(run=made, format="checkpoint", out=str(tmp_path / "out")), context())
    assert not inspect(tmp_path / "out").grids[0].symmetric


def test_weights_that_plain_transformers_cannot_read_are_written_dense(tiny_llama: Path, tmp_path: Path) -> None:
    first = PassEntry(**{"pass": "quantize"}, options={"bits": 4, "symmetric": False, "include": ("*.mlp.*",)})
    second = PassEntry(**{"pass": "quantize"}, options={"bits": 8, "symmetric": False, "include": ("*.self_attn.*",)})
    made = run_on(tiny_llama, Recipe(passes=(first, second), target=Target(threads=1)))
    told: list[Event] = []
    export(ExportJob(run=made, format="checkpoint", out=str(tmp_path / "out")), context(told))
    assert not inspect(tmp_path / "out").grids
    assert any(isinstance(event, Log) and "plain numbers" in event.text for event in told)


def test_dense_holds_the_twins_numbers(tiny_llama: Path, tmp_path: Path) -> None:
    from engine.checkpoint.load import load_model

    made = run_on(tiny_llama, quantized(bits=4))
    export(ExportJob(run=made, format="dense", out=str(tmp_path / "out")), context())
    twin = load_model(RunStore().get(made).checkpoint_folder).state_dict()
    dense = Reader(tmp_path / "out")
    assert "quantization_config" not in dense.config
    assert all(dense.tensor(name).equal(twin[name]) for name in dense.names)


def test_an_encoder_is_exported_too(tiny_bert: Path, tmp_path: Path) -> None:
    made = run_on(tiny_bert, quantized(bits=8))
    assert export(ExportJob(run=made, format="checkpoint", out=str(tmp_path / "out")), context())["verified"]


def test_the_built_model_opens_where_it_is_taken(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, Recipe(target=Target(threads=1)))
    result = export(ExportJob(run=made, format="runtime", out=str(tmp_path / "out")), context())
    assert "hasten.json" in result["files"]


def test_small_formats_are_single_files(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, Recipe(name="as it is", target=Target(threads=1)))
    record = RunStore().get(made)
    recipe = export(ExportJob(run=made, format="recipe", out=str(tmp_path / "mine.yaml")), context())
    assert Recipe.read(Path(recipe["path"])) == record.recipe
    script = export(ExportJob(run=made, format="script", out=str(tmp_path)), context())
    assert Path(script["path"]) == tmp_path / f"{made}.py"
    report = export(ExportJob(run=made, format="report", out=str(tmp_path / "report")), context())
    assert report["files"] == ["report.html"]
    assert "not been compared" in Path(report["path"]).read_text(encoding="utf-8")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_is_there_is_never_replaced(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, Recipe(target=Target(threads=1)))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        export(ExportJob(run=made, format="checkpoint", out=str(tmp_path / "full")), context())
    with pytest.raises(UserError, match="already exists"):
        export(ExportJob(run=made, format="recipe", out=str(tmp_path / "full" / "mine.txt")), context())
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_failures_leave_nothing_behind(tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run_on(tiny_llama, Recipe(target=Target(threads=1)))
    place = tmp_path / "place"
    place.mkdir()
    job = ExportJob(run=made, format="checkpoint", out=str(place / "out"))
    with pytest.raises(Cancelled):
        export(job, context(cancelled=True))
    with monkeypatch.context() as patch:

        def full(*arguments: object) -> None:
            raise OSError(28, "No space left on device", str(place))

        patch.setattr("engine.export.checkpoint.link_tree", full)
        with pytest.raises(OSError, match="No space left") as caught:
            export(job, context())
        assert Failure.of(caught.value).code == "disk_full"
    assert not list(place.iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_place_that_may_not_be_written_is_told(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, Recipe(target=Target(threads=1)))
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(UserError) as caught:
        export(ExportJob(run=made, format="recipe", out=str(tmp_path / "locked" / "a.yaml")), context())
    assert caught.value.code == "not_writable"


AWKWARD = Recipe(
    name='quotes " and \\ and """ and 你好',
    passes=(PassEntry(**{"pass": "quantize"}, options={"exclude": ["*.down_proj", "it's"]}),),
)


def test_a_script_holds_the_recipe_whatever_is_in_it() -> None:
    source = as_python("/models/it's", AWKWARD)
    compile(source, "run.py", "exec")
    assert recipe_in(source) == AWKWARD


def test_an_encoder_decoder_is_taken_away_packed_and_built(tmp_path: Path) -> None:
    source = tiny_text2text(tmp_path / "source")
    made = run_on(source, quantized(bits=8).model_copy(update={"target": Target(runtime="onnxruntime", threads=1)}))
    for name in ("checkpoint", "runtime"):  # each is tried without Hasten, or it raises
        export(ExportJob(run=made, format=name, out=str(tmp_path / name)), context())
    assert [grid.bits for grid in inspect(tmp_path / "checkpoint").grids] == [8]
    assert {"encoder.onnx", "decoder.onnx", "answer.py"} <= {path.name for path in (tmp_path / "runtime").iterdir()}
    graphs = graph.read(tmp_path / "runtime")
    assert graphs.nodes_before == RunStore().get(made).stages[-1].facts["nodes"]
    computed = {kind for operator in graphs.operators if "Norm" in operator.operator for kind in operator.precisions}
    assert computed == {"float32"}
    for name in ("gguf", "exported", "executorch"):
        assert catalog.get(name).why_not(RunStore().get(made))
        with pytest.raises(UserError):
            export(ExportJob(run=made, format=name, out=str(tmp_path / name)), context())


def test_a_script_runs(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(as_python(str(tiny_llama), Recipe(target=Target(threads=1))), encoding="utf-8")
    done = subprocess.run([sys.executable, str(tmp_path / "run.py")], capture_output=True, text=True, check=True)
    made, artefact = done.stdout.split()
    assert RunStore().get(made).artefact_folder == Path(artefact)


def test_a_command_line_is_quoted_for_the_shell(tmp_path: Path) -> None:
    text = as_command_line("/models/it's here", AWKWARD)
    fake = tmp_path / "hasten"
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True, cwd=tmp_path, env=path)
    assert json.loads(done.stdout) == ["run", "/models/it's here", "--recipe", "recipe.yaml"]
    assert Recipe.read(tmp_path / "recipe.yaml") == AWKWARD


def test_a_preset_is_named_not_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = presets.Preset("small-cpu", "Small", "", AWKWARD)
    monkeypatch.setattr(presets, "all_presets", lambda: [ready])
    assert as_command_line("model", AWKWARD) == "hasten run model --preset small-cpu\n"


def comparison() -> Comparison:
    speed = Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher", value=20.0, low=19.0, high=21.0, samples=7
    )
    fast = speed.model_copy(update={"value": 100.0, "low": 96.0, "high": 104.0})
    size = Measurement.exact("weight_bytes", 1 << 20)
    return Comparison(
        verdict="faster",
        verdict_text="Proven faster: ×5.0.",
        prompts=("Say <b>hi</b>",),
        candidates=(
            Candidate(
                name="original", reference="a", runtime="transformers", device="cpu", measurements=(speed, size),
                answers=(Answer(prompt="Say <b>hi</b>", text="one two"),),
            ),
            Candidate(
                name="fast", reference="b", runtime="onnxruntime", device="cpu", measurements=(fast,),
                answers=(Answer(prompt="Say <b>hi</b>", text="one <three>"),),
            ),
        ),
        diffs=(
            AnswerDiff(
                prompt=0, candidate=1, same=False, first_divergence=1,
                segments=(
                    Segment(kind="same", reference_text="one ", candidate_text="one ", reference_tokens=(0, 1),
                            candidate_tokens=(0, 1)),
                    Segment(kind="changed", reference_text="two", candidate_text="<three>", reference_tokens=(1, 2),
                            candidate_tokens=(1, 2)),
                ),
            ),
        ),
    )  # fmt: skip


def test_a_report_shows_numbers_with_spread_and_escapes_what_models_wrote(tiny_llama: Path, tmp_path: Path) -> None:
    record = RunStore().get(run_on(tiny_llama, Recipe(name="a < b", target=Target(threads=1))))
    RunStore().save_comparison(record.id, comparison().model_dump(mode="json"))
    out = export(ExportJob(run=record.id, format="report", out=str(tmp_path / "r.html")), context())["path"]
    text = Path(out).read_text(encoding="utf-8")
    assert text == page(
        record, comparison().model_copy(update={"created": RunStore().comparisons(record.id)[0]["created"]})
    )
    assert "Proven faster: ×5.0." in text
    assert "95% interval, 7 samples" in text
    assert "higher is better" in text
    assert "<ins>&lt;three&gt;</ins>" in text
    assert "<b>hi" not in text
    assert "a &lt; b" in text
    assert "prefers-color-scheme: dark" in text
    assert not any(mark in text for mark in ("http:", "https:", "<script", "url(", "<link", "src="))


def test_a_report_s_figures_go_to_programs_and_spreadsheets(tiny_llama: Path, tmp_path: Path) -> None:
    record = RunStore().get(run_on(tiny_llama, Recipe(target=Target(threads=1))))
    RunStore().save_comparison(record.id, comparison().model_dump(mode="json"))
    timed = (FOUND.models[0].model_copy(update={"reference": str(tiny_llama)}), *FOUND.models[1:])
    RunStore().save_profile(record.id, FOUND.model_copy(update={"models": timed}).model_dump(mode="json"))
    found = {
        name: Path(export(ExportJob(run=record.id, format=name, out=str(tmp_path / file)), context())["path"])
        for name, file in (("figures", "r.json"), ("table", "r.csv"), ("report", "r.html"))
    }
    report = found["report"].read_text(encoding="utf-8")
    assert "before (ONNX Runtime): “MLP” takes 70.0 %; 10.0 ms under the profiler, 4.00 ms without it" in report
    assert '<th scope="row">MLP</th>' in report
    document = json.loads(found["figures"].read_text(encoding="utf-8"))
    assert str(tiny_llama) not in found["figures"].read_text(encoding="utf-8")
    assert document["profile"]["models"][1]["phases"][0]["modules"][0]["operators"] == {"MatMulNBits": 0.002}
    assert document["comparison"]["candidates"][1]["answers"][0]["text"] == "one <three>"
    measured = [
        (candidate["name"], m["name"], m["value"], m["low"], m["high"], m["samples"])
        for candidate in document["comparison"]["candidates"]
        for m in candidate["measurements"]
    ]
    with found["table"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["unit"] for row in rows] == ["1/s", "B", "1/s"]
    names = ("model", "measurement", "value", "low", "high", "samples")
    numbers = [tuple(row[key] for key in names) for row in rows]
    assert numbers == [(*row[:2], *map(str, row[2:])) for row in measured]


def test_a_report_draws_what_each_token_took(tmp_path: Path) -> None:
    def answer(seconds: list[float]) -> Answer:
        tokens = tuple(AnswerToken(id=1, text="a", seconds=value) for value in seconds)
        return Answer(prompt="p", text="aaaa", tokens=tokens)

    slow, fast = (
        candidate.model_copy(update={"answers": (answer(seconds),)})
        for candidate, seconds in zip(
            comparison().candidates, ([9.0, 0.02, 0.02, 0.04], [9.0, 0.01, 0.01, 0.01]), strict=True
        )
    )
    assert latencies(slow) == [20.0, 20.0, 40.0]  # the first token waits for the prompt
    drawn = "".join(charts([slow, fast]))
    spread = drawn.split("<figure>")[2]
    paths = [part.split('"')[0] for part in spread.split('<path d="M')[-2:]]
    assert len(paths) == 2
    ends = [[float(number) for number in path.split("L")[-1].split()] for path in paths]
    assert ends[0][1] == ends[1][1]  # both reach all of their tokens,
    assert ends[1][0] < ends[0][0]  # the fast one at a shorter time
    assert not list(charts([candidate.model_copy(update={"answers": ()}) for candidate in (slow, fast)]))


def test_a_built_onnx_model_runs_with_onnxruntime_and_tokenizers_alone(tiny_llama: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime_genai")
    made = run_on(tiny_llama, quantized().model_copy(update={"target": Target(runtime="onnxruntime", threads=1)}))
    result = export(ExportJob(run=made, format="runtime", out=str(tmp_path / "out")), context())
    assert {"model.onnx", "generate.py", "tokenizer.json", "recipe.yaml"} <= set(result["files"])
