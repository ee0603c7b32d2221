from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from engine.bench import conditions


def test_the_machine_is_described() -> None:
    found = conditions.machine()
    assert found["cpu"]
    assert int(found["cores"] or 0) >= 1
    assert str(found["torch"]).startswith("2.")
    assert all(isinstance(value, (str, int, float, bool)) for value in conditions.load_before().values())


def test_only_the_work_of_others_counts_as_disturbance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 s, 70 were busy, 50 of them with our own work."""
    readings = iter([(1000.0, 400.0, 10.0), (1100.0, 470.0, 60.0)])
    monkeypatch.setattr(conditions.OthersLoad, "_read", staticmethod(lambda: next(readings)))
    assert conditions.OthersLoad().percent() == pytest.approx(20.0)


def test_the_load_reading_is_plausible() -> None:
    total, busy, own = conditions.OthersLoad()._read()
    assert total > busy > own > 0


def test_processes_that_we_started_count_as_our_own() -> None:
    command = [sys.executable, "-c", "sum(range(10**7)); print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        spent = psutil.Process(child.pid).cpu_times().user
        assert spent > 0
        assert any(times.user == spent for times in conditions._times_of(psutil.Process()))
        child.communicate(b"\n")
