"""Models over the engine's data."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from engine.protocol.events import Progress, StageChanged, Started
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Recipe
from gui.item_models import measurements
from gui.item_models.rows import RowsModel
from gui.item_models.runs import recipe_line
from gui.item_models.stages import StagesModel, detail, fact, timing


def _rate(value: float, spread: float) -> Measurement:
    return Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher",
        value=value, low=value - spread, high=value + spread, samples=7,
    )  # fmt: skip


def test_stages_follow_the_run(qapp: object) -> None:
    model = StagesModel()
    model.apply([Started(stages=("Quantize", "Build for ONNX Runtime"))])
    model.apply([StageChanged(index=0, name="Quantize", state="running")])
    model.apply([Progress(stage=0, done=3, total=12, text="layer 3", eta_seconds=9.0)])
    assert (detail(model.rows[0]), timing(model.rows[0])) == ("layer 3", "25 % · about 9 s left")
    model.apply(
        [StageChanged(index=0, name="Quantize", state="done", seconds=1.5, bytes=1 << 20, facts={"layers": 12})]
    )
    assert (detail(model.rows[0]), timing(model.rows[0])) == ("1.00 MiB · layers 12", "1.50 s")
    model.apply([StageChanged(index=1, name="Build for ONNX Runtime", state="running")])
    model.stop("stopped")
    assert [row.state for row in model.rows] == ["done", "stopped"]
    assert model.done == 1


def test_a_stage_repaints_once_a_batch(qapp: object) -> None:
    model = StagesModel()
    model.expect(["Quantize"])
    painted: list[int] = []
    model.dataChanged.connect(lambda index, _: painted.append(index.row()))
    model.apply([Progress(stage=0, done=n, total=100) for n in range(50)])
    assert painted == [0]


def test_measurements_show_spread_and_change(qapp: object) -> None:
    rows = measurements.rows_of([[_rate(100, 3)], [_rate(210, 4)]])
    model = RowsModel(measurements.columns(["before", "after"]), rows)
    cells = [model.index(0, column).data() for column in range(4)]
    assert cells == ["Generation speed", "100 ± 3 tokens/s", "210 ± 4 tokens/s", "×2.1"]
    assert model.index(0, 3).data(Qt.ItemDataRole.ToolTipRole) == "better"
    assert "7 samples" in model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (_rate(101, 3), "no clear difference: the intervals overlap"),
        (_rate(80, 3), "worse"),
        (_rate(100, 3), "the same"),
    ],
)
def test_a_change_is_said_in_words(qapp: object, other: Measurement, words: str) -> None:
    row = measurements.rows_of([[_rate(100, 3)], [other]])[0]
    assert measurements.change_words(row) == words


def test_a_recipe_in_one_line(qapp: object) -> None:
    recipe = Recipe.parse({"passes": [{"pass": "quantize"}, {"pass": "mixed_precision", "enabled": False}]})
    assert recipe_line(recipe) == "int8 / 32 → Transformers"


def test_what_a_stage_found_has_name_and_unit(qapp: object) -> None:
    assert fact("kl_divergence_nats", 0.002831) == "KL divergence 0.00283 nats"
    assert fact("cosine", 0.99962) == "cosine 0.9996"
    assert fact("layers rounded", 210) == "layers rounded 210"
    assert fact("relative error", 2.794e-06) == "relative error 2.79e−06"
