"""What candidates are observed at in processes of their own: their memory, and how fast all their copies are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine import intel
from engine.bench.candidates import Open
from engine.bench.memory import probe
from engine.bench.workload import Workload
from engine.metrics.base import Observed
from engine.parallel.placement import suggested_threads
from engine.parallel.replicas import measure_replicas
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob

# Throughput of several copies: answers a round for each copy, and rounds.
REQUESTS_PER_COPY, REPLICA_ROUNDS = 4, 5


@dataclass(frozen=True)
class Apart:
    """What both have in common.

    Attributes:
        opened: the candidates, which stay open meanwhile.
        prompt_tokens: length of a prompt.
        new_tokens: length of an answer, 0 for encoders.
        check: raises Cancelled.
        tell: told how many candidates are done, of how many, and what is done now.
        note: told what a reader of the figures should know.
    """

    job: CompareJob
    opened: Sequence[Open]
    prompt_tokens: int
    new_tokens: int
    check: Callable[[], None]
    tell: Callable[[int, int, str], None]
    note: Callable[[str], None]

    def memory(self, observed: Sequence[Observed]) -> list[Observed]:
        """`observed` with peaks; one that could not be measured is noted and stays as it is."""
        found = []
        for candidate, one in self._each(observed, lambda candidate: f"Measuring the memory of {candidate.place.name}"):
            try:
                peaks = probe(
                    candidate.place.folder,
                    threads=self.job.threads,
                    device=candidate.session.device,
                    prompt_tokens=self.prompt_tokens,
                    new_tokens=self.new_tokens or 1,
                    check=self.check,
                )
            except UserError as error:  # the rest of the comparison stands without it
                self.note(f"The memory of {candidate.place.name} could not be measured: {error.cause}")
                found.append(one)
                continue
            if candidate.session.device in intel.PLUGINS:
                self.note(
                    f"Memory on Intel's GPU or NPU is not measured: of {candidate.place.name} only what lies beside it."
                )
            shape = {
                "process": "fresh, opened and used once",
                "prompt_tokens": self.prompt_tokens,
                "new_tokens": self.new_tokens,
                "threads": threads_of(self.job, candidate),
            }
            found.append(replace(one, peaks=peaks, conditions={**one.conditions, "memory": shape}))
        return found

    def replicas(self, observed: Sequence[Observed], workload: Workload) -> list[Observed]:
        """`observed` with the rate of all copies of each candidate together."""
        most = max(candidate.place.target.replicas for candidate in self.opened)
        found = []
        for index, (candidate, one) in enumerate(self._each(observed, _timing_copies)):
            rate = measure_replicas(
                candidate.place.folder,
                candidate.place.target.model_copy(update={"device": candidate.session.device}),
                workload.prompts(index, REQUESTS_PER_COPY * most),
                self.new_tokens or 1,
                rounds=min(self.job.rounds or REPLICA_ROUNDS, REPLICA_ROUNDS),
                threads=self.job.threads,
                check=self.check,
            )
            found.append(
                replace(one, rates=rate.values, conditions={**one.conditions, "replicas": dict(rate.conditions)})
            )
        return found

    def _each(self, observed: Sequence[Observed], text: Callable[[Open], str]) -> Iterator[tuple[Open, Observed]]:
        for index, (candidate, one) in enumerate(zip(self.opened, observed, strict=True)):
            self.tell(index, len(observed), text(candidate))
            yield candidate, one


def threads_of(job: CompareJob, candidate: Open) -> int:
    """How many threads `candidate` computes with."""
    target = candidate.place.target
    return job.threads or target.threads or suggested_threads(target.replicas, target.runtime)


def _timing_copies(candidate: Open) -> str:
    count = candidate.place.target.replicas
    return f"Timing {f'{count} copies' if count > 1 else 'one copy'} of {candidate.place.name}"
