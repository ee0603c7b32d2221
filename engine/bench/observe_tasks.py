"""What a comparison observes of the user's own tasks: questions with expected answers, source texts with references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.bench.answers import answer_together
from engine.bench.candidates import Open
from engine.bench.questions import is_right
from engine.compare.evidence import HarnessScore, Pair, PairResult, QuestionResult
from engine.compare.table import Answer
from engine.metrics.base import Observed, Written
from engine.metrics.measure import lacking, scores
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids


@dataclass
class TaskObserver:
    """Lets all candidates, which are models that write, do the user's tasks greedily; the first is the reference.

    Attributes:
        prompt_ids: prompt_ids(text, name, new_tokens) gives what each candidate goes on from, cut to leave room.
        check: raises Cancelled once asked to stop.
        progress: progress(text, unit) gives what is called with (done, total) as work goes on.
        note: tells the user what could not be measured as asked.
        asked, paired: every question and every source text with all answers; known after `questions` and `pairs`.
        scored: every task of the harness; known after `harness`.
    """

    job: CompareJob
    opened: Sequence[Open]
    context_length: int
    prompt_ids: Callable[[str, str, int], list[Ids]]
    check: Callable[[], None]
    progress: Callable[[str, str], Callable[[int, int], None]]
    note: Callable[[str], None]
    asked: tuple[QuestionResult, ...] = field(default=(), init=False)
    paired: tuple[PairResult, ...] = field(default=(), init=False)
    scored: tuple[HarnessScore, ...] = field(default=(), init=False)
    _tasks: Any = field(default=None, init=False)

    def questions(self, observed: list[Observed], new_tokens: int) -> list[Observed]:
        """`observed` with which of the user's questions each candidate answers rightly, in `new_tokens` at most."""
        given = self._answers(
            [q.prompt for q in self.job.questions], "Question", "Answering your questions", new_tokens
        )
        self.asked = tuple(
            QuestionResult(
                question=question,
                answers=tuple(answer.text for answer in answers),
                right=tuple(is_right(question, answer.text) for answer in answers),
            )
            for question, answers in zip(self.job.questions, given, strict=True)
        )
        shape = {"questions": len(self.asked), "new_tokens": new_tokens, "answers": "greedy"}
        return [
            replace(
                one,
                answered=np.array([result.right[index] for result in self.asked], dtype=np.float64),
                conditions={**one.conditions, "tasks": shape},
            )
            for index, one in enumerate(observed)
        ]

    def pairs(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with what each candidate writes to the user's source texts, beside the references."""
        pairs, task = self.job.pairs, self.opened[0].session.task
        most = max(1, min(self.job.pair_tokens, self.context_length // 2))
        given = self._answers([pair.source for pair in pairs], "Source text", "Writing to your texts", most)
        self._tell_cut(given, most)
        for spec in lacking(task):
            self.note(
                f"{spec.title} is not measured, for {spec.package.replace('_', '-')} is not installed: run "
                "“pip install hasten[eval]”."
            )
        shape = {"texts": len(pairs), "new_tokens": most, "answers": "greedy"}
        found = [
            replace(
                one,
                written=tuple(
                    Written(pair.references, row[index].text) for pair, row in zip(pairs, given, strict=True)
                ),
                conditions={**one.conditions, "pairs": shape},
            )
            for index, one in enumerate(observed)
        ]
        self.progress("Comparing with your references", "text")(0, 0)
        each = [scores(one, task) for one in found]
        self.paired = tuple(
            _result(pair, row, [{name: own[place] for name, own in one.items()} for one in each])
            for place, (pair, row) in enumerate(zip(pairs, given, strict=True))
        )
        return found

    def prepare(self) -> None:
        """Fetch what the tasks of the harness need. Raises UserError where they cannot be asked."""
        if self.job.harness:
            from engine.bench.harness_run import prepare

            self.progress("Fetching the tasks of lm-eval", "task")(0, 0)
            self._tasks = prepare(self.job.harness)

    def harness(self) -> None:
        """What every candidate scores in tasks of the lm-evaluation-harness: known as `scored`."""
        from engine.bench.harness_run import ask

        def progress(name: str, done: int, total: int) -> None:
            self.check()
            self.progress(f"Asking {name} the tasks of lm-eval", "request")(done, total)

        self.scored = ask(self.opened, self._tasks, self.job.harness_limit, progress)

    def _answers(self, texts: Sequence[str], name: str, doing: str, new_tokens: int) -> list[list[Answer]]:
        """Every candidate's answer to each of `texts`: one list per text."""
        sessions = [candidate.session for candidate in self.opened]
        tokenizers = [candidate.tokenizer for candidate in self.opened]
        progress = self.progress(doing, name.lower())
        found = []
        for index, text in enumerate(texts):
            progress(index, len(texts))
            ids = self.prompt_ids(text, f"{name} {index + 1}", new_tokens)
            found.append(
                answer_together(
                    sessions, tokenizers, ids, new_tokens, lambda token: None, self.check, text=text, prompt=index
                )
            )
        return found

    def _tell_cut(self, given: list[list[Answer]], most: int) -> None:
        for index, candidate in enumerate(self.opened):
            ended = candidate.session.eos
            cut = sum(len(row[index].tokens) >= most and row[index].tokens[-1].id not in ended for row in given)
            if cut:
                self.note(
                    f"{cut} of {len(given)} texts that {candidate.place.name} wrote to your sources were cut at {most} "
                    "tokens."
                )


def _result(pair: Pair, row: list[Answer], each: list[dict[str, float]]) -> PairResult:
    return PairResult(
        pair=pair,
        answers=tuple(answer.text for answer in row),
        scores={name: tuple(own[name] for own in each) for name in each[0]},
    )
