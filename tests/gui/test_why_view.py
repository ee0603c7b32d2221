"""Where and why: the question, the work, what was found, and what can be done about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Failed
from engine.protocol.job import ExplainJob
from engine.recipe.recipe import Recipe
from engine.runs.store import RunStore
from gui.charts.waterfall import WaterfallChart
from gui.document.document import Document
from gui.item_models.explanation import ERROR_BAR, WON_BAR, LayersModel
from gui.jobs.client import JobRunner
from gui.pages.compare.why import WhyView
from gui.settings.settings import Settings
from gui.widgets.bars import SHARE
from tests.engine.runs.records import put
from tests.helpers.explanations import FOUND
from tests.helpers.window import ScriptedClient, finished

pytestmark = pytest.mark.usefixtures("styled")
RECIPE = Recipe.parse({"passes": [{"pass": "prune_depth"}, {"pass": "quantize", "options": {"bits": 4, "head": 8}}]})


@pytest.fixture
def view(qtbot: QtBot, document: Document, jobs: JobRunner, settings: Settings) -> WhyView:
    made = WhyView(document, jobs, settings)
    qtbot.addWidget(made)
    made.resize(1200, 400)
    return made


@pytest.fixture
def asked(view: WhyView) -> WhyView:
    view.set_run(put(RunStore().root, "r1"))
    return view


def test_it_asks_shows_and_keeps(qtbot: QtBot, asked: WhyView, client: ScriptedClient) -> None:
    client.answer("explain", finished(**FOUND.model_dump(mode="json")))
    asked.show()
    assert asked.start_button.isVisible()
    asked.speed.setChecked(True)
    qtbot.mouseClick(asked.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked.found is not None)
    job = client.jobs[0]
    assert isinstance(job, ExplainJob)
    assert (job.run, job.speed) == ("r1", True)
    assert asked.answer.text() == (
        "“Drop layers” costs most: 0.300 of 0.350 nats. Layer 2 matters most: restoring it alone wins back 0.200."
    )
    assert asked.layer == FOUND.layers[2]  # the one that matters most is first, and chosen


def test_what_was_found_before_is_shown_when_the_run_is(view: WhyView) -> None:
    run = put(RunStore().root, "r1")
    RunStore().save_explanation("r1", FOUND.model_dump(mode="json"))
    view.set_run(run)
    assert view.found == FOUND
    view.again_button.click()
    view.show()
    assert view.start_button.isVisible()
    view.back_button.click()
    assert view.chart.isVisible()
    view.set_run(None)
    assert view.found is None
    assert not view.start_button.isVisible()


def test_it_can_be_cancelled_and_tells_what_went_wrong(
    qtbot: QtBot, asked: WhyView, client: ScriptedClient, jobs: JobRunner
) -> None:
    asked.show()
    asked.start()
    qtbot.waitUntil(lambda: jobs.current is not None)
    assert asked.work.progress.isVisible()
    asked.work.progress.cancel.click()
    assert asked.start_button.isVisible()
    client.answer("explain", Failed(failure=Failure.of(UserError("It is gone.", "Put it back."))))
    asked.start()
    qtbot.waitUntil(lambda: asked.work.failure.failure is not None)
    assert asked.work.failure.isVisible()
    client.answer("explain", finished(**FOUND.model_dump(mode="json")))
    asked.work.failure.remedy.emit("retry")
    qtbot.waitUntil(lambda: asked.found is not None)
    assert asked.chart.isVisible()


def test_a_layer_is_kept_in_higher_precision_and_that_can_be_undone(asked: WhyView, document: Document) -> None:
    asked._show_found(FOUND)
    assert not asked.keep_button.isEnabled()
    assert "rounds no weights" in asked.keep_button.toolTip()
    document.apply_preset(RECIPE, "test")
    assert asked.keep_button.isEnabled()
    asked.keep_button.click()
    assert document.recipe.passes[1].options == {"bits": 4, "head": 8, "exclude": ["model.layers.2.*"]}
    assert "Layer 2 is left out" in asked.answer.text()
    asked.keep_button.click()
    assert "already" in asked.answer.text()
    document.undo_stack.undo()
    assert document.recipe == RECIPE
    asked.keep_button.click()
    asked.undo_button.click()
    assert document.recipe == RECIPE


def test_the_head_is_kept_by_its_own_option(asked: WhyView, document: Document) -> None:
    document.apply_preset(RECIPE, "test")
    asked._show_found(FOUND)
    rows = [asked.view.model().index(place, 0).data() for place in range(4)]
    assert rows == ["Layer 2", "Output head", "Layer 0", "Layer 1"]
    asked.view.selectRow(1)
    asked.keep_button.click()
    assert document.recipe.passes[1].options == {"bits": 4}
    asked.view.selectRow(3)
    assert not asked.keep_button.isEnabled()
    assert "dropped" in asked.keep_button.toolTip()


def test_bars_of_layers_are_shares_of_the_largest() -> None:
    model = LayersModel()
    model.show_layers(FOUND)
    assert [model.index(row, ERROR_BAR).data(SHARE) for row in range(4)] == [0.5, None, 1.0, None]
    assert model.index(2, WON_BAR).data(SHARE) == 1.0
    assert [model.index(row, 1).data() for row in range(4)] == ["2.0 %", "dropped", "4.0 %", "–"]


def test_every_bar_begins_where_the_one_before_it_ended(qtbot: QtBot, tmp_path: Path) -> None:
    chart = WaterfallChart()
    qtbot.addWidget(chart)
    chart.show_explanation(FOUND)
    ends = [(bar.start, bar.stop) for bar in chart._bars]
    assert ends == [pytest.approx(pair) for pair in ((0, 0.3), (0.3, 0.4), (0.4, 0.35), (0, 0.35))]
    chart.quantity.setCurrentIndex(1)
    assert [round(bar.stop) for bar in chart._bars] == [100, 80, 20, 21, 21]
    chart.quantity.setCurrentIndex(2)
    # the runtime's own gain comes first: passes are timed in it
    assert [bar.name for bar in chart._bars][1] == "Build for ONNX Runtime"
    assert [round(bar.stop) for bar in chart._bars] == [20, 12, 10, 5, 5]
    assert "weights: −20.0 MiB" in chart.tip(2)
    assert chart.rows()[-1] == ("All steps", "−79.0 MiB", "+0.350", "+30.0 %", "−15.0 ms")
    chart.save_csv(tmp_path / "w.csv")
    assert "Quantize · int4 / 32,−60.0 MiB,+0.100 ± 0.010" in (tmp_path / "w.csv").read_text(encoding="utf-8")
