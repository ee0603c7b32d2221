from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench.statistics import speedup
from engine.compare.graph import FILE, GraphReport, OperatorCount
from engine.compare.reasons import Known, known_of, likely_reason

MIB = 1 << 20
SLOWER = speedup([1.0, 1.01, 0.99], [1.5, 1.51, 1.49])
EVEN = speedup([1.0, 1.01, 0.99], [1.0, 1.0, 1.01])
UNSHARP = speedup([1.0, 2.0, 0.5], [1.0, 0.9, 0.6])
ORIGINAL = Known(400 * MIB, 400 * MIB, 20.0)


def test_a_format_without_a_kernel_shows_by_what_disk_and_memory_hold() -> None:
    packed = Known(400 * MIB, 100 * MIB, 15.0)
    assert "no kernel for this format: 100 MiB on disk become 400 MiB" in likely_reason(ORIGINAL, packed, SLOWER, None)


def test_unpacking_that_is_left_in_the_graph_is_named() -> None:
    nodes = (OperatorCount(operator="DequantizeLinear", before=9, after=7, fused=False),)
    graph = GraphReport(
        compiler="c", nodes_before=9, nodes_after=9, operators=nodes, folded=0, precisions={}, providers={}
    )
    unpacked = Known(100 * MIB, 100 * MIB, 15.0, graph)
    assert "7 DequantizeLinear nodes" in likely_reason(ORIGINAL, unpacked, SLOWER, None)


def test_weights_that_fit_the_cache_gain_little() -> None:
    small, smaller = Known(2 * MIB, 2 * MIB, 500.0), Known(MIB, MIB, 500.0)
    assert "(2.00 MiB) fit in the processor's cache (32.0 MiB)" in likely_reason(small, smaller, EVEN, 32 * MIB)
    assert "cache" not in likely_reason(small, smaller, EVEN, None)


def test_a_slow_rate_of_reading_points_at_unpacking_only_where_numbers_are_small() -> None:
    plain = likely_reason(ORIGINAL, Known(100 * MIB, 100 * MIB, 15.0), SLOWER, 32 * MIB)
    assert "at 18.8 % of the original's rate (1.46 GiB/s)" in plain
    assert "unpacking" not in plain
    graph = GraphReport(
        compiler="c", nodes_before=1, nodes_after=1, operators=(), folded=0, precisions={"int4": 9}, providers={}
    )
    assert "unpacking" in likely_reason(ORIGINAL, Known(100 * MIB, 100 * MIB, 15.0, graph), SLOWER, 32 * MIB)


@pytest.mark.parametrize(
    ("candidate", "ratio"),
    [
        (Known(400 * MIB, 400 * MIB, 15.0), SLOWER),  # not smaller
        (Known(100 * MIB, 100 * MIB, 15.0), UNSHARP),  # it may be faster
        (Known(100 * MIB, 100 * MIB, 80.0), speedup([1.0, 1.01, 0.99], [0.2, 0.21, 0.2])),  # it is
        (Known(320 * MIB, 320 * MIB, 20.0), EVEN),  # nothing is known
    ],
)
def test_no_reason_is_given_where_none_is_known(candidate: Known, ratio: object) -> None:
    assert likely_reason(ORIGINAL, candidate, ratio, 32 * MIB) == ""  # type: ignore[arg-type]


def test_facts_are_read_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x" * 10)
    (tmp_path / "model.onnx.data").write_bytes(b"x" * 90)
    (tmp_path / "tokenizer.json").write_bytes(b"x" * 1000)
    (tmp_path / FILE).write_text("{")
    assert known_of(tmp_path, 100, 1.0) == Known(100, 100, 1.0)
