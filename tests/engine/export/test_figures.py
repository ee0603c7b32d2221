from __future__ import annotations

import csv
from pathlib import Path

from engine.export.base import ExportContext
from engine.export.figures import write_csv
from tests.helpers.compared import GRID, compared_run


def test_the_table_has_the_second_text_and_the_shapes_of_requests(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    write_csv(ExportContext(step=lambda *_: None, notice=print, run=compared_run(), destination=out))
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    second = [row for row in rows if row["text"] == "code.txt"]
    assert [(row["model"], row["measurement"]) for row in second] == [
        ("original", "weight_bytes"), ("fast (int4)", "weight_bytes"),
    ]  # fmt: skip
    shapes = [row for row in rows if row["measurement"] == "request_speedup"]
    assert [(int(r["prompt_tokens"]), int(r["new_tokens"]), int(r["batch"]), float(r["value"])) for r in shapes] == [
        (c.prompt_tokens, c.new_tokens, c.batch, c.speedup.value) for c in GRID
    ]
    assert {(row["confidence"], row["samples"]) for row in shapes} == {("0.99", "6")}
