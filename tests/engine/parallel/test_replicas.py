import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.bench.load import Clients
from engine.parallel import placement
from engine.parallel.replicas import Replicas, measure_replicas
from engine.protocol.errors import Cancelled, UserError
from engine.recipe.recipe import Target

PROMPTS = [np.arange(4, 12, dtype=np.int64)] * 6


def test_two_real_processes_share_the_requests(tiny_llama: Path) -> None:
    found = measure_replicas(tiny_llama, Target(threads=1, replicas=2), PROMPTS, 8, rounds=3)
    assert (found.name, found.unit, found.samples) == ("requests_per_second", "1/s", 3)
    assert 0 < found.low <= found.value <= found.high
    assert found.conditions["replicas"] == 2
    assert not [child for child in psutil.Process().children() if "replica" in " ".join(child.cmdline())]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not pin")
@pytest.mark.usefixtures("all_cpus")
def test_replicas_keep_to_cores_of_their_own_answer_clients_and_a_killed_one_is_told(tiny_llama: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one processor only")
    with Replicas(tiny_llama, Target(threads=1, replicas=2)) as replicas:
        assert replicas.pinned
        pins = [os.sched_getaffinity(process.pid) for process in replicas._processes]
        assert [len(pin) for pin in pins] == [1, 1]
        assert not pins[0] & pins[1]
        clients = Clients(3, PROMPTS)
        clients.begin()
        replicas.work(clients.work, 4)
        found = clients.round()
        assert (found.requests, len(found.responses), len(found.gaps)) == (6, 3, 6 * 3)
        assert 0 < min(found.responses) <= max(found.responses) < found.seconds
        replicas._processes[1].kill()
        with pytest.raises(UserError, match="want of memory"):
            replicas.serve(PROMPTS, 1)


def test_a_model_that_does_not_open_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError):
        Replicas(tmp_path, Target(replicas=1, threads=1))


def test_cancelling_ends_the_processes(tiny_bert: Path) -> None:
    def cancelled() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        Replicas(tiny_bert, Target(replicas=1, threads=1), check=cancelled)
    assert not [child for child in psutil.Process().children() if "replica" in " ".join(child.cmdline())]


def test_cores_are_shared_out_and_never_oversubscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "usable_cpus", lambda: (0, 2, 4, 6))
    monkeypatch.setattr(placement, "physical_cores", lambda: 4)
    assert [placement.pinned_cpus(index, 2, 2) for index in range(2)] == [(0, 2), (4, 6)]
    assert placement.pinned_cpus(0, 3, 2) is None
    assert [placement.suggested_threads(n) for n in (1, 2, 3, 8)] == [4, 2, 1, 1]


def test_the_machine_has_cores_and_gpus_are_told_without_a_driver() -> None:
    assert 1 <= placement.physical_cores() <= (os.cpu_count() or 1)
    assert len(set(placement.usable_cpus())) == len(placement.usable_cpus()) >= 1
    for gpu in placement.gpus():
        assert gpu.total_bytes >= gpu.free_bytes > 0
