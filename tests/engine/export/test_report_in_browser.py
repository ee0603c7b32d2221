"""The report as a browser shows it: every chart is drawn, and the table says what the JSON says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.compare.format import format_measurement
from engine.compare.table import Answer, AnswerToken, Candidate, Comparison
from engine.export.figures import document
from engine.export.report import page
from engine.export.report_charts import COLOURS
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Recipe
from engine.runs.record import RunRecord

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BROWSER, reason="Chromium is not installed")]


def _candidate(name: str, milliseconds: float) -> Candidate:
    speed = 1e3 / milliseconds
    measured = Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher", value=speed, low=0.9 * speed, high=1.1 * speed,
        samples=7,
    )  # fmt: skip
    tokens = tuple(AnswerToken(id=1, text="a", seconds=1e-3 * milliseconds * (1 + at % 5 / 10)) for at in range(60))
    return Candidate(
        name=name, reference="/home/somebody/model", runtime="onnxruntime", device="cpu",
        measurements=(measured, Measurement.exact("weight_bytes", 123 << 20)),
        answers=(Answer(prompt="Say a", text="a" * 60, tokens=tokens),),
    )  # fmt: skip


class _Cells(HTMLParser):
    """The texts of the cells of numbers, without the small print in them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = self._small = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td" and ("class", "number") in attrs:
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

    run = RunRecord(
        id="20260101-000000-0000", created="2026-01-01T00:00:00", name="Small", checkpoint="/home/somebody/model",
        checkpoint_name="model", fingerprint="f", recipe=Recipe(), stages=(), task="text-generation", weight_bytes=1,
        size_before=1, size_after=1, engine="0.1.0",
    )  # fmt: skip
    comparison = Comparison(
        verdict="faster", verdict_text="×4 faster", prompts=("Say a",),
        candidates=(_candidate("original", 40.0), _candidate("fast", 10.0)),
    )  # fmt: skip
    html, picture = tmp_path / "report.html", tmp_path / "report.png"
    html.write_text(page(run, comparison), encoding="utf-8")
    said = json.loads(json.dumps(document(run, comparison)))
    assert "/home/somebody" not in json.dumps(said)

    shown = _Cells()
    shown.feed(_browse(html, "--dump-dom").decode())
    measured = [[Measurement.model_validate(m) for m in c["measurements"]] for c in said["comparison"]["candidates"]]
    assert shown.texts == [
        " ".join(format_measurement(m)).strip() for pair in zip(*measured, strict=True) for m in pair
    ]

    _browse(html, f"--screenshot={picture}")
    image = QImage(str(picture))
    figures = len(re.findall("<figure>", html.read_text(encoding="utf-8")))
    for colour in COLOURS[:2]:
        wanted = QColor(colour).rgb()
        rows = [y for y in range(image.height()) if any(image.pixel(x, y) == wanted for x in range(image.width()))]
        # a line in each figure, and the square in its legend: groups of rows with nothing of the colour between them
        groups = sum(1 for before, y in zip([-99, *rows], rows, strict=False) if y - before > 12)
        assert groups >= 2 * figures, (colour, groups)
