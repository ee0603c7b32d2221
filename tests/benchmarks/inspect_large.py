"""Inspecting a 13 GB checkpoint must take under a second and under 150 MB, a fresh process included.

Run it by hand: python -m pytest tests/benchmarks/inspect_large.py -m benchmark -s
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.sparse import sparse_checkpoint

_PROGRAM = """
import resource, sys, time
began = time.perf_counter()
from engine.checkpoint.inspect import inspect
from engine.checkpoint.tree import tree
info = inspect(sys.argv[1])
tree(info)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(time.perf_counter() - began, peak, info.bytes)
"""


@pytest.mark.benchmark
@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read through getrusage")
def test_inspect_large(tmp_path: Path) -> None:
    folder = sparse_checkpoint(tmp_path / "large", layers=32)
    seconds, peaks = [], []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder)], capture_output=True, text=True, check=True)
        second, peak, size = map(float, done.stdout.split())
        assert size > 13e9
        seconds.append(second)
        peaks.append(peak)
    print(f"\ninspect of {size / 1e9:.1f} GB: {max(seconds):.3f} s at most, {max(peaks) / 1e6:.0f} MB at peak (5 runs)")
    assert max(seconds) < 1.0
    assert max(peaks) < 150e6
