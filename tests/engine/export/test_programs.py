"""Programs made by torch.export. The export itself compares logits in a process without Hasten and Transformers."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.export import catalog, compiled, program
from engine.jobs.base import JobContext
from engine.jobs.export import handle as export
from engine.jobs.run import handle as run
from engine.protocol.errors import UserError
from engine.protocol.events import Event, Log
from engine.protocol.job import ExportJob, RunJob
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.runtimes.pool import SessionPool
from tests.helpers import checkpoints

COMPILED = catalog.get("compiled").availability()
needs_compiler = pytest.mark.skipif(not COMPILED.usable, reason=COMPILED.reason)
needs_executorch = pytest.mark.skipif(find_spec("executorch") is None, reason="executorch is not installed")


def context(events: list[Event] | None = None) -> JobContext:
    return JobContext("job", (events if events is not None else []).append, lambda: False, SessionPool())


def taken_away(checkpoint: Path, format: str, out: Path, events: list[Event] | None = None, **options: object) -> Path:
    passes = (PassEntry(**{"pass": "quantize"}, options=options),) if options else ()
    recipe = Recipe(passes=passes, target=Target(threads=1))
    made = run(RunJob(checkpoint=str(checkpoint), recipe=recipe), context())["run"]
    assert export(ExportJob(run=made, format=format, out=str(out)), context(events))["verified"]
    return out


def names_of_this_machine(file: Path) -> list[str]:
    """The folders of this machine that the bytes of `file` name."""
    places = [str(Path(torch.__file__).parent.parent), str(Path(__file__).parents[3]), "/tmp/", "/hasten-aoti-"]
    with zipfile.ZipFile(file) as package:
        data = b"".join(package.read(entry) for entry in package.infolist())
    return [place for place in places if place.encode() in data]


def test_a_quantised_decoder_is_exported_and_opens_with_torch_alone(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "LONGEST", 64)  # the model has 256
    told: list[Event] = []
    out = taken_away(tiny_llama, "exported", tmp_path / "out", told, bits=4)
    assert any(isinstance(event, Log) and "room for 64 tokens" in event.text for event in told)
    assert '"longest": 64' in (out / "program.json").read_text()
    assert {"model.pt2", "tokenizer.json", "generate.py", "recipe.yaml"} <= {path.name for path in out.iterdir()}
    assert "quantization_config" not in (out / "config.json").read_text()
    assert names_of_this_machine(out / "model.pt2") == []
    opened = torch.export.load(out / "model.pt2").module()
    ids = torch.arange(4, 20)[None]
    whole = opened(ids, torch.tensor([0]))
    again = opened(ids[:, 5:], torch.tensor([5]))  # going back overwrites what came after
    torch.testing.assert_close(again, whole[:, 5:], atol=1e-4, rtol=1e-4)


def test_an_encoder_is_exported(tiny_bert: Path, tmp_path: Path) -> None:
    out = taken_away(tiny_bert, "exported", tmp_path / "out")
    assert (out / "encode.py").is_file()
    opened = torch.export.load(out / "model.pt2").module()
    ids, mask = torch.arange(4, 34).reshape(3, 10), torch.ones((3, 10), dtype=torch.int64)
    mask[2, 4:] = 0
    short = opened(ids[2:, :4], mask[2:, :4])
    torch.testing.assert_close(opened(ids, mask)[2:, :4], short, atol=1e-5, rtol=1e-4)  # padding changes nothing


def test_a_program_that_computes_something_else_is_not_kept(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = program._found
    monkeypatch.setattr(program, "_found", lambda *given: right(*given) * np.float32(1.01))
    with pytest.raises(RuntimeError, match="differ by"):
        taken_away(tiny_bert, "exported", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_compiler
@pytest.mark.slow
def test_a_compiled_decoder_opens_with_torch_alone(tmp_path: Path) -> None:
    source = checkpoints.tiny_llama(tmp_path / "model", hidden=64, layers=1)
    out = taken_away(source, "compiled", tmp_path / "out")
    assert names_of_this_machine(out / compiled.NAME) == []


@needs_executorch
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiny_llama", "tiny_bert"])
def test_executorch_computes_what_the_model_does(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    out = taken_away(request.getfixturevalue(kind), "executorch", tmp_path / "out")
    assert (out / "model.pte").stat().st_size > 100_000


def test_a_format_that_needs_what_is_not_here_says_what_to_do(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(target=Target(threads=1))
    made = str(run(RunJob(checkpoint=str(tiny_llama), recipe=recipe), context())["run"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="executorch is not installed") as caught:
        export(ExportJob(run=made, format="executorch", out=str(tmp_path / "out")), context())
    assert "hasten[executorch]" in caught.value.remedy
