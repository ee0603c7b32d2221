"""A model that Hasten built, opened as any program would: engine.runtimes.open.open_session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.bench.memory_probe import peak_rss_bytes
from engine.runtimes.open import open_session
from tests.benchmarks.peers.child import serve


class HastenModel:
    """The artefact in `folder` on `threads` threads."""

    packages = ("hasten", "torch", "transformers", "onnxruntime")
    peak_rss_bytes = staticmethod(peak_rss_bytes)

    def __init__(self, folder: str, threads: int) -> None:
        self._session = open_session(Path(folder), threads=threads)
        self.weight_bytes = self._session.weight_bytes

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily."""
        for step in self._session.generate(np.asarray(ids, np.int64), new, stop_at_eos=False):
            yield step.token_id

    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position, float32 [T, V]."""
        return self._session.logits(np.asarray([ids], np.int64))[0]


if __name__ == "__main__":
    serve(HastenModel)
