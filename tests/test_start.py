"""The set-up script: what it chooses, what it refuses, and the one line that it says."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

import start


def test_a_python_out_of_range_is_named_with_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.sys, "version_info", (3, 9, 1))
    with pytest.raises(start.Stop, match=r"3\.11 to 3\.13"):
        start.check_python()


def test_without_a_gpu_linux_never_gets_the_cuda_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "has_nvidia", lambda: False)
    monkeypatch.setattr(start.sys, "platform", "linux")
    plan = start.Plan(test=False)
    assert plan.extras == ["cpu"]
    assert all(attempt[0].endswith("+cpu") for attempt in plan.torch_attempts())


def test_with_a_mocked_nvidia_gpu_the_cuda_builds_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "has_nvidia", lambda: True)
    monkeypatch.setattr(start.sys, "platform", "linux")
    plan = start.Plan(test=True)
    assert plan.extras == ["cuda", "test"]
    assert plan.torch_attempts() == [[f"torch=={start.TORCH}"]]


def test_too_little_disk_stops_before_anything_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(start, "STAMPS", tmp_path / "stamps.json")
    monkeypatch.setattr(start, "install_system_packages", lambda: None)
    monkeypatch.setattr(start, "make_environment", lambda: None)
    monkeypatch.setattr(start.shutil, "disk_usage", lambda path: usage(1, 1, 1 << 30))
    monkeypatch.setattr(start, "pip", lambda *a, **k: pytest.fail("pip was called"))
    with pytest.raises(start.Stop, match=r"1\.0 GiB are free"):
        start.set_up(test=False)


def test_missing_libraries_name_the_one_command_to_those_who_are_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "missing_system_packages", lambda: ["libegl1", "libgl1"])
    monkeypatch.setattr(start.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(start.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    with pytest.raises(start.Stop, match=r"sudo apt-get install .*libegl1 libgl1"):
        start.install_system_packages()


def test_a_failing_pip_gives_its_last_reason_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(start, "python_in_venv", lambda: Path(sys.executable))
    with pytest.raises(start.Stop) as stopped:
        start.pip(["--no-index", f"--find-links={tmp_path}", "there-is-no-such-package"])
    assert "there-is-no-such-package" in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_an_unknown_verb_shows_the_usage() -> None:
    done = subprocess.run([sys.executable, start.__file__, "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "start.py setup" in done.stdout
