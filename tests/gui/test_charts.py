"""Charts: what they draw stands in their table too; live plotting costs no reference to None."""

from __future__ import annotations

import csv
import gc
import json
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from engine.compare.machines import read
from engine.compare.table import GridCell, Speedup, Verdict
from engine.export.figures import document
from engine.protocol.events import Token
from engine.protocol.measurement import Measurement
from gui.charts import catalog
from gui.charts.base import Chart, series_brush, series_colour, series_pen
from gui.charts.latency_distribution import LatencyDistributionChart
from gui.charts.latency_live import LatencyLiveChart
from gui.charts.length_grid import LengthGridChart, field_colour
from gui.charts.memory import MemoryChart
from gui.charts.quality_speed import Dot, QualitySpeedChart, pareto
from gui.charts.rate_live import RateLiveChart
from gui.pages.compare.machines import MachinesDialog, here
from gui.theme.theme import colour, theme
from tests.helpers import compared

pytestmark = pytest.mark.usefixtures("styled")


def _tokens(count: int, seconds: float = 0.02, start: int = 0) -> list[Token]:
    return [
        Token(candidate=c, prompt=0, index=i, token_id=i, text="a", seconds=seconds / (1 + c))
        for i in range(start, start + count)
        for c in (0, 1)
    ]


@pytest.mark.parametrize("name", catalog.ENTRIES)
def test_every_chart_has_a_name_and_a_table(qtbot: QtBot, name: str) -> None:
    chart = catalog.make(name, Chart)
    qtbot.addWidget(chart)
    chart.set_names(["before", "after"])
    assert chart.title
    assert chart.plot.getViewWidget().accessibleName() == chart.title
    chart.show_table(True)
    assert chart.table_shown
    assert len(chart.headers()) > 1
    for pen in (item.opts["pen"] for item in chart.plot.listDataItems()):
        assert pen.widthF() == 1


def test_live_charts_show_each_candidates_own_pace(qtbot: QtBot) -> None:
    latency, rate = LatencyLiveChart(), RateLiveChart()
    for chart in (latency, rate):
        qtbot.addWidget(chart)
        chart.set_names(["before", "after"])
        chart.add(_tokens(40))
    assert latency.headers() == ("token", "before", "after")
    assert latency.rows()[0] == ("39", "20.0 ms", "10.0 ms")  # the first token is the TTFT, not a latency
    assert rate.rows()[0] == ("39", "50.0 tokens/s", "100 tokens/s")
    latency.clear()
    assert latency.rows() == []


def test_distribution_draws_what_came_while_hidden(qtbot: QtBot) -> None:
    chart = LatencyDistributionChart()
    qtbot.addWidget(chart)
    chart.set_names(["before", "after"])
    chart.remember(_tokens(50))
    chart.show()
    assert [row[:4] for row in chart.rows()] == [
        ("before", "49", "20.0 ms", "20.0 ms"),
        ("after", "49", "10.0 ms", "10.0 ms"),
    ]
    assert all(curve.getData()[1][-1] == 100 for curve in chart._curves)


def test_memory_lists_every_bar(qtbot: QtBot) -> None:
    chart = MemoryChart()
    qtbot.addWidget(chart)
    chart.set_names(["before", "after"])
    chart.set_measurements(
        [[Measurement.exact("weight_bytes", 512 << 20)], [Measurement.exact("weight_bytes", 1 << 27)]]
    )
    assert chart.rows() == [("before", "weights", "512 MiB"), ("after", "weights", "128 MiB")]


def test_scatter_tells_which_run_was_clicked(qtbot: QtBot) -> None:
    chart = QualitySpeedChart()
    qtbot.addWidget(chart)
    chart.set_dots([Dot("a", "int8", 5.0, 0.97), Dot("b", "int4", 7.0, 0.9)])
    with qtbot.waitSignal(chart.picked) as caught:
        chart._on_clicked(None, chart._scatter.points()[1:])
    assert caught.args == ["b"]
    assert chart.rows() == [("int8", "×5.0", "97.0 %", "yes"), ("int4", "×7.0", "90.0 %", "yes")]


def test_pictures_and_numbers_can_be_saved(qtbot: QtBot, tmp_path: Path) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.set_names(["before", "after"])
    chart.add(_tokens(5))
    chart.save_picture(tmp_path / "chart.png")
    chart.save_picture(tmp_path / "chart.svg")
    chart.save_csv(tmp_path / "chart.csv")
    assert not QImage(str(tmp_path / "chart.png")).isNull()
    drawn = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert "Inter-token latency" in drawn
    assert drawn.count("polyline") >= 2  # lines, not pixels
    rows = list(csv.reader((tmp_path / "chart.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[:2] == [["token", "before [ms]", "after [ms]"], ["1", "20.0", "10.0"]]


def test_colours_follow_the_theme(qtbot: QtBot) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.add(_tokens(3))
    light = chart._curves[1].opts["pen"].color().name()
    theme().choose("dark")
    assert light != chart._curves[1].opts["pen"].color().name() == series_colour(1).name()


def test_live_plotting_keeps_the_count_of_none(qtbot: QtBot) -> None:
    """A Qt binding that loses references to None aborts a window after seconds of live plotting."""
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    chart.show()
    qtbot.waitExposed(chart)
    gc.collect()  # what earlier tests left holds None as well, and may go meanwhile
    before = sys.getrefcount(None)
    for step in range(60):
        chart.add(_tokens(20, start=20 * step))
        chart.grab()
    gc.collect()
    assert sys.getrefcount(None) > before - 200


def test_opened_large_a_chart_lives_on_and_returns(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    layout = QHBoxLayout(holder)
    chart, other = LatencyLiveChart(), RateLiveChart()
    layout.addWidget(chart)
    layout.addWidget(other)
    holder.show()

    def close() -> None:
        dialog = QApplication.activeModalWidget()
        assert dialog is chart.parentWidget()
        chart.add(_tokens(5))
        dialog.close()

    QTimer.singleShot(0, close)
    qtbot.mouseDClick(chart.plot.getViewWidget().viewport(), Qt.MouseButton.LeftButton)
    assert layout.indexOf(chart) == 0
    assert chart.isVisible()
    assert len(chart.rows()) == 4


def test_the_grid_of_lengths_tells_each_field(qtbot: QtBot) -> None:
    def cell(prompt: int, new: int, factor: float, verdict: Verdict) -> GridCell:
        ratio = Speedup(value=factor, low=factor * 0.9, high=factor * 1.1, confidence=0.99, rounds=6)
        return GridCell(
            candidate=1, prompt_tokens=prompt, new_tokens=new, batch=1, speedup=ratio, verdict=verdict,
            reference_seconds=factor, seconds=1.0,
        )  # fmt: skip

    chart = catalog.make("length_grid", LengthGridChart)
    qtbot.addWidget(chart)
    chart.set_names(("original", "small"))
    cells = [cell(32, 16, 2.0, "faster"), cell(128, 16, 0.5, "slower"), cell(32, 64, 1.01, "not_proven")]
    chart.set_cells(cells)
    assert chart.cell_at(0.5, 0.5) == cells[0]
    assert chart.cell_at(1.5, 0.5) == cells[1]
    assert chart.cell_at(0.2, 1.9) == cells[2]
    assert chart.cell_at(1.5, 1.5) is None
    assert "×2.0 (×1.8 to ×2.2, 99 % sure), 2.00 s → 1.00 s: faster" in chart.words(cells[0])
    assert [row[-1] for row in chart.rows()] == ["faster", "slower", "not proven"]
    assert field_colour(cells[0]) != field_colour(cells[1]) != field_colour(cells[2]) == colour("surface")
    chart.set_cells(())
    assert chart.cell_at(0.5, 0.5) is None


def _key(qtbot: QtBot, chart: Chart, *keys: Qt.Key) -> None:
    for key in keys:
        qtbot.keyClick(chart.plot.getViewWidget(), key)


def test_the_crosshair_reads_every_models_value(qtbot: QtBot) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.set_names(["before", "<after>"])
    chart.add(_tokens(40))
    chart.resize(500, 240)
    chart.show()
    place = chart.plot.vb.mapViewToScene(QPointF(10.2, 5))
    chart.plot.scene().sigMouseMoved.emit(place)
    shown = chart.crosshair.shown
    assert shown is not None
    assert shown.x == 10
    assert "token 10" in shown.text
    assert "before: 20.0 ms" in shown.text
    assert "&lt;after>: 10.0 ms" in shown.text
    chart.plot.scene().sigMouseMoved.emit(QPointF(-50, -50))
    assert chart.crosshair.shown is None


def test_keys_move_the_crosshair_zoom_and_show_all_again(qtbot: QtBot) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.add(_tokens(61))
    chart.resize(500, 240)
    chart.show()
    view = chart.plot.getViewWidget()
    _key(qtbot, chart, Qt.Key.Key_Right, Qt.Key.Key_Right)
    assert chart.crosshair.shown is not None
    first = chart.crosshair.shown.x
    assert "20.0 ms" in view.accessibleDescription()
    _key(qtbot, chart, Qt.Key.Key_Left)
    assert chart.crosshair.shown.x < first
    whole = chart.plot.viewRange()
    _key(qtbot, chart, Qt.Key.Key_Plus)
    assert chart.zoom.active
    zoomed = chart.plot.viewRange()
    assert zoomed[0][1] - zoomed[0][0] == pytest.approx((whole[0][1] - whole[0][0]) / 1.25)
    chart.add(_tokens(200, start=61))
    assert chart.plot.viewRange() == zoomed  # what arrives does not take away what the user looks at
    _key(qtbot, chart, Qt.Key.Key_0, Qt.Key.Key_Escape)
    assert not chart.zoom.active
    assert chart.plot.viewRange()[0][1] >= 260
    assert chart.crosshair.shown is None


def test_a_paused_chart_keeps_what_comes_and_draws_it_later(qtbot: QtBot) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.add(_tokens(10))
    _key(qtbot, chart, Qt.Key.Key_Space)
    assert chart.paused
    chart.add(_tokens(10, start=10))
    assert len(chart._curves[0].xData) == 9
    _key(qtbot, chart, Qt.Key.Key_Space)
    assert len(chart._curves[0].xData) == 19


def test_of_a_hundred_thousand_points_only_what_pixels_can_show_is_drawn(qtbot: QtBot) -> None:
    chart = LatencyLiveChart()
    qtbot.addWidget(chart)
    chart.resize(600, 240)
    chart.show()
    seconds = [0.01] * 100_000
    seconds[31_415] = 0.5
    chart.add(Token(candidate=0, prompt=0, index=i + 1, token_id=0, text="", seconds=s) for i, s in enumerate(seconds))
    curve = chart._curves[0]
    assert len(curve.getData()[0]) <= 3 * 400  # the latest, clipped to the view
    chart.plot.vb.setLimits(yMax=1000)
    chart.plot.setXRange(0, 100_000, padding=0)
    drawn = curve.getData()
    assert len(drawn[0]) < 3 * chart.width()
    assert drawn[1].max() == 500  # thinning out keeps the peaks
    assert chart.figures()[1][31_415] == [31_416, 500.0]


def test_the_front_joins_runs_that_none_beats_in_both(qtbot: QtBot) -> None:
    dots = [Dot("a", "a", 2, 0.99), Dot("b", "b", 3, 0.98), Dot("c", "c", 2.5, 0.9), Dot("d", "d", 3, 0.9)]
    assert [dot.key for dot in pareto(dots)] == ["a", "b"]
    assert pareto([dots[0], dots[0]]) == (dots[0], dots[0])
    chart = QualitySpeedChart()
    qtbot.addWidget(chart)
    chart.resize(500, 300)
    chart.set_dots(dots)
    chart.show()
    _key(qtbot, chart, Qt.Key.Key_Right)
    assert chart.crosshair.shown is not None
    assert "no run is better in both" in chart.crosshair.shown.text
    with qtbot.waitSignal(chart.picked) as caught:
        _key(qtbot, chart, Qt.Key.Key_Return)
    assert caught.args == ["a"]


def test_memory_over_time_is_drawn_and_read_off(qtbot: QtBot) -> None:
    chart = MemoryChart()
    qtbot.addWidget(chart)
    chart.set_names(["before", "after"])
    assert chart.mode.isHidden()
    chart.set_traces([[(0.0, 1 << 20), (1.0, 3 << 20)], [(0.0, 1 << 20), (2.0, 2 << 20)]])
    assert not chart.mode.isHidden()
    chart.mode.setCurrentIndex(1)
    assert len(chart.plot.listDataItems()) == 2
    found = chart.reading(0.9, 0)
    assert found is not None
    assert "before: 3.00 MiB" in found.text
    assert chart.rows()[1] == ("before", "1.00 s", "3.00 MiB")
    chart.set_traces(())
    assert chart.mode.isHidden()
    assert chart.rows() == []


def test_candidates_differ_in_more_than_colour() -> None:
    pens = {tuple(series_pen(place).dashPattern()) for place in range(4)}
    assert len(pens) == 4
    assert len({series_brush(place).style() for place in range(4)}) == 4


def test_machines_stand_side_by_side_without_a_verdict(qtbot: QtBot, tmp_path: Path) -> None:
    laptop = tmp_path / "laptop.json"
    slower = compared.comparison({"cpu": "Core i5", "threads": 2}, fast=20.0)
    laptop.write_text(json.dumps(document(compared.record(), slower)), encoding="utf-8")
    own = here(compared.record(), compared.comparison(), "this machine")
    dialog = MachinesDialog([own, read(laptop)])
    qtbot.addWidget(dialog)
    shown = [[dialog.measurements.index(r, c).data() for c in range(4)] for r in range(4)]
    assert ["Generation speed", "fast (int4)", "100 ± 10 tokens/s", "50.0 ± 5.0 tokens/s"] in shown
    assert dialog.conditions.index(0, 2).data() == "Core i5"
    found = dialog.chart.reading(0, dialog.chart.stops()[1][1])
    assert found is not None
    assert "fast (int4), this machine<br>100 ± 10 tokens/s" in found.text
    (tmp_path / "broken.json").write_text("{")
    dialog.add([tmp_path / "broken.json"])
    assert not dialog.card.isHidden()
    assert len(dialog.machines) == 2
    dialog.add([laptop])
    assert dialog.measurements.columnCount() == 5


def test_zooming_out_of_the_whole_chooses_nothing(qtbot: QtBot) -> None:
    chart = MemoryChart()
    qtbot.addWidget(chart)
    chart.set_measurements([[Measurement.exact("weight_bytes", 512 << 20)]])
    chart.zoom.by(1 / 2)
    assert not chart.zoom.active
    chart.zoom.by(2)
    assert chart.zoom.active
    chart.zoom.by(1 / 4)
    assert not chart.zoom.active
