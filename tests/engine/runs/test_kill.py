"""kill -9 at any moment: finished stages stay, nothing half-written has a final name, resume gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import paths
from engine.protocol.events import Event, Failed, Finished, Progress, StageChanged
from engine.protocol.job import RunJob
from engine.recipe.recipe import Recipe
from engine.runs import cache
from engine.runs.store import RunStore
from engine.worker.client import WorkerClient

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

SHORT = ("prune_magnitude", "quantize")
WHOLE = ("prune_magnitude", "mixed_precision", "quantize")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerClient]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    client = WorkerClient()
    yield client
    client.close()


def stage_bytes() -> dict[str, str]:
    """The digest of every file of every finished stage."""
    digests = {}
    for place in (cache.stages(), cache.artefacts()):
        for file in sorted(path for path in place.root.glob("*/content/**/*") if path.is_file()):
            name = file.relative_to(place.root).as_posix()
            if ".tmp-" not in name:
                digests[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


def kill_at(client: WorkerClient, job: RunJob, moment: int, delay: float) -> list[Event]:
    """Run `job`, killing the worker `delay` seconds after progress event `moment`."""
    events: list[Event] = []
    seen = 0
    for event in client.run(job):
        events.append(event)
        seen += isinstance(event, Progress)
        if seen == moment and isinstance(event, Progress) and client.pid is not None:
            pid = client.pid
            threading.Timer(delay, os.kill, (pid, signal.SIGKILL)).start()
    return events


def forget() -> None:
    for folder in (paths.stages(), paths.artefacts(), paths.runs()):
        shutil.rmtree(folder)


def check_kills(client: WorkerClient, checkpoint: Path, passes: tuple[str, ...], kills: int, seed: int) -> None:
    chance = random.Random(seed)
    job = RunJob(checkpoint=str(checkpoint), recipe=Recipe.parse({"passes": [{"pass": name} for name in passes]}))
    whole = list(client.run(job))
    assert isinstance(whole[-1], Finished), whole[-1]
    right = stage_bytes()
    moments = sum(isinstance(event, Progress) for event in whole)
    forget()
    for number in range(kills):
        moment = 1 + int((number + chance.random()) / kills * moments)
        killed = kill_at(client, job, min(moment, moments), chance.random() * 0.02)
        finished = [e.name for e in killed if isinstance(e, StageChanged) and e.state in ("done", "cached")]
        if isinstance(killed[-1], Failed):
            assert killed[-1].failure.code == "worker_died"
        found = stage_bytes()
        assert found.items() <= right.items(), "something half-written has a final name"
        held = [entry.record.name for place in (cache.stages(), cache.artefacts()) for entry in place.entries()]
        assert set(finished) <= set(held), "a finished stage was lost"

        resumed = list(client.run(job))
        assert isinstance(resumed[-1], Finished), resumed[-1]
        again = [e.name for e in resumed if isinstance(e, StageChanged) and e.state == "cached"]
        assert set(finished) <= set(again), "a finished stage was made again"
        assert stage_bytes() == right, "resume gives other bytes than an uninterrupted run"
        assert not [path for root in (paths.stages(), paths.artefacts()) for path in root.glob("*.tmp-*")]
        # also where the kill came after the run was kept: the repetition has its id
        assert [record.id for record in RunStore().list()] == [resumed[-1].result["run"]]
        forget()


@pytest.mark.parametrize("kills", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_few_kills(client: WorkerClient, tiny_llama: Path, kills: int) -> None:
    check_kills(client, tiny_llama, SHORT, kills=kills, seed=1)


@pytest.mark.benchmark
@pytest.mark.timeout(3600)
def test_twenty_kills(client: WorkerClient, tiny_llama: Path) -> None:
    check_kills(client, tiny_llama, WHOLE, kills=20, seed=2)
