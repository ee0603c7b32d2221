"""Let every candidate answer its conversation, all panes filling together; models stay open between messages."""

from __future__ import annotations

from typing import Any

from engine.bench.answers import answer_together
from engine.bench.candidates import Place, diffs_of, find, same_vocabulary
from engine.bench.views import with_views
from engine.compare.table import ChatAnswers
from engine.jobs.base import JobContext
from engine.metrics.base import DECODERS
from engine.protocol.errors import UserError
from engine.protocol.job import ChatJob
from engine.runtimes.base import Ids, Session
from engine.runtimes.open import open_session
from engine.text.chat import prompt_ids
from engine.text.tokenizer import load_tokenizer


def handle(job: ChatJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; ChatAnswers as JSON.

    Raises UserError when a candidate does not write text, a conversation is empty, or it no longer fits.
    """
    if len(job.histories) != len(job.candidates) or not all(job.histories):
        raise UserError("Every model needs a conversation to answer.", "Type a message first.")
    places = find(job.candidates, context.steps(unit="file"))
    context.sessions.reserve(len(places))
    sessions = [_session(index, place, len(places), context) for index, place in enumerate(places)]
    tokenizers = [load_tokenizer(place.folder) for place in places]
    prompts = [
        _fitting(prompt_ids(tokenizer, list(history), session.task), session, place)
        for tokenizer, history, session, place in zip(tokenizers, job.histories, sessions, places, strict=True)
    ]
    for place, session, history in zip(places, sessions, job.histories, strict=True):
        if session.task == "text2text-generation" and len(history) > 1:
            context.notice(f"{place.name} answers each message by itself: it knows no conversations.")
    answers = answer_together(
        sessions,
        tokenizers,
        prompts,
        job.max_new_tokens,
        lambda token: context.emit(token.model_copy(update={"job": context.job})),
        context.check,
        sampling=job.sampling,
        text=job.histories[0][-1].get("content", ""),
    )
    for place, session, ids, answer in zip(places, sessions, prompts, answers, strict=True):
        if len(answer.tokens) < job.max_new_tokens and len(answer.tokens) >= session.room(len(ids)):
            context.notice(
                f"{place.name} stopped: the conversation fills the {session.context_length} tokens that it holds."
            )
    same = [same_vocabulary([tokenizers[0], other]) for other in tokenizers]
    diffs = diffs_of([[answer] for answer in answers], lambda index: same[index])
    longest = max(len(answer.tokens) for answer in answers)
    if all(same) and all(s.room(len(ids)) >= longest for s, ids in zip(sessions, prompts, strict=True)):
        read = [[ids] for ids in prompts]
        diffs = with_views(diffs, [[one] for one in answers], read, sessions, tokenizers, lambda *_: context.check())
    return ChatAnswers(answers=tuple(answers), diffs=diffs).model_dump(mode="json")


def _session(index: int, place: Place, count: int, context: JobContext) -> Session:
    """The open model of candidate `index`. The key holds the index: a model may be compared with itself."""

    def opener() -> Session:
        context.progress(index, count, f"Opening {place.name}", unit="model")
        return open_session(place.folder, context=context.steps(unit="model"), remember=True)

    session = context.sessions.get(f"{index}:{place.key}", opener)
    if session.task not in DECODERS:
        raise UserError(
            f"{place.name} does not write text: it is a {session.task} model.",
            "Choose a model for text generation.",
            where=place.reference,
        )
    return session


def _fitting(ids: Ids, session: Session, place: Place) -> Ids:
    """`ids` [T] if at least one more token fits behind them. Raises UserError otherwise."""
    if session.room(len(ids)) > 0:
        return ids
    raise UserError(
        f"The conversation has {len(ids)} tokens; {place.name} holds {session.context_length} at once.",
        "Start a new conversation, or shorten the message.",
        where=place.reference,
    )
