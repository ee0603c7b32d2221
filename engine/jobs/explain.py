"""Explain a run: which pass its difference to the original comes from, and which layer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from engine.bench.candidates import Open, Place, find, same_vocabulary
from engine.bench.conditions import load_before, machine
from engine.bench.statistics import exp
from engine.bench.texts import WINDOW, prompts_of, read_text
from engine.checkpoint.inspect import inspect
from engine.compare.explanation import Change, Explanation, Layer, Step
from engine.compare.table import Conditions
from engine.explain.waterfall import Scores, Stage, measure_of, score, seconds_steps, steps
from engine.jobs.base import JobContext
from engine.jobs.stages import Stages, require_same_tokens
from engine.metrics.base import DECODERS
from engine.parallel.placement import suggested_threads
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.protocol.job import ExplainJob
from engine.recipe.options import parse_options
from engine.recipe.recipe import PassEntry
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from engine.runtimes.base import Session
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer


def handle(job: ExplainJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the Explanation as JSON, kept beside the run.

    Raises UserError where the run's original is gone or has changed, or a stage can no longer be made.
    """
    context.sessions.clear()  # the models need the memory that a chat left in use
    store = RunStore()
    record = store.get(job.run)
    work = _Work(job, context, record)
    with work.stages.in_use():
        found = work.explain()
    result = found.model_dump(mode="json")
    store.save_explanation(record.id, result)
    return result


class _Work:
    """One explanation in progress."""

    def __init__(self, job: ExplainJob, context: JobContext, record: RunRecord) -> None:
        self._job, self._context, self._record = job, context, record
        self.stages = Stages(record, context)
        self._text, self._text_name = read_text(job.text)
        self._notices: list[str] = []
        self._decoder = record.task in DECODERS

    def explain(self) -> Explanation:
        """The whole."""
        require_same_tokens(self._record)
        conditions: Conditions = {**machine(), **load_before()}
        chain = self._chain()
        if self.stages.remade:
            self._note(
                f"No longer in the cache, so made again: {', '.join(self.stages.remade)}. Another version of Hasten or "
                "another machine can round otherwise in the last bits."
            )
        if self._record.recipe.target.speculation == "original":
            self._note("This run lets the original check every token, so the last step gives back what passes lost.")
        original, scores = self._scores(chain)
        found = steps(chain, self.stages.info.bytes, original, scores)
        seconds: float | None = None
        if self._job.speed:
            seconds, found = self._with_speed(found)
        layers, layers_loss, note = self._layers() if self._job.layers else ([], None, "")
        conditions |= {"threads": self._threads, "windows": self._job.windows, "window": WINDOW, "device": "cpu"}
        nll = original.nll
        return Explanation(
            run=self._record.id,
            measure=measure_of(self._record.task),
            text=self._text_name,
            predictions=len(original.loss),
            weight_bytes=self.stages.info.bytes,
            perplexity=None if nll is None else exp(float(nll.mean())),
            seconds=seconds,
            steps=tuple(found),
            layers=tuple(layers),
            layers_loss=layers_loss,
            layers_note=note,
            conditions=conditions,
            notices=tuple(self._notices),
        )

    # Which pass -----------------------------------------------------------------------------------------------

    def _chain(self) -> list[Stage]:
        """The model after each pass, then the run's artefact."""
        record = self._record
        entries = record.recipe.passes
        places = [place for place, entry in enumerate(entries) if entry.enabled]
        chain = [
            Stage(entries[place].name, stage.name, place, folder, inspect(folder).bytes, _glyph(entries[place]))
            for place, stage, folder in zip(places, record.stages, self.stages.checkpoints(), strict=False)
        ]
        last = Stage(
            record.recipe.target.runtime, record.stages[-1].name, None, record.artefact_folder, record.weight_bytes
        )
        return [*chain, last]

    def _scores(self, chain: Sequence[Stage]) -> tuple[Scores, list[Scores]]:
        """How the original and the model after each stage predict the text. Two models are open at a time."""
        first, *others = find([str(self.stages.source), *(str(stage.folder) for stage in chain)], self._context.steps())
        original = self._open(first)
        scores: list[Scores] = []
        own: Scores | None = None
        try:
            for place, (stage, other) in enumerate(zip(chain, others, strict=True)):
                self._context.progress(place, len(chain), f"Opening the model after “{stage.title}”", unit="stage")
                opened = self._open(other)
                try:
                    if not same_vocabulary([original.tokenizer, opened.tokenizer]):
                        raise UserError(
                            "The run's models use different tokenizers, so their predictions cannot be compared.",
                            "Run the recipe again on the checkpoint as it is now.",
                            where=self._record.id,
                        )
                    progress = partial(self._measuring, place, len(chain), stage.title)
                    own, found = score(original, opened, self._text, self._job.windows, progress)
                finally:
                    opened.session.close()
                scores.append(found)
        finally:
            original.session.close()
        assert own is not None
        return own, scores

    def _measuring(self, place: int, count: int, title: str, done: int, total: int) -> None:
        share = done / total if total else 0.0
        self._context.progress(place + share, count, f"Measuring what “{title}” lost", unit="stage")

    # How fast -------------------------------------------------------------------------------------------------

    def _with_speed(self, found: Sequence[Step]) -> tuple[float | None, list[Step]]:
        """The original's time per token, and `found` with what each step changed of it; without where it cannot be."""
        target = self._record.recipe.target
        if target.speculation != "none":
            self._note("Speed was not measured: this run guesses ahead, which its stages by themselves cannot.")
            return None, list(found)
        try:
            built = [self.stages.built(count) for count in range(len(found))]
        except UserError as error:
            self._note(f"Speed was not measured: {error.cause}")
            return None, list(found)
        rounds = self._timed([self.stages.source, *built])
        changes = seconds_steps(rounds)
        # From the original in Transformers to the original in the runtime is what the runtime itself gives.
        moved: list[Change] = [*changes[1:], changes[0]]
        first = rounds[0]
        timed = [step.model_copy(update={"seconds": own}) for step, own in zip(found, moved, strict=True)]
        return sum(first) / len(first), timed

    def _timed(self, folders: Sequence[Path]) -> list[list[float]]:
        """Seconds per token after the first (or per request) of the models in `folders`, a list of rounds each."""
        from engine.bench.runner import REQUESTS_PER_ROUND, time_answers, time_requests
        from engine.bench.texts import batch_of_ids

        sessions: list[Session] = []
        total = self._job.rounds * len(folders)
        done = 0

        def on_round(index: int, candidate: int) -> None:
            nonlocal done
            done += 1
            self._context.progress(done, total, "Timing the stages in turn", unit="round")

        try:
            for place, folder in enumerate(folders):
                self._context.progress(place, len(folders), "Opening every stage", unit="model")
                sessions.append(open_session(folder, threads=self._job.threads, context=self._context.steps()))
            tokenizer, text = load_tokenizer(self.stages.source), read_text(None)[0]
            length = min(session.context_length for session in sessions)
            new = max(2, min(self._job.new_tokens, length // 2)) if self._decoder else 0
            ended = self._record.task == "text2text-generation"
            count = self._job.rounds if self._decoder else self._job.rounds * REQUESTS_PER_ROUND
            prompts = prompts_of(tokenizer, text, max(1, min(128, length - new)), count, ended=ended)
            if self._decoder:
                answers = time_answers(sessions, [prompts] * len(sessions), new, self._context.check, on_round)
                return [[one.decode_seconds / (new - 1) for one in own] for own in answers]
            run = [session.answer for session in sessions]
            own = [batch_of_ids(ids) for ids in prompts]
            batches = [own[i : i + REQUESTS_PER_ROUND] for i in range(0, count, REQUESTS_PER_ROUND)]
            timed = time_requests(run, [batches] * len(run), self._context.check, on_round)
            return [[one.seconds / one.requests for one in each] for each in timed]
        finally:
            for session in sessions:
                session.close()

    # Which layer ----------------------------------------------------------------------------------------------

    def _layers(self) -> tuple[list[Layer], float | None, str]:
        """The layers, how far the last checkpoint is from the original, and why there are none."""
        if not self._record.recipe.active:
            return [], None, "No pass changed the model, so every layer is the original's."
        import torch

        from engine.explain.layers import explain_layers
        from engine.explain.matching import kept_layers

        torch.set_num_threads(self._threads)
        try:
            with tempfile.TemporaryDirectory() as scratch:
                layers, loss = explain_layers(
                    self.stages.source,
                    self._record.checkpoint_folder,
                    self._record.task,
                    partial(kept_layers, self._record),
                    self._text,
                    self._job.windows,
                    self._context.steps(unit="layer").step,
                    Path(scratch),
                )
        except UserError as error:
            self._note(error.cause)
            return [], None, error.cause
        return layers, loss, ""

    # Parts ----------------------------------------------------------------------------------------------------

    @property
    def _threads(self) -> int:
        return self._job.threads or suggested_threads(runtime="transformers")

    def _open(self, place: Place) -> Open:
        session = open_session(place.folder, threads=self._job.threads, context=self._context.steps())
        return Open(place, session, load_tokenizer(place.folder))

    def _note(self, text: str) -> None:
        self._notices.append(text)
        self._context.notice(text)


def _glyph(entry: PassEntry) -> str:
    """The pass's options in short, as its card shows them."""
    spec = passes.get(entry.name)
    return spec.glyph(parse_options(spec.options, entry.options, entry.name))
