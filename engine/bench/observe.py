"""Everything a comparison observes, part by part, with progress, running figures and cancellation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine import settings
from engine.bench import texts
from engine.bench.answers import answer_together
from engine.bench.candidates import Open
from engine.bench.conditions import BUSY_PERCENT
from engine.bench.disturbance import Watch
from engine.bench.energy import EnergyMeter, gpu_joules
from engine.bench.grid import shapes_of, time_grid
from engine.bench.observe_apart import Apart, threads_of
from engine.bench.observe_load import observe_load
from engine.bench.observe_quality import QualityObserver
from engine.bench.observe_tasks import TaskObserver
from engine.bench.pausing import MOST, Pauses
from engine.bench.runner import REQUESTS_PER_ROUND, time_answers, time_requests
from engine.bench.stopping import Stopping
from engine.bench.views import with_views
from engine.bench.warm_up import WarmUp
from engine.bench.workload import Workload
from engine.catalogue import load
from engine.compare.conditions import ENDED, NOT_MEASURED
from engine.compare.deadline import judge_deadline
from engine.compare.table import Answer, AnswerDiff, Conditions, Deadline, GridCell
from engine.jobs.base import JobContext
from engine.metrics.base import DECODERS, DecodeRound, Observed, RequestRound
from engine.metrics.catalog import all_metrics
from engine.parallel.placement import usable_cpus
from engine.protocol.events import Measured, Token
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids, TextBatch

# From this share of the time on a reader is told that models waited for a processor.
WAITED = 0.05
# Shown as running figures while rounds are timed.
_LIVE = ("decode_tokens_per_second", "ttft_seconds", "request_seconds")


class Observer:
    """Observes the open candidates of one comparison job; the first is the reference.

    Attributes:
        same_tokens: all candidates use the same vocabulary.
        notices: sentences about what could not be measured as asked.
        shape: how a round was timed, for the comparison's conditions.
        stopping: when the rounds end, and how sure the ratio is then.
        judged: observes quality, and keeps what it saw case by case.
        doing: observes the user's own tasks, and keeps every answer.
    """

    def __init__(self, job: CompareJob, context: JobContext, opened: Sequence[Open], same_tokens: bool) -> None:
        self.same_tokens = same_tokens
        self.notices: list[str] = []
        self._pauses = Pauses(
            MOST * job.seconds if job.pause else 0.0, lambda text: self._tell(0, 0, text, unit="pause"), context.notice
        )
        self.stopping = Stopping(job.rounds, job.seconds, self._pauses.clock)
        self._job, self._context, self._opened = job, context, opened
        self._sessions = [candidate.session for candidate in opened]
        self._tokenizers = [candidate.tokenizer for candidate in opened]
        for candidate in opened:
            if candidate.session.remark:
                self.notices.append(f"{candidate.place.name}: {candidate.session.remark}")
        self._context_length = min(session.context_length for session in self._sessions)
        self._new = max(2, min(job.new_tokens, self._context_length // 2)) if self._decoder else 0
        self._prompt = max(1, min(job.prompt_tokens, self._context_length - self._new))
        if self._prompt < job.prompt_tokens or (self._decoder and self._new < job.new_tokens):
            shape = f"{self._prompt} prompt and {self._new} new tokens" if self._decoder else f"texts of {self._prompt}"
            self._note(f"The models hold {self._context_length} tokens, so a timing round has {shape}.")
        self.workload = Workload(job, opened, self._context_length, self._prompt, self._new, self._note)
        self._grid = job.grid if self._decoder and len(opened) > 1 else None
        self.judged = QualityObserver(
            job, opened, self._context_length, self._new, self._progress, self._note, same_tokens
        )
        self.doing = TaskObserver(
            job, opened, self._context_length, self.workload.asked, context.check, self._progress, self._note
        )
        self._read: list[list[Ids]] = [[] for _ in opened]  # per candidate, per prompt: what its answer goes on from
        second = bool(job.second_text) and job.quality and self.judged.comparable
        parts = (
            self._decoder, True, job.clients is not None, self._grid is not None, self._most_copies > 1, job.quality,
            second, bool(job.questions), bool(job.pairs), bool(job.harness), job.memory,
        )  # fmt: skip
        self._step, self._steps = 0, sum(parts)
        threads = list(dict.fromkeys(threads_of(self._job, candidate) for candidate in opened))
        self.shape: Conditions = {
            "threads": threads[0] if len(threads) == 1 else ", ".join(str(threads_of(job, c)) for c in opened),
            "batch": 1,
            "prompt_tokens": self.workload.prompt_tokens,
        }
        if self._decoder:
            self.shape["new_tokens"] = self._new
        else:
            self.shape["requests_per_round"] = REQUESTS_PER_ROUND

    def seconds(self, observed: Observed) -> list[float]:
        """What the verdict stands on, one value a round."""
        return seconds_of(observed, without_waiting=self._alike)

    @property
    def _alike(self) -> bool:
        """All candidates compute on the same runtime with as many threads, and not more than there are processors: so
        what they wait for is others' doing, and known of all to the same extent."""
        ways = {(candidate.session.runtime, threads_of(self._job, candidate)) for candidate in self._opened}
        return len(ways) == 1 and max(threads for _, threads in ways) <= len(usable_cpus())

    @property
    def disturbed(self) -> bool:
        """Whether other programs used much of the processors during the timing."""
        return float(self.shape.get("others_percent") or 0.0) > BUSY_PERCENT

    @property
    def _decoder(self) -> bool:
        return self._sessions[0].task in DECODERS

    @property
    def _both(self) -> bool:
        """The candidates are encoder-decoders."""
        return self._sessions[0].task == "text2text-generation"

    @property
    def _most_copies(self) -> int:
        return max(candidate.place.target.replicas for candidate in self._opened)

    def answers(self, prompts: Sequence[str]) -> list[list[Answer]]:
        """Every candidate's answer to every prompt, streamed token by token: one list per candidate."""
        self._step += 1
        found: list[list[Answer]] = [[] for _ in self._opened]
        for index, text in enumerate(prompts):
            self._tell(index, len(prompts), "Answering the prompts", unit="prompt")
            ids = self.workload.asked(text, f"Prompt {index + 1}", self._new)
            made = answer_together(
                self._sessions, self._tokenizers, ids, self._new, self._emit, self._context.check,
                prompt=index, text=text,
            )  # fmt: skip
            for own, read, answer, prompt in zip(found, self._read, made, ids, strict=True):
                own.append(answer)
                read.append(prompt)
        return found

    def seen(self, diffs: Sequence[AnswerDiff], answers: list[list[Answer]]) -> tuple[AnswerDiff, ...]:
        """`diffs` with every token of the answers as both models see it, where they share a vocabulary."""
        if not diffs or not self.same_tokens:
            return tuple(diffs)
        progress = self._progress("Reading each other's answers", "answer")
        return with_views(diffs, answers, self._read, self._sessions, self._tokenizers, progress)

    def parted(
        self, observed: list[Observed], diffs: Sequence[AnswerDiff], answers: list[list[Answer]]
    ) -> list[Observed]:
        """`observed` with how many tokens each answer shares with the reference's before the first other one."""
        found = [observed[0]] if observed else []
        for index, one in enumerate(observed[1:], 1):
            own = [diff for diff in diffs if diff.candidate == index]
            positions = [
                len(answers[0][diff.prompt].tokens) if diff.first_divergence is None else diff.first_divergence
                for diff in own
            ]
            shape = {
                "prompts": len(own), "new_tokens": self._new, "never_parted": sum(diff.same for diff in own),
            }  # fmt: skip
            found.append(
                replace(one, parted=np.array(positions, np.float64), conditions={**one.conditions, "answers": shape})
                if own
                else one
            )
        return found

    def timing(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with the timed rounds."""
        self._step += 1
        kept = {**self.shape, "text": self.workload.name}
        conditions: list[dict[str, Any]] = [
            {**kept, "threads": threads_of(self._job, candidate), "device": candidate.session.device}
            for candidate in self._opened
        ]
        running: list[list[Any]] = [[] for _ in self._opened]
        done, watch, remark = 0, Watch(), ""
        price = self._job.price_per_hour or settings.read().price_per_hour or None
        meter = EnergyMeter(gpu=gpu_joules if any(s.device == "cuda" for s in self._sessions) else None)
        if self._decoder:
            self.shape["energy"] = ", ".join(meter.sources) or NOT_MEASURED

        def timed(candidate: int) -> Observed:
            one, own = observed[candidate], tuple(running[candidate])
            shape = {**one.conditions, "speed": conditions[candidate]}
            if self._decoder:
                shape["energy"] = {**conditions[candidate], "counted": ", ".join(meter.sources)}
                return replace(one, rounds=own, conditions=shape, price_per_hour=price)
            return replace(one, requests=own, conditions=shape)

        def on_warm(candidate: int, how: WarmUp) -> None:
            nonlocal watch
            conditions[candidate] |= {"warm_up_answers": how.answers, "warm_up_settled": how.settled}
            self._tell(candidate + 1, len(self._opened), "Warming up", unit="model")
            if candidate == len(self._opened) - 1:
                watch = Watch()
                self.stopping.begin()

        def on_round(index: int, candidate: int) -> None:
            nonlocal done
            done += 1
            text = "Timing in turn" + (f" ({remark})" if remark else "")
            self._tell(done, self.stopping.planned * len(self._opened), text, unit="round")
            self._live(candidate, timed(candidate))

        def enough() -> bool:
            nonlocal remark
            remark = watch.round()
            if self.stopping.enough([self.seconds(timed(candidate)) for candidate in range(len(self._opened))]):
                return True
            if self._pauses.wait(watch.others[-1]):
                watch.resume()
            return False

        self._pauses.begin()
        self._tell(0, len(self._opened), "Warming up", unit="model")
        most = self.stopping.most
        if self._decoder:
            prompts = [self.workload.prompts(index, most) for index in range(len(self._opened))]
            rounds: list[list[DecodeRound]] = running
            time_answers(
                self._sessions, prompts, self._new, self._context.check, on_round, rounds,
                enough=enough, on_warm=on_warm, joules=meter.joules if meter.sources else None,
            )  # fmt: skip
        else:
            requests: list[list[RequestRound]] = running
            batches = [self._batches(index, most) for index in range(len(self._opened))]
            run = [session.answer for session in self._sessions]
            time_requests(run, batches, self._context.check, on_round, requests, enough=enough, on_warm=on_warm)
        for condition in conditions:
            condition["rounds"] = len(running[0])
        found = [timed(candidate) for candidate in range(len(self._opened))]
        self._conclude_timing(watch, conditions, found)
        return found

    def _conclude_timing(self, watch: Watch, conditions: list[dict[str, Any]], observed: list[Observed]) -> None:
        """Keep under which conditions was timed, and tell what disturbed it."""
        seconds, rounds = [seconds_of(one) for one in observed], [r for one in observed for r in one.rounds]
        self.shape |= {"rounds": len(seconds[0]), "rounds_ended": ENDED[self.stopping.reason or "fixed"]}
        self.shape["warm_up_answers"] = ", ".join(str(one["warm_up_answers"]) for one in conditions)
        self.shape |= watch.facts()
        for candidate, one in zip(self._opened, conditions, strict=True):
            if not one["warm_up_settled"]:
                self._note(f"{candidate.place.name} had not settled to an even pace when the timing began.")
        if self._pauses.seconds:
            self.shape["paused_seconds"] = round(self._pauses.seconds, 1)
        for warning in watch.warnings(seconds):
            self._note(warning)
        if self._alike and rounds:
            share = sum(r.waited for r in rounds) / sum(sum(r.next_seconds) for r in rounds)
            self.shape["waited_percent"] = round(100 * share, 1)
            if share > WAITED:
                self._note(
                    f"The models waited {100 * share:.0f} % of the time for a processor that other programs had; the "
                    "verdict leaves that out, the single figures do not."
                )

    def load(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with rounds of several clients at once, where the job asks for them."""
        if self._job.clients is None:
            return observed
        self._step += 1
        self.shape["clients"] = self._job.clients
        self._note(
            "Of requests at once a model, or each copy of it, answers one at a time; the others wait their turn."
        )
        progress = self._progress(f"Timing {self._job.clients} requests at once", "request")
        return observe_load(self._job, self._opened, observed, self.workload, self._new, self._context.check, progress)

    def grid(self) -> list[GridCell]:
        """How every candidate fares with requests of the shapes asked for; none without any."""
        if self._job.grid is None:
            return []
        if self._grid is None:
            self._note("A grid compares models that write with the first one; here there is nothing to compare so.")
            return []
        self._step += 1
        fitting, too_long = shapes_of(self._grid, self._context_length)
        if too_long:
            self._note(f"The models hold {self._context_length} tokens; {len(too_long)} longer shapes were left out.")
        text, _ = texts.read_text(None)

        def prompts_for(tokenizer: Any) -> Callable[[int, int], list[Ids]]:
            return lambda length, count: texts.prompts_of(tokenizer, text, length, count, ended=self._both)

        progress = self._progress("Timing requests of several lengths", "request")
        prompts = [prompts_for(tokenizer) for tokenizer in self._tokenizers]
        return time_grid(self._sessions, prompts, fitting, self._context.check, progress)

    def deadline(self, observed: Observed) -> Deadline | None:
        """Whether the answers of the timed rounds began in time (an encoder's: came); None without a deadline."""
        if self._job.deadline_seconds is None:
            return None
        firsts = [first for r in observed.rounds for first in r.firsts] or [
            s for r in observed.requests for s in r.each
        ]
        return judge_deadline(firsts, self._job.deadline_seconds, whole=not self._decoder)

    def load_deadline(self, observed: Observed) -> Deadline | None:
        """The same under the load of several clients; None without one of both."""
        if self._job.deadline_seconds is None or self._job.clients is None:
            return None
        responses = [response for r in observed.load for response in r.responses]
        return judge_deadline(responses, self._job.deadline_seconds, whole=not self._decoder, clients=self._job.clients)

    def quality(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with scores on the evaluation text and the data set, as far as the task has them."""
        self._step += 1
        if not self.judged.comparable:
            self._note(
                "The candidates use different tokenizers, so perplexity, KL divergence and agreement "
                "cannot be compared and were left out."
            )
            return observed
        return self.judged.observe(observed)

    def second_text(self, observed: list[Observed]) -> list[Observed]:
        """The same candidates' quality on the second text alone; nothing without one."""
        if not self._job.second_text or not self._job.quality or not self.judged.comparable:
            return []
        self._step += 1
        return self.judged.observe_second(observed)

    def tasks(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with how each candidate does the user's own tasks, as far as there are any; see `doing`."""
        if self._job.questions:
            self._step += 1
            observed = self.doing.questions(observed, self._new)
        if self._job.pairs:
            self._step += 1
            observed = self.doing.pairs(observed)
        if self._job.harness:
            self._step += 1
            self.doing.harness()
        return observed

    def memory(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with peaks, each measured in a fresh process."""
        self._step += 1
        return self._apart().memory(observed)

    def replicas(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with the rate of all copies together, if any candidate was built for several; else unchanged."""
        if self._most_copies == 1:
            return observed
        self._step += 1
        return self._apart().replicas(observed, self.workload)

    def _apart(self) -> Apart:
        def tell(done: int, total: int, text: str) -> None:
            self._tell(done, total, text, unit="model")

        return Apart(self._job, self._opened, self._prompt, self._new, self._context.check, tell, self._note)

    def _batches(self, candidate: int, rounds: int) -> list[list[TextBatch]]:
        """The requests of an encoder's rounds."""
        texts_of = iter(self.workload.prompts(candidate, rounds * REQUESTS_PER_ROUND))
        return [[texts.batch_of_ids(next(texts_of)) for _ in range(REQUESTS_PER_ROUND)] for _ in range(rounds)]

    def _tell(self, done: float, total: float, text: str, *, unit: str) -> None:
        self._context.progress(done, total, f"Step {self._step} of {self._steps}: {text}", unit=unit)

    def _progress(self, text: str, unit: str) -> Callable[[int, int], None]:
        return lambda done, total: self._tell(done, total, text, unit=unit)

    def _emit(self, token: Token) -> None:
        self._context.emit(token.model_copy(update={"job": self._context.job}))

    def _live(self, candidate: int, observed: Observed) -> None:
        for name in _LIVE:
            measurement = load(all_metrics()[name].run)(observed)
            if measurement is not None:
                self._context.emit(
                    Measured(job=self._context.job, candidate=candidate, measurement=measurement, final=False)
                )

    def _note(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)
            self._context.notice(text)


def seconds_of(observed: Observed, *, without_waiting: bool = False) -> list[float]:
    """What the verdict stands on, one value a round: time of an answer's tokens after the first, or of requests.

    `without_waiting`: less the time in which a decoder waited for a processor that others had. That is fair only
    between candidates that compute alike, for of other threads and processes nothing is known.
    """
    if observed.rounds:
        return [r.computing_seconds if without_waiting else r.decode_seconds for r in observed.rounds]
    return [r.seconds for r in observed.requests]
