"""A run is taken away as one GGUF file that Hasten opens again; llama.cpp itself is not needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.resolve import resolve
from engine.jobs.export import handle as export
from engine.protocol.errors import UserError
from engine.protocol.events import Event, Log
from engine.protocol.job import ExportJob
from engine.recipe.recipe import Recipe, Target
from engine.runs.store import RunStore
from engine.runtimes.open import SILENT
from tests.engine.export.test_export import context, quantized, run_on


def test_a_run_becomes_a_file_that_opens_as_the_same_model(tiny_llama: Path, tmp_path: Path) -> None:
    made = run_on(tiny_llama, quantized(bits=8))
    told: list[Event] = []
    result = export(ExportJob(run=made, format="gguf", out=str(tmp_path / "mine")), context(told))
    assert result["files"] == ["mine.gguf"]
    assert any(isinstance(event, Log) and "half precision" in event.text for event in told)
    ids = torch.randint(3, 380, (1, 40), generator=torch.Generator().manual_seed(0))
    folders = (RunStore().get(made).checkpoint_folder, resolve(result["path"], SILENT))
    ours, theirs = (load_model(folder, dtype=torch.float32)(ids).logits for folder in folders)
    assert float((ours - theirs).abs().max() / ours.abs().max()) < 2e-3


def test_what_llama_cpp_does_not_know_is_refused_and_leaves_nothing(tiny_bert: Path, tmp_path: Path) -> None:
    made = run_on(tiny_bert, Recipe(target=Target(threads=1)))
    (tmp_path / "place").mkdir()
    with pytest.raises(UserError, match="cannot be written as GGUF"):
        export(ExportJob(run=made, format="gguf", out=str(tmp_path / "place" / "mine.gguf")), context())
    assert not list((tmp_path / "place").iterdir())
