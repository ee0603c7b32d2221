"""python -m tests.benchmarks.peers.make_original GGUF FOLDER: the checkpoint that every candidate is made from."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.checkpoint.gguf import convert
from engine.runtimes.open import SILENT

if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), SILENT)
