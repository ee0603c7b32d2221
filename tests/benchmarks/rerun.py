"""Changing only the last pass must re-run in at most a quarter of the whole recipe's time (sample model, warm worker).

Run it by hand: python -m pytest tests/benchmarks/rerun.py -m benchmark -s
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from engine import paths
from engine.protocol.job import RunJob
from engine.recipe import overrides
from engine.recipe.recipe import Recipe
from tests.helpers.jobs import Desk

BUDGET = 0.25
RECIPE = Recipe.parse({"passes": [{"pass": "prune_depth"}, {"pass": "prune_magnitude"}, {"pass": "quantize"}]})
CHANGED = overrides.apply(RECIPE, ["quantize.bits=4"])


def _seconds(desk: Desk, checkpoint: Path, recipe: Recipe) -> float:
    began = time.perf_counter()
    desk.run(RunJob(checkpoint=str(checkpoint), recipe=recipe))
    return time.perf_counter() - began


@pytest.mark.benchmark
@pytest.mark.timeout(3600)
def test_rerun(sample: Path) -> None:
    desk = Desk()
    _seconds(desk, sample, RECIPE)  # warm: libraries loaded, files in the page cache
    for folder in (paths.stages(), paths.artefacts()):
        shutil.rmtree(folder)
    whole = _seconds(desk, sample, RECIPE)
    again = _seconds(desk, sample, CHANGED)
    print(f"\nwhole recipe {whole:.2f} s, last pass changed {again:.2f} s: {again / whole:.3f} of it")
    assert again <= BUDGET * whole
