"""The report as a browser shows it: every chart is drawn, and the table says what the JSON says."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.compare.format import factor_interval, format_measurement, format_seconds
from engine.compare.table import GridCell
from engine.export import pdf
from engine.export.base import ExportContext
from engine.export.figures import document
from engine.export.report import page
from engine.export.report_charts import COLOURS
from engine.protocol.measurement import Measurement
from tests.helpers import compared
from tests.helpers.compared import compared_run, record

BROWSER = pdf.browser() or ""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BROWSER, reason="Chromium is not installed")]


class _Cells(HTMLParser):
    """The texts of the cells of numbers, without the small print in them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = self._small = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td" and "number" in str(dict(attrs).get("class")):
            self._inside = True
            self.texts.append("")
        self._small = self._small or tag == "small"

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "td"
        self._small = self._small and tag != "small"

    def handle_data(self, data: str) -> None:
        if self._inside and not self._small:
            self.texts[-1] += data


def _browse(html: Path, *asked: str) -> bytes:
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={html.parent / 'profile'}",
        "--window-size=900,2400", *asked, html.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def test_a_browser_draws_every_chart_and_shows_the_numbers_of_the_json(tmp_path: Path) -> None:
    from PySide6.QtGui import QColor, QImage

    run, comparison = record(), compared.comparison()
    html, picture = tmp_path / "report.html", tmp_path / "report.png"
    html.write_text(page(run, comparison), encoding="utf-8")
    said = json.loads(json.dumps(document(run, comparison)))
    assert "/home/somebody" not in json.dumps(said)

    shown = _Cells()
    shown.feed(_browse(html, "--dump-dom").decode())
    measured = [[Measurement.model_validate(m) for m in c["measurements"]] for c in said["comparison"]["candidates"]]
    second = [[Measurement.model_validate(m) for m in c["second"]] for c in said["comparison"]["candidates"]]
    expected = [
        " ".join(format_measurement(m)).strip()
        for lists in (measured, second)
        for pair in zip(*lists, strict=True)
        for m in pair
    ]
    assert shown.texts[: len(expected)] == expected
    cells = [GridCell.model_validate(cell) for cell in said["comparison"]["grid"]]
    for place, c in enumerate(cells):
        factor = "×{} ({}–{})".format(*factor_interval(c.speedup.value, c.speedup.low, c.speedup.high))
        shape, times = (c.prompt_tokens, c.new_tokens, c.batch), (c.reference_seconds, c.seconds)
        row = [*map(str, shape), *map(format_seconds, times), factor]
        assert shown.texts[len(expected) :][6 * place : 6 * place + 6] == row
    assert len(shown.texts) == len(expected) + 6 * len(cells)

    _browse(html, f"--screenshot={picture}")
    image = QImage(str(picture))
    figures = len(re.findall("<figure><figcaption>[^<]* <span><svg", html.read_text(encoding="utf-8")))
    assert figures == 3
    for colour in COLOURS[:2]:
        wanted = QColor(colour).rgb()
        rows = [y for y in range(image.height()) if any(image.pixel(x, y) == wanted for x in range(image.width()))]
        # a line in each figure, and one in its legend: groups of rows with nothing of the colour between them
        groups = sum(1 for before, y in zip([-99, *rows], rows, strict=False) if y - before > 12)
        assert groups >= 2 * figures, (colour, groups)


def test_the_same_pages_are_printed_as_lines(tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    pdf.write(ExportContext(step=lambda *_: None, notice=print, run=compared_run(), destination=out))
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert b"/Subtype /Image" not in data
    assert b"/FontFile" in data  # it looks the same where the reader lacks the fonts
