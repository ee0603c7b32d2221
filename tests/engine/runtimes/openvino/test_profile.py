"""Time of nodes by OpenVINO's counters; tests/engine/bench/test_module_profiler.py measures whole models."""

from __future__ import annotations

import pytest

from engine.compare.modules import Place

profile = pytest.importorskip("engine.runtimes.openvino.profile")


class Half:
    """Stands for the nodes of one half of an encoder-decoder."""

    def __init__(self, **seconds: float) -> None:
        self._spent = {(Place(kind=kind), "MatMul"): value for kind, value in seconds.items()}

    def spent(self) -> dict[tuple[Place, str], float]:
        return self._spent


def test_what_both_halves_compute_for_one_part_is_summed() -> None:
    profiled = object.__new__(profile._OpenVinoProfiled)
    profiled._requests, profiled._nodes = [Half(mlp=8.0, cross=4.0), Half(cross=2.0)], []
    profiled._end()
    (found,) = profiled._collect()
    assert {place.kind: seconds * profiled.together for (place, _), seconds in found.items()} == {"mlp": 8, "cross": 6}
