"""Run, Compare and History with the real engine: a recipe is run, killed, resumed, talked to, found again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from engine.compare.table import Candidate, Comparison, Speedup
from engine.export.base import FormatSpec
from engine.protocol.events import Started
from engine.protocol.job import CompareJob
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Recipe
from engine.runs.store import RunStore
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.pages.compare import ComparePage
from gui.pages.history import HistoryPage
from gui.pages.history.export import ExportDialog
from gui.pages.pipeline import PipelinePage
from gui.pages.run import RunPage
from gui.settings.settings import Settings

pytestmark = pytest.mark.usefixtures("styled")
RECIPE = Recipe.parse({"name": "eight bits", "passes": [{"pass": "quantize"}]})


@pytest.fixture(scope="module")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One history for the whole module: a run is made once and used by every page."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _shared_home(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTEN_HOME", str(data_home))


@pytest.fixture(scope="module")
def engine(qapp: object) -> Iterator[JobRunner]:
    """One warm engine process for the whole module."""
    runner = JobRunner()
    yield runner
    runner.close()


@pytest.fixture
def opened(document: Document, tiny_llama: Path) -> Document:
    document.open_checkpoint(tiny_llama)
    document.apply_preset(RECIPE, "test")
    return document


def _wait(qtbot: QtBot, page: RunPage | ComparePage) -> None:
    handle = page.handle
    assert handle is not None
    qtbot.waitUntil(lambda: handle.ended, timeout=120_000)


@pytest.fixture
def run_id(qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings) -> str:
    """The history's first run, made by the Run page if there is none yet."""
    found = RunStore().list()
    if found:
        return found[-1].id
    page = RunPage(opened, engine, settings)
    qtbot.addWidget(page)
    page.start()
    _wait(qtbot, page)
    assert page.handle is not None
    assert page.handle.state == "finished", page.handle.failure
    return str(page.handle.result["run"])  # type: ignore[index]


def test_empty_pages_say_what_fills_them(
    qtbot: QtBot,
    document: Document,
    jobs: JobRunner,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HASTEN_HOME", str(tmp_path / "empty"))
    for kind in (RunPage, ComparePage, HistoryPage):
        page = kind(document, jobs, settings)
        qtbot.addWidget(page)
        page.entered()
        page.show()
        action = next(b for b in page.findChildren(QPushButton) if b.isVisible())
        with qtbot.waitSignal(page.navigate) as caught:
            action.click()
        assert caught.args == ["start"]


def test_killed_engine_shows_the_cause_and_resumes(
    qtbot: QtBot, opened: Document, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTEN_HOME", str(tmp_path / "killed"))
    runner = JobRunner()
    page = RunPage(opened, runner, settings)
    qtbot.addWidget(page)
    page.show()
    page.start()
    assert page.handle is not None
    page.handle.events.connect(
        lambda batch: [os.kill(runner._client.pid, signal.SIGKILL) for e in batch if isinstance(e, Started)]  # type: ignore[union-attr]
    )
    _wait(qtbot, page)
    assert page.card.isVisible()
    assert "SIGKILL" in page.card._cause.text()
    assert RunStore().list() == []
    page.card.findChild(QPushButton, "resume").click()
    _wait(qtbot, page)
    assert page.handle.state == "finished"
    assert not page.card.isVisible()
    assert len(RunStore().list()) == 1
    runner.close()


def test_a_run_shows_its_stages_and_leads_to_compare(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings
) -> None:
    page = RunPage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    assert [row.state for row in page.stages.rows] == ["waiting", "waiting"]
    page.start()
    assert page.cancel_button.isVisible()
    page.start()  # a second click while it runs starts nothing
    _wait(qtbot, page)
    assert page.handle is not None
    assert page.handle.result is not None
    assert {row.state for row in page.stages.rows} <= {"done", "cached"}
    assert opened.candidates == (opened.checkpoint, page.handle.result["run"])
    with qtbot.waitSignal(page.navigate) as caught:
        page.result.compare_button.click()
    assert caught.args == ["compare"]


def test_cancel_ends_the_run_at_once(qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings) -> None:
    page = RunPage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    page.start()
    page.cancel_button.click()
    assert not page.running
    assert not page.card.isVisible()
    assert page._notice.text().startswith("Stopped.")


def test_both_models_answer_and_the_chat_goes_on(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings, run_id: str
) -> None:
    page = ComparePage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    opened.set_candidates(str(opened.checkpoint), run_id)
    page.sampling.length.setValue(6)
    page.prompt.setText("Once upon a time")
    page.send_button.click()
    assert not page.send_button.isEnabled()
    _wait(qtbot, page)
    assert page.handle is not None
    assert page.handle.state == "finished", page.handle.failure
    first = page.conversation[0]
    assert [len(answer) for answer in first.answers] == [6, 6]
    assert first.mark is not None
    assert page.panes[0].view.toPlainText().startswith("Once upon a time")
    assert len(page.results.latency.rows()) == 5
    page.prompt.setText("And then?")
    page.send()
    history = page.handle.job.histories[1]  # type: ignore[union-attr]
    assert [message["role"] for message in history] == ["user", "assistant", "user"]
    _wait(qtbot, page)
    assert len(page.conversation) == 2
    page.new_button.click()
    assert page.conversation == []


def test_stop_keeps_what_was_written(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings, run_id: str
) -> None:
    page = ComparePage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    opened.set_candidates(str(opened.checkpoint), run_id)
    page.sampling.length.setValue(200)
    page.prompt.setText("Once")
    page.send()
    qtbot.waitUntil(lambda: any(page.conversation[0].answers), timeout=60_000)
    page.head.stop_button.click()
    assert not page.busy
    assert not page.card.isVisible()
    assert page.panes[0].view.toPlainText().startswith("Once")


def test_what_is_measured_is_chosen_among_the_options(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ComparePage(opened, engine, settings)
    qtbot.addWidget(page)
    opened.set_candidates(str(opened.checkpoint))
    jobs: list[CompareJob] = []
    monkeypatch.setattr(page, "_submit", lambda job, *rest: jobs.append(job))
    page.measure()
    page.options.clients.setValue(4)
    page.options.time_prompts.setChecked(True)
    page.options.pause.setChecked(False)
    page.options.deadline.setValue(200)
    page.measure()
    page.options._clear()
    page.measure()
    asked = [(job.clients, job.time_prompts, job.pause, job.deadline_seconds) for job in jobs]
    assert asked == [(None, False, True, None), (4, True, False, 0.2), (None, False, True, None)]


def test_measuring_gives_a_verdict_that_is_kept(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings, run_id: str, tmp_path: Path
) -> None:
    (tmp_path / "prompts.txt").write_text("Once upon a time\nThe end of the story\n", encoding="utf-8")
    (tmp_path / "text.txt").write_text("The river ran past the mill and the old bridge. " * 30, encoding="utf-8")
    page = ComparePage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    opened.set_candidates(str(opened.checkpoint), run_id)
    page.head.rounds.setValue(3)
    page.options.pause.setChecked(False)
    page.options.prompts.setText(str(tmp_path / "absent.txt"))
    page.head.measure_button.click()
    assert page.card.isVisible()
    assert not page.busy
    page.options.prompts.setText(str(tmp_path / "prompts.txt"))
    page.options.text.setText(str(tmp_path / "text.txt"))
    page.options.deadline.setValue(60_000)
    page.options.grid.setText("sixteen")
    page.head.measure_button.click()
    assert page.card.isVisible()
    page.options.grid.setText("8,16x4")
    page.head.measure_button.click()
    assert page.card.isHidden()
    _wait(qtbot, page)
    assert page.handle is not None
    assert page.handle.state == "finished", page.handle.failure
    assert page.comparison is not None
    assert "deadline of 60 s met" in page.head.verdict.text()
    assert [cell.prompt_tokens for cell in page.comparison.grid] == [8, 16]
    assert len(page.results.grid.rows()) == 2
    shown = {label.text() for label in page.results.conditions.findChildren(QLabel)}
    assert {"Rounds", "as many as asked for", "Processor"} <= shown
    assert [turn.prompt for turn in page.prompts] == ["Once upon a time", "The end of the story"]
    assert {row.spec.name for row in page.results.table.rows} >= {
        "decode_tokens_per_second",
        "weight_bytes",
        "perplexity",
    }
    assert all(turn.mark is not None for turn in page.prompts)
    again = ComparePage(opened, engine, settings)
    qtbot.addWidget(again)
    again.entered()
    assert again.comparison == page.comparison


def _comparison(reference: str, run: str) -> Comparison:
    def rate(value: float) -> Measurement:
        return Measurement(
            name="decode_tokens_per_second", unit="1/s", better="higher",
            value=value, low=value - 2, high=value + 2, samples=7,
        )  # fmt: skip

    agreement = Measurement(
        name="top1_agreement", unit="1", better="higher", value=0.97, low=0.96, high=0.98, samples=900
    )
    speedup = Speedup(value=2.1, low=2.0, high=2.2, confidence=0.99, rounds=7)
    return Comparison(
        verdict="faster",
        verdict_text="×2.1 faster (2.0–2.2, 99 % sure, 7 rounds) · same size",
        candidates=(
            Candidate(name="tiny", reference=reference, runtime="transformers", device="cpu", measurements=(rate(50),)),
            Candidate(
                name="eight bits", reference=run, runtime="transformers", device="cpu",
                measurements=(rate(105), agreement), verdict="faster", verdict_text="×2.1 faster", speedup=speedup,
            ),
        ),
    )  # fmt: skip


def test_a_kept_comparison_is_found_in_history_and_compare(
    qtbot: QtBot, opened: Document, jobs: JobRunner, settings: Settings, run_id: str
) -> None:
    comparison = _comparison(str(opened.checkpoint), run_id)
    RunStore().save_comparison(run_id, comparison.model_dump(mode="json"))
    opened.set_candidates(str(opened.checkpoint), run_id)
    page = ComparePage(opened, jobs, settings)
    qtbot.addWidget(page)
    page.entered()
    assert page.comparison == comparison
    assert page.head.verdict.text().replace("\u00a0", " ") == "×2.1 faster · same size"
    assert page.head.rest.text() == "2.0–2.2, 99 % sure, 7 rounds"
    assert page.results.table.index(0, 3).data() == "×2.1"

    pipeline = PipelinePage(opened, jobs, settings)
    qtbot.addWidget(pipeline)
    pipeline.entered()
    assert pipeline.forecast.now.text().endswith("50.0 ± 2.0 tokens/s (measured)")

    history = HistoryPage(opened, jobs, settings)
    qtbot.addWidget(history)
    history.show()
    history.select(run_id)
    assert history.selected()[0].speedup == 2.1
    assert history.scatter.rows() == [("eight bits", "×2.1", "97.0 %", "yes")]
    history.filter.setText("nothing is called so")
    assert history.proxy.rowCount() == 0
    history.filter.setText("int8")
    assert history.proxy.rowCount() == history.table.rowCount()
    history.select(run_id)
    opened.new_recipe()
    with qtbot.waitSignal(history.navigate):
        history.details.reopen_button.click()
    assert opened.recipe == RECIPE


def test_a_format_that_cannot_hold_the_run_says_why(
    qtbot: QtBot, jobs: JobRunner, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FormatSpec, "why_not", lambda spec, run: ("It is too long.",) if spec.name == "gguf" else ())
    dialog = ExportDialog(run_id, jobs)
    qtbot.addWidget(dialog)
    assert dialog.export_button.isEnabled()
    place = dialog.format.findData("gguf")
    assert dialog.format.itemText(place) == "GGUF file (not here)"
    dialog.format.setCurrentIndex(place)
    assert dialog._summary.text() == "It is too long."
    assert not dialog.export_button.isEnabled()
    dialog.format.setCurrentIndex(place - 1)
    assert dialog.export_button.isEnabled()


def test_deleting_asks_first(
    qtbot: QtBot, opened: Document, engine: JobRunner, settings: Settings, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = HistoryPage(opened, engine, settings)
    qtbot.addWidget(page)
    page.show()
    page.select(run_id)
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    before = page.table.rowCount()
    page.details.delete_button.click()
    assert page.table.rowCount() == before
    page.details.delete_button.click()
    assert page.table.rowCount() == before - 1
