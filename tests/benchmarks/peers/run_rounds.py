"""A model that Hasten built, timed by Hasten itself: what `hasten compare` would say of it."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from engine.bench.runner import time_answers
from tests.benchmarks.peers.child import serve
from tests.benchmarks.peers.run_hasten import HastenModel


class TimedModel(HastenModel):
    """The same model, with a benchmark."""

    def benchmark(self, prompts: list[list[int]], new: int) -> dict[str, float]:
        """Seconds to the first token, and a token after it, over one round a prompt."""
        ids = [np.asarray(prompt, np.int64) for prompt in prompts]
        (rounds,) = time_answers([self._session], [ids], new, lambda: None)
        return {
            "first": statistics.fmean(r.first_seconds for r in rounds),
            "token": sum(sum(r.next_seconds) for r in rounds) / sum(len(r.next_seconds) for r in rounds),
        }

    def likelihoods(self, ids: list[int]) -> dict[str, Any]:
        """−ln p of every token of `ids` [T] after the first, nats."""
        from engine.metrics.logits import negative_log_likelihood

        window = np.asarray(ids, np.int64)
        return {"nll": negative_log_likelihood(self.logits(ids[:-1]), window[1:]).tolist()}


if __name__ == "__main__":
    serve(TimedModel)
