from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from engine import paths
from engine.protocol.errors import UserError
from engine.runs.difference import difference
from engine.runs.store import RunStore, candidate_folder
from tests.engine.runs.records import put, record

COMPARISON = {"verdict": "faster", "verdict_text": "Twice as fast.", "candidates": [{"name": "a"}, {"name": "b"}]}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def test_runs_are_listed_newest_first_with_what_their_folders_hold(store: RunStore) -> None:
    assert store.list() == []
    for run_id in ("20260101-1", "20260102-2"):
        put(store.root, run_id)
    listed = store.list()
    assert [one.id for one in listed] == ["20260102-2", "20260101-1"]
    assert listed[0].artefact_folder == store.root / "20260102-2" / "artefact"
    assert listed[0].recipe.passes[0].options == {"bits": 8}


def test_what_other_processes_add_delete_or_compare_is_noticed(store: RunStore) -> None:
    put(store.root, "a")
    store.list()
    other = RunStore(store.root)
    put(store.root, "b", parents=("a",))
    other.save_comparison("a", COMPARISON)
    assert [one.id for one in store.list()] == ["b", "a"]
    assert store.list()[1].comparisons[0].verdict_text == "Twice as fast."
    assert store.get("a").comparisons[0].candidates == ("a", "b")
    assert store.comparisons("a") == [COMPARISON]
    assert [child.id for child in store.children("a")] == ["b"]
    other.delete("a")
    assert [one.id for one in store.list()] == ["b"]


def test_the_index_can_be_lost_or_damaged(store: RunStore) -> None:
    put(store.root, "a")
    before = store.list()
    (store.root / "index.sqlite").write_bytes(b"this is no database" * 100)
    assert store.list() == before
    (store.root / ".deleting-x").mkdir()
    assert store.rebuild() == before
    assert not (store.root / ".deleting-x").exists()


def test_a_record_that_another_version_indexed_is_read_again(store: RunStore) -> None:
    put(store.root, "a")
    before = store.list()
    with sqlite3.connect(store.root / "index.sqlite") as index:
        index.execute("UPDATE runs SET record = '{}'")
    index.close()
    assert store.list() == before


def test_a_run_outside_of_the_store_has_no_id_here(store: RunStore, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere")
    store.root.mkdir()
    with pytest.raises(UserError, match="no run"):
        store.delete("../elsewhere")
    assert (tmp_path / "elsewhere").is_dir()


def test_drafts_and_foreign_folders_are_no_runs(store: RunStore) -> None:
    put(store.root, "a")
    for name in (".b.tmp-host-1-1", ".deleting-c"):
        shutil.copytree(store.root / "a", store.root / name)
    (store.root / "notes").mkdir()
    (store.root / "damaged").mkdir()
    (store.root / "damaged" / "run.json").write_text("{")
    assert [one.id for one in store.list()] == ["a"]


def test_a_run_is_found_by_the_beginning_of_its_id(store: RunStore) -> None:
    put(store.root, "20260101-ab")
    put(store.root, "20260102-cd")
    assert store.get("20260101").id == "20260101-ab"
    for reference, says in (("2026", "Several"), ("x", "no run"), ("", "no run")):
        with pytest.raises(UserError, match=says):
            store.get(reference)


def test_a_candidate_is_a_run_or_a_folder(tmp_path: Path) -> None:
    put(paths.runs(), "a")
    artefact = paths.runs() / "a" / "artefact"
    assert candidate_folder("a") == artefact
    assert candidate_folder(str(paths.runs() / "a")) == artefact
    assert candidate_folder(str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match="neither a run nor a folder"):
        candidate_folder("nothing")


def test_the_difference_of_two_runs_names_what_changed() -> None:
    first = record("a")
    entry = first.recipe.passes[0].model_copy(update={"options": {"bits": 4}})
    second = record("b", recipe=first.recipe.model_copy(update={"passes": (entry,)}), size_after=60)
    assert difference(first, record("c")) == []
    assert [tuple(change) for change in difference(first, second)] == [
        ("pass 1 quantize.bits", 8, 4),
        ("size after", 110, 60),
    ]
