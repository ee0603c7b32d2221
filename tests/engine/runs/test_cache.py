from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import drafts, settings
from engine.protocol.errors import UserError
from engine.runs import cache
from engine.runs.record import StageRecord


def build(key: str, size: int, place: cache.Cache | None = None) -> None:
    place = place or cache.stages()
    with place.building(key) as folder:
        (folder / "content" / "weights").write_bytes(b"x" * size)
        (folder / "scratch" / "spill").write_bytes(b"y")
        place.finish(folder, (), StageRecord(name="Stage", key=key, state="done", seconds=1, bytes=0))


def test_a_finished_stage_is_found_again_without_its_scratch() -> None:
    build("k", 10)
    entry = cache.stages().find("k")
    assert entry is not None
    assert (entry.record.bytes, entry.key) == (10, "k")
    assert not (entry.folder / "scratch").exists()
    assert cache.stages().find("other") is None


def test_a_stage_that_raises_leaves_nothing() -> None:
    def half() -> None:
        with cache.stages().building("k") as folder:
            (folder / "content" / "half").write_bytes(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert list(cache.stages().root.iterdir()) == []


def test_when_two_processes_make_the_same_stage_the_first_stays() -> None:
    with cache.stages().building("k") as folder:
        cache.Cache.finish(folder, (), StageRecord(name="Late", key="k", state="done", seconds=1, bytes=0))
        os.rename(folder, folder.with_name("mine"))
        build("k", 10)
        os.rename(folder.with_name("mine"), folder)
    entry = cache.stages().find("k")
    assert entry is not None
    assert entry.record.name == "Stage"


def test_drafts_of_dead_builders_are_cleaned_and_others_left(tmp_path: Path) -> None:
    host, pid, start = drafts.owner().rsplit("-", 2)
    dead = [f".k.tmp-{host}-{pid}-{int(start) - 1000}", f".k.tmp-{host}-999999999-{start}"]
    kept = [f".k.tmp-{drafts.owner()}", f".k.tmp-other{host}-1-1", "k"]
    for name in [*dead, *kept]:
        (tmp_path / name).mkdir()
    drafts.clean(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_the_quota_removes_what_was_used_longest_ago() -> None:
    for age, key in enumerate(("new", "middle", "old")):
        build(key, 1000, cache.artefacts() if key == "middle" else None)
        root = (cache.artefacts() if key == "middle" else cache.stages()).root
        os.utime(root / key / "entry.json", (1000 - age, 1000 - age))
    whole = cache.held_bytes()
    assert cache.trim(whole) == []
    with cache.in_use(["old"]):
        assert cache.trim(whole - 500) == ["middle"]
    (cache.stages().root / f".using-{drafts.owner().rsplit('-', 2)[0]}-999999999-1").write_text(
        "new old"
    )  # by a process that died
    cache.stages().find("old")
    assert cache.trim(0) == ["new", "old"]
    with pytest.raises(UserError, match="no stage"):
        cache.stages().delete("old")


def test_files_with_several_names_count_once(tmp_path: Path) -> None:
    build("k", 3 << 20)
    before = cache.held_bytes()
    with cache.stages().building("linked") as folder:
        drafts.link_tree(cache.stages().root / "k" / "content", folder / "content")
        cache.Cache.finish(folder, (), StageRecord(name="S", key="linked", state="done", seconds=1, bytes=0))
    assert cache.held_bytes() - before < 1 << 20


def test_settings_are_read_written_and_checked() -> None:
    assert settings.read().stage_quota_gib == 20
    assert settings.write(stage_quota_gib=1.5, theme="dark").stage_quota_bytes == int(1.5 * 2**30)
    settings.write(stage_quota_gib=2)
    assert '"theme": "dark"' in settings._file().read_text()
    with pytest.raises(UserError):
        settings.write(stage_quota_gib=-1)
    settings._file().write_text('{"stage_quota_gib": "much"}')
    with pytest.raises(UserError, match="stage_quota_gib"):
        settings.read()
    settings._file().write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        settings.read()
