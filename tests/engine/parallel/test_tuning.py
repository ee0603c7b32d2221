"""A measured setting holds on the machine and for the version that it was measured on, and only when it was proven."""

from __future__ import annotations

import os
from typing import Any

import pytest

from engine import hardware
from engine.compare.table import Speedup
from engine.parallel import placement, tuning
from engine.parallel.tuning import MachineTuning, RuntimeTuning, Setting, Trial
from engine.runtimes import catalog

BETTER = Setting(threads=placement.physical_cores() + 1, huge_pages=True)


def found(name: str = "transformers", **changes: Any) -> MachineTuning:
    """A proven finding for runtime `name`."""
    gain = Speedup(value=1.5, low=1.4, high=1.6, confidence=0.99, rounds=7)
    default = Setting(threads=placement.physical_cores())
    given: dict[str, Any] = {
        "version": catalog.get(name).availability().version, "model": "m", "default": default, "best": BETTER,
        "speedup": gain, "proven": True, "others_percent": 0.0, "trials": (),
    }  # fmt: skip
    tuned = RuntimeTuning(**{**given, **changes})
    return MachineTuning(cpu=hardware.cpu_name(), measured_at="2026-11-24T10:00:00+00:00", runtimes={name: tuned})


def test_a_proven_number_of_threads_is_used_for_one_copy_of_that_runtime() -> None:
    cores = placement.physical_cores()
    tuning.keep(found())
    assert placement.suggested_threads(runtime="transformers") == cores + 1
    assert placement.suggested_threads(runtime="onnxruntime") == placement.suggested_threads() == cores
    assert placement.suggested_threads(2, "transformers") == max(1, cores // 2)
    tuning.forget()
    assert placement.suggested_threads(runtime="transformers") == cores


def test_what_is_not_proven_changes_nothing() -> None:
    tuning.keep(found(proven=False))
    assert placement.suggested_threads(runtime="transformers") == placement.physical_cores()
    assert tuning.engine_variables() == dict(os.environ)


def test_another_processor_or_version_makes_it_void(monkeypatch: pytest.MonkeyPatch) -> None:
    tuning.keep(found(version="0.0.1"))
    assert tuning.tuned("transformers") is None
    tuning.keep(found())
    assert tuning.tuned("transformers") is not None
    monkeypatch.setattr(hardware, "cpu_name", lambda: "Another processor")
    assert tuning.read() is None


def test_a_later_measurement_leaves_other_runtimes_as_they_were() -> None:
    tuning.keep(found())
    tuning.keep(found("onnxruntime"))
    known = tuning.read()
    assert known is not None
    assert set(known.runtimes) == {"transformers", "onnxruntime"}


def test_the_engine_asks_for_huge_pages_unless_another_runtime_loses_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "huge_pages_on_request", lambda: True)
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    tuning.keep(found())
    assert tuning.engine_variables()["GLIBC_TUNABLES"] == "glibc.malloc.check=1:glibc.malloc.hugetlb=1"
    assert tuning.variables(False)["GLIBC_TUNABLES"] == "glibc.malloc.check=1"
    default = Setting(threads=placement.physical_cores())
    slower = Speedup(value=0.8, low=0.7, high=0.9, confidence=0.99, rounds=7)
    lost = Trial(setting=Setting(threads=default.threads, huge_pages=True), tokens_per_second=1.0, speedup=slower)
    tuning.keep(found("onnxruntime", best=default, speedup=None, proven=False, trials=(lost,)))
    assert tuning.engine_variables()["GLIBC_TUNABLES"] == "glibc.malloc.check=1"


def test_a_damaged_file_counts_as_not_measured() -> None:
    tuning.keep(found())
    tuning._file().write_text("[]")
    assert tuning.read() is None
