"""What training tools are given: the same numbers as the report, read back with the tools' own readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.export import catalog
from engine.export.base import ExportContext
from engine.export.logs import NOTHING, logs
from tests.helpers.compared import RUN, compared_run, record


def _context(destination: Path) -> ExportContext:
    return ExportContext(step=lambda *_: None, notice=print, run=compared_run(), destination=destination)


def test_every_model_is_logged_with_its_curves_and_what_made_it() -> None:
    original, fast = logs(compared_run())
    assert (original.name, fast.name) == ("0-original", "1-fast-int4")
    assert fast.settings["quantize.bits"] == 4
    assert "quantize.bits" not in original.settings
    assert fast.figures["measured/decode_tokens_per_second"] == 100
    assert fast.figures["measured_low/decode_tokens_per_second"] == 90
    assert {name: len(values) for name, values in fast.curves.items()} == {
        "rounds/decode_tokens_per_second": 7, "answers/inter_token_latency_seconds": 59, "memory/resident_bytes": 50,
    }  # fmt: skip


def test_a_run_that_was_not_compared_has_nothing_to_log() -> None:
    for name in ("tensorboard", "wandb"):
        assert catalog.get(name).why_not(record()) == (NOTHING,)


def test_what_is_missing_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compared_run()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("tensorboard", "wandb"):
        told = (f"{name} is not installed.", f"Run “pip install hasten[{name}]”.")
        assert catalog.get(name).why_not(run) == told
    monkeypatch.setattr("engine.export.pdf.browser", lambda: None)
    assert "none of them is installed" in catalog.get("pdf").why_not(run)[0]


def test_tensorboard_reads_the_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from engine.export.tensorboard import write

    write(_context(tmp_path))
    read = EventAccumulator(str(tmp_path / "1-fast-int4"))
    read.Reload()
    assert [event.value for event in read.Scalars("measured/decode_tokens_per_second")] == [100]
    assert len(read.Scalars("answers/inter_token_latency_seconds")) == 59
    settings = EventAccumulator(str(tmp_path / "1-fast-int4" / "settings"))
    settings.Reload()
    assert settings.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"


def test_weights_and_biases_keeps_the_runs_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    from engine.export.wandb_offline import records, write

    write(_context(tmp_path))
    files = sorted(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 2
    kept = [records(file) for file in files]
    runs = {one.run.display_name: (one.run, found) for found in kept for one in found if one.HasField("run")}
    assert set(runs) == {"0-original", "1-fast-int4"}
    run, found = runs["1-fast-int4"]
    assert run.run_group == RUN
    assert "quantize.bits" in {item.key for item in run.config.update}
    assert sum(record.WhichOneof("record_type") == "history" for record in found) == 59
