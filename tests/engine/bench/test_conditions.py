from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine.bench import conditions
from engine.compare import conditions as words


def test_the_machine_is_described() -> None:
    found = conditions.machine()
    assert found["cpu"]
    assert int(found["cores"] or 0) >= 1
    assert str(found["torch"]).startswith("2.")
    assert all(isinstance(value, (str, int, float, bool)) for value in conditions.load_before().values())


def test_what_governs_the_clock_is_read_from_sysfs(tmp_path: Path) -> None:
    assert conditions.governing(tmp_path) == {}
    assert conditions.cache_bytes(tmp_path) is None
    for cpu, governor in enumerate(("powersave", "performance")):
        (tmp_path / f"cpu{cpu}/cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}/cpufreq/scaling_governor").write_text(governor + "\n")
    (tmp_path / "intel_pstate").mkdir()
    (tmp_path / "intel_pstate/no_turbo").write_text("1\n")
    for index, size in enumerate(("32K", "1024K", "16M")):
        (tmp_path / f"cpu0/cache/index{index}").mkdir(parents=True)
        (tmp_path / f"cpu0/cache/index{index}/size").write_text(size + "\n")
    assert conditions.governing(tmp_path) == {"governor": "performance, powersave", "turbo": False}
    assert conditions.cache_bytes(tmp_path) == 16 << 20


def test_conditions_are_told_in_words() -> None:
    found = {"cpu": "Zen", "threads": 2, "prompt_tokens": 128, "new_tokens": 64, "rounds": 16, "others_percent": 3.2,
             "busy": False, "clock_mhz": 3700, "torch": "2.13.0"}  # fmt: skip
    groups = words.grouped(found)
    assert ("Threads", "2") in groups["How it was timed"]
    assert ("Disturbing", "no") in groups["Load"]
    assert ("Clock at first", "3.70 GHz") in groups["Machine"]
    assert groups[words.VERSIONS] == [("torch", "2.13.0")]
    assert words.in_one_line(found) == (
        "Zen, 2 threads, 128 prompt and 64 new tokens, 16 rounds, other programs used 3.2 % of the processors"
    )


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
        _, *started = conditions._times_of(psutil.Process())
        assert max(times.user for times in started) >= spent  # it goes on to `input()` between the two readings
        child.communicate(b"\n")
