"""Everything a comparison observes, part by part, with progress, running figures and cancellation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.bench import texts
from engine.bench.answers import answer_together
from engine.bench.candidates import Open
from engine.bench.conditions import BUSY_PERCENT, OthersLoad
from engine.bench.memory import probe
from engine.bench.observe_quality import QualityObserver
from engine.bench.questions import is_right
from engine.bench.runner import REQUESTS_PER_ROUND, time_answers, time_requests
from engine.bench.views import with_views
from engine.catalogue import load
from engine.compare.evidence import QuestionResult
from engine.compare.table import Answer, AnswerDiff, Conditions
from engine.jobs.base import JobContext
from engine.metrics.base import DECODERS, DecodeRound, Observed, RequestRound
from engine.metrics.catalog import all_metrics
from engine.parallel.placement import suggested_threads
from engine.parallel.replicas import measure_replicas
from engine.protocol.errors import UserError
from engine.protocol.events import Measured, Token
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids
from engine.text.chat import prompt_ids

# Throughput of several copies: answers a round for each copy, and rounds.
REQUESTS_PER_COPY, REPLICA_ROUNDS = 4, 5
# Shown as running figures while rounds are timed.
_LIVE = ("decode_tokens_per_second", "ttft_seconds", "request_seconds")


class Observer:
    """Observes the open candidates of one comparison job; the first is the reference.

    Attributes:
        same_tokens: all candidates use the same vocabulary.
        notices: sentences about what could not be measured as asked.
        shape: how a round was timed, for the comparison's conditions.
        asked: the user's questions and every candidate's answers; known after `questions`.
        judged: observes quality, and keeps what it saw case by case.
    """

    def __init__(self, job: CompareJob, context: JobContext, opened: Sequence[Open], same_tokens: bool) -> None:
        self.same_tokens = same_tokens
        self.notices: list[str] = []
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
        self.asked: tuple[QuestionResult, ...] = ()
        self.judged = QualityObserver(job, opened, self._context_length, self._new, self._progress, self._note)
        self._read: list[list[Ids]] = [[] for _ in opened]  # per candidate, per prompt: what its answer goes on from
        second = bool(job.second_text) and job.quality and same_tokens
        parts = (
            self._decoder, True, self._most_copies > 1, job.quality, second, bool(job.questions), job.memory,
        )  # fmt: skip
        self._step, self._steps = 0, sum(parts)
        threads = list(dict.fromkeys(self._threads(candidate) for candidate in opened))
        self.shape: Conditions = {
            "threads": threads[0] if len(threads) == 1 else ", ".join(str(self._threads(c)) for c in opened),
            "batch": 1,
            "rounds": job.rounds,
            "prompt_tokens": self._prompt,
        }
        if self._decoder:
            self.shape["new_tokens"] = self._new
        else:
            self.shape["requests_per_round"] = REQUESTS_PER_ROUND

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
            ids = self._prompt_ids(text, "Prompt", index)
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
        text, name = texts.read_text(None)
        conditions = [
            {**self.shape, "threads": self._threads(candidate), "device": candidate.session.device, "text": name}
            for candidate in self._opened
        ]
        running: list[list[Any]] = [[] for _ in self._opened]
        done = 0

        def timed(candidate: int) -> Observed:
            one, own = observed[candidate], tuple(running[candidate])
            shape = {**one.conditions, "speed": conditions[candidate]}
            if self._decoder:
                return replace(one, rounds=own, conditions=shape)
            return replace(one, requests=own, conditions=shape)

        def on_round(index: int, candidate: int) -> None:
            nonlocal done
            done += 1
            self._tell(done, self._job.rounds * len(self._opened), "Timing in turn", unit="round")
            self._live(candidate, timed(candidate))

        self._tell(0, self._job.rounds * len(self._opened), "Warming up", unit="round")
        others = OthersLoad()
        if self._decoder:
            prompts = [self._prompts_of(t, text, self._job.rounds) for t in self._tokenizers]
            rounds: list[list[DecodeRound]] = running
            time_answers(self._sessions, prompts, self._new, self._context.check, on_round, rounds)
        else:
            requests: list[list[RequestRound]] = running
            batches = [self._request_batches(t, text) for t in self._tokenizers]
            run = [s.classify if s.task == "text-classification" else s.hidden for s in self._sessions]
            time_requests(run, batches, self._context.check, on_round, requests)
        self.shape["others_percent"] = round(others.percent(), 1)
        return [timed(candidate) for candidate in range(len(self._opened))]

    def quality(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with scores on the evaluation text and the data set, as far as the task has them."""
        self._step += 1
        if not self.same_tokens:
            self._note(
                "The candidates use different tokenizers, so perplexity, KL divergence and agreement "
                "cannot be compared and were left out."
            )
            return observed
        return self.judged.observe(observed)

    def second_text(self, observed: list[Observed]) -> list[Observed]:
        """The same candidates' quality on the second text alone; nothing without one."""
        if not self._job.second_text or not self._job.quality or not self.same_tokens:
            return []
        self._step += 1
        return self.judged.observe_second(observed)

    def questions(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with which of the user's questions each candidate answers rightly; see `asked`."""
        if not self._job.questions:
            return observed
        self._step += 1
        given: list[list[str]] = [[] for _ in self._opened]
        for index, question in enumerate(self._job.questions):
            self._tell(index, len(self._job.questions), "Answering your questions", unit="question")
            ids = self._prompt_ids(question.prompt, "Question", index)
            made = answer_together(
                self._sessions, self._tokenizers, ids, self._new, lambda token: None, self._context.check,
                text=question.prompt,
            )  # fmt: skip
            for own, answer in zip(given, made, strict=True):
                own.append(answer.text)
        self.asked = tuple(
            QuestionResult(
                question=question,
                answers=tuple(own[place] for own in given),
                right=tuple(is_right(question, own[place]) for own in given),
            )
            for place, question in enumerate(self._job.questions)
        )
        shape = {"questions": len(self.asked), "new_tokens": self._new, "answers": "greedy"}
        return [
            replace(
                one,
                answered=np.array([result.right[index] for result in self.asked], dtype=np.float64),
                conditions={**one.conditions, "tasks": shape},
            )
            for index, one in enumerate(observed)
        ]

    def memory(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with peaks, each measured in a fresh process."""
        self._step += 1
        found = []
        for index, (candidate, one) in enumerate(zip(self._opened, observed, strict=True)):
            self._tell(index, len(observed), f"Measuring the memory of {candidate.place.name}", unit="model")
            try:
                peaks = probe(
                    candidate.place.folder,
                    threads=self._job.threads,
                    device=candidate.session.device,
                    prompt_tokens=self._prompt,
                    new_tokens=self._new or 1,
                    check=self._context.check,
                )
            except UserError as error:  # the rest of the comparison stands without it
                self._note(f"The memory of {candidate.place.name} could not be measured: {error.cause}")
                found.append(one)
                continue
            shape = {
                "process": "fresh, opened and used once",
                "prompt_tokens": self._prompt,
                "new_tokens": self._new,
                "threads": self._threads(candidate),
            }
            found.append(replace(one, peaks=peaks, conditions={**one.conditions, "memory": shape}))
        return found

    def replicas(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with the rate of all copies together, if any candidate was built for several; else unchanged."""
        most = self._most_copies
        if most == 1:
            return observed
        self._step += 1
        text, _ = texts.read_text(None)
        found = []
        for index, (candidate, one) in enumerate(zip(self._opened, observed, strict=True)):
            target = candidate.place.target
            copies = f"{target.replicas} copies" if target.replicas > 1 else "one copy"
            self._tell(index, len(observed), f"Timing {copies} of {candidate.place.name}", unit="model")
            rate = measure_replicas(
                candidate.place.folder,
                target.model_copy(update={"device": candidate.session.device}),
                self._prompts_of(candidate.tokenizer, text, REQUESTS_PER_COPY * most),
                self._new or 1,
                rounds=min(self._job.rounds, REPLICA_ROUNDS),
                threads=self._job.threads,
                check=self._context.check,
            )
            found.append(
                replace(one, rates=rate.values, conditions={**one.conditions, "replicas": dict(rate.conditions)})
            )
        return found

    def _prompts_of(self, tokenizer: Any, text: str, count: int) -> list[Ids]:
        return texts.prompts_of(tokenizer, text, self._prompt, count, ended=self._both)

    def _request_batches(self, tokenizer: Any, text: str) -> list[list[Any]]:
        count = self._job.rounds * REQUESTS_PER_ROUND
        stretches = texts.prompts_of(tokenizer, text, self._prompt, count)
        batches = [texts.batch_of_ids(ids) for ids in stretches]
        return [batches[i : i + REQUESTS_PER_ROUND] for i in range(0, count, REQUESTS_PER_ROUND)]

    def _prompt_ids(self, text: str, kind: str, index: int) -> list[Ids]:
        """`text` as each candidate's tokenizer and chat template write it."""
        message = [{"role": "user", "content": text}]
        return [
            self._fitting(prompt_ids(candidate.tokenizer, message, candidate.session.task), f"{kind} {index + 1}")
            for candidate in self._opened
        ]

    def _fitting(self, ids: Ids, name: str) -> Ids:
        """`ids` cut at the front to leave room for the answer."""
        room = self._context_length - self._new
        if len(ids) <= room:
            return ids
        self._note(f"{name} is longer than the models hold; only its last {room} tokens were used.")
        return ids[-room:]

    def _threads(self, candidate: Open) -> int:
        target = candidate.place.target
        return self._job.threads or target.threads or suggested_threads(target.replicas, target.runtime)

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
