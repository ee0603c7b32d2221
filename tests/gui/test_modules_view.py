"""Time by part: the question, the work, and the table of what was found."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Failed
from engine.protocol.job import ModulesJob
from engine.runs.store import RunStore
from gui.jobs.client import JobRunner
from gui.pages.compare.modules import ModulesView
from gui.settings.settings import Settings
from gui.widgets.bars import SHARE
from tests.engine.runs.records import put
from tests.helpers.profiles import FOUND, TWO_HALVES
from tests.helpers.window import ScriptedClient, finished

pytestmark = pytest.mark.usefixtures("styled")


@pytest.fixture
def view(qtbot: QtBot, jobs: JobRunner, settings: Settings) -> ModulesView:
    made = ModulesView(jobs, settings)
    qtbot.addWidget(made)
    made.resize(1200, 300)
    put(RunStore().root, "r1")
    made.set_candidates(("before", "r1"), "r1")
    made.show()
    return made


def _shown(view: ModulesView) -> list[list[str]]:
    table = view.view.model()
    return [
        [table.index(row, column).data() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def test_it_asks_and_shows_both_side_by_side(qtbot: QtBot, view: ModulesView, client: ScriptedClient) -> None:
    client.answer("modules", finished(**FOUND.model_dump(mode="json")))
    assert view.empty.button is not None
    qtbot.mouseClick(view.empty.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.found is not None)
    job = client.jobs[0]
    assert isinstance(job, ModulesJob)
    assert job.candidates == ("before", "r1")
    assert view.answer.text() == "before: most in “MLP”, 70.0 % · r1: most in “Attention”, 50.0 %"
    assert "before 10.0 ms instead of 4.00 ms" in view.told.text()
    assert "without guessing ahead" in view.told.text()
    assert [row[0] for row in _shown(view)] == ["Attention", "MLP", "Outside of all parts"]
    view.grouping.setCurrentIndex(view.grouping.findData("layer"))
    assert _shown(view)[1][:3:2] == ["Layer 1", "40.0 %"]
    assert _shown(view)[1][5] == "–"  # the other has no such layer
    view.grouping.setCurrentIndex(view.grouping.findData("part"))
    assert [row[0] for row in _shown(view)][:2] == ["Layer 0 · Attention", "Layer 0 · MLP"]
    view.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert _shown(view)[0][0] == "Layer 1 · MLP"


def test_bars_are_shares_of_the_own_model(view: ModulesView) -> None:
    view._show_found(FOUND)
    first, second = view.model.bars()
    shares = [[view.model.index(row, bar).data(SHARE) for bar in (first, second)] for row in range(3)]
    assert shares == [pytest.approx([2 / 7, 5 / 7]), pytest.approx([1, 2.5 / 7]), pytest.approx([1 / 7, 2.5 / 7])]
    assert "MatMulNBits: 2.00 ms" in view.model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)


def test_what_is_kept_is_shown_for_the_same_models_only(view: ModulesView) -> None:
    RunStore().save_profile("r1", FOUND.model_dump(mode="json"))
    view.set_candidates(("before", "r1", "another"), "r1")
    assert view.found == FOUND
    view.set_candidates(("other", "r1"), "r1")
    assert view.found is None
    assert view.empty.isVisible()


def test_it_can_be_cancelled_and_tells_what_went_wrong(
    qtbot: QtBot, view: ModulesView, client: ScriptedClient, jobs: JobRunner
) -> None:
    view.start()
    qtbot.waitUntil(lambda: jobs.current is not None)
    assert view.work.progress.isVisible()
    view.work.progress.cancel.click()
    assert view.empty.isVisible()
    client.answer("modules", Failed(failure=Failure.of(UserError("It does not tell.", "Choose another."))))
    view.start()
    qtbot.waitUntil(lambda: view.work.failure.failure is not None)
    assert view.work.failure.isVisible()


def test_encoder_and_decoder_stand_apart(view: ModulesView) -> None:
    view._show_found(TWO_HALVES)
    assert [row[0] for row in _shown(view)] == [
        "Encoder · MLP",
        "Decoder · Attention to the prompt",
        "Outside of all parts",
    ]
    assert view.answer.text() == "t5: most in “Encoder · MLP”, 50.0 %"
    assert view.told.text().startswith("t5: Encoder 50.0 %, Decoder 40.0 %.")
    view.grouping.setCurrentIndex(view.grouping.findData("layer"))
    assert [row[0] for row in _shown(view)][:2] == ["Encoder · Layer 0", "Decoder · Layer 0"]
