"""Energy from a made-up sysfs folder: no machine of ours counts it, so what a real one says is not tested here."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import observe
from engine.bench.energy import EnergyMeter
from engine.bench.runner import time_answers
from engine.compare.table import Comparison
from engine.jobs import compare
from engine.metrics.base import DecodeRound, Observed
from engine.metrics.measure import measure_all
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids
from engine.runtimes.open import open_session
from tests.engine.bench.jobs import context_with

SPAN = 262_143_328_850


def fake_powercap(folder: Path) -> Path:
    """A folder as Linux shows two packages, a part of the first, and the whole platform."""
    zones = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:1": "package-1", "intel-rapl:2": "psys"}
    for zone, name in zones.items():
        (folder / zone).mkdir(parents=True)
        (folder / zone / "name").write_text(name + "\n")
        (folder / zone / "max_energy_range_uj").write_text(f"{SPAN}\n")
        (folder / zone / "energy_uj").write_text("1000000\n")
    return folder


def count(folder: Path, zone: str, microjoules: int) -> None:
    (folder / zone / "energy_uj").write_text(f"{microjoules}\n")


def test_packages_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    folder = fake_powercap(tmp_path)
    meter = EnergyMeter(folder)
    assert meter.sources == ("processor packages (RAPL)",)
    before = meter.joules()
    count(folder, "intel-rapl:0", 3_500_000)
    count(folder, "intel-rapl:1", 2_000_000)
    count(folder, "intel-rapl:0:0", 9_000_000)
    count(folder, "intel-rapl:2", 9_000_000)
    assert meter.joules() - before == pytest.approx(3.5)


def test_a_counter_that_wraps_around_goes_on(tmp_path: Path) -> None:
    folder = fake_powercap(tmp_path)
    count(folder, "intel-rapl:0", SPAN - 1_000_000)
    meter = EnergyMeter(folder)
    count(folder, "intel-rapl:0", 2_000_000)
    assert meter.joules() == pytest.approx(3.0)


def test_a_machine_without_counters_is_not_measured(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path).sources == ()
    assert EnergyMeter(tmp_path, gpu=lambda: None).sources == ()
    card = iter([5.0, 5.0, 7.5])
    meter = EnergyMeter(tmp_path, gpu=lambda: next(card))
    assert meter.sources == ("GPU (NVML)",)
    before = meter.joules()
    assert meter.joules() - before == 2.5


def test_every_answer_is_counted_by_itself(tiny_llama: Path) -> None:
    readings = iter(float(i) for i in range(10**6))  # one joule between two readings
    session = open_session(tiny_llama, threads=1)
    prompts: list[Ids] = [*session_prompts()]
    try:
        (found,) = time_answers([session], [prompts], 4, lambda: None, joules=lambda: next(readings))
    finally:
        session.close()
    assert [r.joules for r in found] == [float(r.answers) for r in found]


def session_prompts() -> list[Ids]:
    import numpy as np

    return [np.arange(4, 12, dtype=np.int64)] * 2


def measured(rounds: tuple[DecodeRound, ...], price: float | None = None) -> dict[str, float]:
    found = measure_all(Observed(1, rounds=rounds, price_per_hour=price), "text-generation", is_reference=True)
    return {m.name: m.value for m in found}


def test_energy_and_cost_count_whole_answers() -> None:
    """Two answers of five tokens each in 0.2 + 4 × 0.2 s, and 20 J for both."""
    one = DecodeRound(0.2, (0.2,) * 8, 16, answers=2, joules=20.0)
    found = measured((one,) * 3, price=3.6)
    assert found["energy_joules_per_token"] == pytest.approx(2.0)
    assert found["tokens_per_joule"] == pytest.approx(0.5)
    assert found["cost_per_million_tokens"] == pytest.approx(200.0)  # 0.001 a second, 0.2 s a token
    without = measured((DecodeRound(0.2, (0.2,) * 8, 16, answers=2),) * 3)
    assert not {"energy_joules_per_token", "tokens_per_joule", "cost_per_million_tokens"} & set(without)


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize("counters", [True, False])
def test_a_comparison_says_what_was_counted_or_that_nothing_was(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counters: bool
) -> None:
    folder = fake_powercap(tmp_path / "fake") if counters else tmp_path
    monkeypatch.setattr(observe, "EnergyMeter", lambda gpu=None: EnergyMeter(folder, gpu))
    job = CompareJob(
        candidates=(str(tiny_llama),), prompts=("Once",), rounds=3, prompt_tokens=8, new_tokens=4, quality=False,
        memory=False, threads=1, price_per_hour=2.0,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    said = "processor packages (RAPL)" if counters else "not measured: no counter can be read here"
    assert found.conditions["energy"] == said
    assert found.candidates[0].measured("energy_joules_per_token") is None  # this counter stands still
    assert found.candidates[0].measured("cost_per_million_tokens") is not None
