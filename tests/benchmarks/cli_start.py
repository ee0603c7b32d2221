"""`hasten --help` must answer within 0.3 s more than importing typer takes.

Run it by hand: python -m pytest tests/benchmarks/cli_start.py -m benchmark -s
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.benchmark

BUDGET_SECONDS = 0.3
ROUNDS = 15


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def test_help_is_quick() -> None:
    pairs = [(_seconds("-c", "import typer"), _seconds("-m", "engine.cli", "--help")) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import typer {bare:.3f} s, hasten --help {ours:.3f} s")
    assert ours - bare < BUDGET_SECONDS
