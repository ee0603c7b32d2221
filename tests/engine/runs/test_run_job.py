"""The run job in this process: what it writes, what it takes from the cache, what it refuses before it starts."""

from __future__ import annotations

import hashlib
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from engine import hardware, paths, room, settings
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.events import Log
from engine.protocol.job import RunJob
from engine.recipe.recipe import Recipe
from engine.runs import cache
from engine.runs.store import RunStore
from engine.runtimes.open import read_artefact
from tests.helpers.jobs import Desk

PRUNE, QUANTIZE, BUILD = "Prune weights", "Quantize", "Build for Transformers"


def recipe(**quantize: Any) -> Recipe:
    return Recipe.parse({"passes": [{"pass": "prune_magnitude"}, {"pass": "quantize", "options": quantize}]})


def run(
    checkpoint: Path | str, what: Recipe, desk: Desk | None = None, **more: Any
) -> tuple[dict[str, Any], list[str]]:
    """The result, and the state in which each stage ended."""
    desk = desk or Desk()
    result = desk.run(RunJob(checkpoint=str(checkpoint), recipe=what, **more))
    return result, [state for _, state in desk.stages if state != "running"]


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_what_the_recipe_is_noted_for_is_told(tiny_llama: Path) -> None:
    desk = Desk()
    run(tiny_llama, Recipe.parse({"target": {"threads": 1, "replicas": 64}}), desk)
    assert any(isinstance(event, Log) and "64 threads" in event.text for event in desk.events)


def test_a_run_is_kept_whole_and_what_was_made_is_not_made_again(tiny_llama: Path) -> None:
    first, states = run(tiny_llama, recipe())
    assert states == ["done", "done", "done"]
    record = RunStore().get(first["run"])
    assert [stage.name for stage in record.stages] == [PRUNE, QUANTIZE, BUILD]
    assert record.recipe == recipe()
    assert record.size_after < record.size_before
    assert Recipe.read(record.folder / "recipe.yaml") == recipe()
    artefact = read_artefact(Path(first["artefact"]))
    assert artefact is not None
    assert artefact.runtime == "transformers"

    second, states = run(tiny_llama, recipe())
    assert states == ["cached", "cached", "cached"]
    assert second["run"] == first["run"]  # a repetition adds nothing to the history
    assert len(RunStore().list()) == 1
    named, states = run(tiny_llama, recipe().model_copy(update={"name": "called so"}))
    assert states == ["cached", "cached", "cached"]
    assert named["run"] != first["run"]

    changed, states = run(tiny_llama, recipe(bits=4))
    assert states == ["cached", "done", "done"]
    assert changed["size_after"] < first["size_after"]
    before = digests(record.artefact_folder) | digests(record.checkpoint_folder)

    # A run needs none of its stages any more, and the last checkpoint alone spares all passes before it.
    for entry in cache.stages().entries():
        if entry.record.name == PRUNE:
            cache.stages().delete(entry.key)
    _, states = run(tiny_llama, recipe(), desk := Desk())
    assert states == ["cached", "cached", "cached"]
    assert [name for name, _ in desk.stages] == [PRUNE, QUANTIZE, BUILD]
    shutil.rmtree(paths.stages())
    shutil.rmtree(paths.artefacts())
    assert digests(record.artefact_folder) | digests(record.checkpoint_folder) == before


def test_a_run_can_start_from_another_run_and_say_so(tiny_llama: Path) -> None:
    first, _ = run(tiny_llama, Recipe.parse({"passes": [{"pass": "prune_magnitude"}]}))
    second, _ = run(first["run"], Recipe.parse({"passes": [{"pass": "quantize"}]}))
    record = RunStore().get(second["run"])
    assert record.parents == (first["run"],)
    assert record.checkpoint_name == tiny_llama.name
    assert [child.id for child in RunStore().children(first["run"])] == [second["run"]]


def test_the_result_can_be_put_elsewhere_too(tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    result, _ = run(tiny_llama, Recipe(), out=str(out))
    assert digests(out) == digests(Path(result["artefact"]))
    assert all(file.stat().st_nlink == 1 for file in out.rglob("*") if file.is_file())  # theirs to change
    again, _ = run(tiny_llama, Recipe(), out=str(out))
    assert again["out"] == str(out)
    for other in (recipe(), recipe(bits=4)):  # another result, built or not
        with pytest.raises(UserError, match="not an empty folder"):
            run(tiny_llama, other, out=str(out))
    (out / "config.json").write_text("{}")
    with pytest.raises(UserError, match="not an empty folder"):
        run(tiny_llama, Recipe(), out=str(out))


def test_cancelling_keeps_finished_stages_and_leaves_no_half_one(tiny_llama: Path) -> None:
    desk = Desk()
    desk.stop = lambda: (QUANTIZE, "running") in desk.stages
    with pytest.raises(Cancelled):
        run(tiny_llama, recipe(), desk)
    assert desk.stages == [(PRUNE, "running"), (PRUNE, "done"), (QUANTIZE, "running"), (QUANTIZE, "failed")]
    assert [entry.record.name for entry in cache.stages().entries()] == [PRUNE]
    assert len(list(paths.stages().iterdir())) == 1
    assert RunStore().list() == []
    _, states = run(tiny_llama, recipe())
    assert states == ["cached", "done", "done"]


def test_too_little_memory_is_said_before_anything_is_written(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "available_memory", lambda: 1 << 20)
    with pytest.raises(UserError, match=r"of memory, and 1\.00 MiB are free") as caught:
        run(tiny_llama, recipe())
    assert caught.value.code == "not_enough_memory"
    assert cache.held_bytes() == 0


def test_too_little_disk_makes_room_in_the_cache_first_then_is_said(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny_llama, recipe())
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 5000, 5000))
    with pytest.raises(UserError, match="free on the disk") as caught:
        run(tiny_llama, recipe(bits=4))
    assert caught.value.code == "disk_full"
    assert [entry.record.name for entry in cache.stages().entries()] == [PRUNE]  # this recipe's own stage stays
    assert cache.artefacts().entries() == []


def test_the_quota_is_kept_after_a_run_but_never_at_its_cost(tiny_llama: Path) -> None:
    run(tiny_llama, recipe())
    settings.write(stage_quota_gib=0)
    _, states = run(tiny_llama, recipe(bits=4))
    assert states == ["cached", "done", "done"]
    assert sorted(entry.record.name for entry in cache.stages().entries()) == [PRUNE, QUANTIZE]


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_half_written(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import drafts
    from engine.protocol.errors import Failure

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(drafts, "sync_tree", full)
    with pytest.raises(OSError, match="No space") as caught:
        run(tiny_llama, recipe())
    assert Failure.of(caught.value).code == "disk_full"
    assert list(paths.stages().iterdir()) == []


def test_a_data_folder_that_cannot_be_written_is_said(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HASTEN_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="a file where a folder is needed") as caught:
        run(tiny_llama, Recipe())
    assert caught.value.code == "not_writable"


def test_libraries_are_loaded_while_a_checkpoint_is_read_for_the_first_time_only(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("engine.jobs.ahead.load", loaded.append)
    run(tiny_llama, recipe())
    assert loaded == [
        "engine.passes.prune_magnitude.run:run",
        "engine.passes.quantize.run:run",
        "engine.runtimes.transformers_eager.lower:build",
    ]
    run(tiny_llama, recipe(bits=4))
    assert len(loaded) == 3


def test_a_library_that_does_not_load_is_left_to_the_stage_that_needs_it(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(entry: str) -> None:
        raise ImportError(entry)

    monkeypatch.setattr("engine.jobs.ahead.load", broken)
    assert run(tiny_llama, recipe())[1] == ["done", "done", "done"]
