"""Show where the error of one token of an answer grew."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from engine.compare.evidence import Choice
from engine.compare.token_trace import TokenSide, TokenTrace
from engine.explain.matching import kept_layers
from engine.jobs.base import JobContext
from engine.jobs.stages import Stages, require_same_tokens
from engine.metrics.logits import best, divergence, normalisers
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.protocol.job import TokenJob
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from engine.runtimes.base import Floats, Ids
from engine.runtimes.limits import context_length
from engine.runtimes.open import open_session
from engine.text.chat import prompt_ids
from engine.text.tokenizer import load_tokenizer

_TOP = 5


def handle(job: TokenJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the TokenTrace as JSON.

    Raises UserError for models that write no text token by token, where the run's original is gone or has changed, and
    where the answer has no such token.
    """
    context.sessions.clear()
    record = RunStore().get(job.run)
    if record.task != "text-generation":
        raise UserError(
            f"Tokens of a {record.task} model cannot be followed through its layers.",
            "Choose a run of a decoder.",
            where=record.id,
            code="unsupported_architecture",
        )
    require_same_tokens(record)
    stages = Stages(record, context)
    tokenizer = load_tokenizer(stages.source)
    prompt = prompt_ids(tokenizer, list(job.history))
    answer = list(job.answer) if job.answer else _answer(record, prompt, job.place + 1, context)
    if job.place >= len(answer):
        raise UserError(f"The answer has {len(answer)} tokens only.", "Choose an earlier one.")
    ids = np.concatenate([prompt, np.asarray(answer[: job.place], dtype=np.int64)])
    longest = context_length(stages.source)
    if len(ids) > longest:
        raise UserError(f"The text is longer than the model's {longest} tokens.", "Choose an earlier token.")

    import torch

    from engine.explain.token import trace

    torch.set_num_threads(job.threads or suggested_threads(runtime="transformers"))
    match, step = partial(kept_layers, record), context.steps(unit="layer").step
    layers, left, right = trace(stages.source, record.checkpoint_folder, match, ids, step)
    token = answer[job.place]
    sides = [_side(logits, token, tokenizer) for logits in (left, right)]
    return TokenTrace(
        run=record.id,
        token=tokenizer.decode([token]),
        place=job.place,
        tokens=len(ids),
        kl_divergence_nats=float(divergence(left[None], right[None], normalisers(left[None]))[0][0]),
        original=sides[0],
        result=sides[1],
        layers=tuple(layers),
    ).model_dump(mode="json")


def _answer(record: RunRecord, prompt: Ids, count: int, context: JobContext) -> list[int]:
    """The first `count` tokens that the run's model itself answers, likeliest first."""
    context.progress(0, 0, "Letting the model answer")
    session = open_session(record.artefact_folder, context=context.steps())
    try:
        return [step.token_id for step in session.generate(prompt, count)]
    finally:
        session.close()


def _side(logits: Floats, token: int, tokenizer: Any) -> TokenSide:
    """What `logits` [V] say of `token` and of the likeliest ones."""
    normaliser = float(normalisers(logits[None])[0])

    def probability(other: int) -> float:
        return float(np.exp(float(logits[other]) - normaliser))

    likeliest = sorted(map(int, best(logits[None], _TOP)[0]), key=lambda other: -logits[other])
    top: tuple[Choice, ...] = tuple((tokenizer.decode([other]), probability(other)) for other in likeliest)
    return TokenSide(probability=probability(token), top=top)
