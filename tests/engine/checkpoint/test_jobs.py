"""The jobs about checkpoints, as the worker calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import catalogue
from engine.checkpoint.info import CheckpointInfo
from engine.drafts import draft
from engine.jobs.base import JobContext
from engine.jobs.catalog import HANDLERS
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.events import Event, Log
from engine.protocol.job import ImportJob, InspectJob
from engine.runtimes.pool import SessionPool
from tests.helpers.gguf_files import write_gguf


def _context(events: list[Event], *, cancelled: bool = False) -> JobContext:
    return JobContext(job="1", emit=events.append, cancelled=lambda: cancelled, sessions=SessionPool())


def test_inspect(tiny_llama: Path) -> None:
    result = catalogue.load(HANDLERS["inspect"])(InspectJob(checkpoint=str(tiny_llama)), _context([]))
    assert CheckpointInfo.model_validate(result).architecture == "LlamaForCausalLM"


def test_import_reports_progress_and_notices(tiny_llama: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    job = ImportJob(source=str(write_gguf(tiny_llama, tmp_path / "small.gguf")))
    result = catalogue.load(HANDLERS["import"])(job, _context(events))
    assert (Path(result["path"]) / "model.safetensors").is_file()
    assert result["notices"] == [event.text for event in events if isinstance(event, Log)]
    assert any(event.type == "progress" for event in events)


def test_cancelled_import_leaves_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    job = ImportJob(source=str(write_gguf(tiny_llama, tmp_path / "small.gguf")))
    with pytest.raises(Cancelled):
        catalogue.load(HANDLERS["import"])(job, _context([], cancelled=True))
    assert not list((tmp_path / "hasten-home").glob("models/converted/*"))


def test_a_folder_finished_by_someone_else_stands(tmp_path: Path) -> None:
    target = tmp_path / "models" / "made"
    with draft(target) as made:
        (made / "mine").write_text("late")
        target.mkdir()
        (target / "theirs").write_text("first")
    assert [entry.name for entry in target.iterdir()] == ["theirs"]
    assert [entry.name for entry in target.parent.iterdir()] == ["made"]


def test_unwritable_place_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(UserError) as caught, draft(tmp_path / "models" / "made"):
        pass
    assert caught.value.code == "not_writable"
