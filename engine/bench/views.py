"""Every token of two answers as both models see it: its probability after the same words, and their first choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from engine.compare.evidence import Choice, TokenView
from engine.compare.table import Answer, AnswerDiff, AnswerToken
from engine.metrics.logits import best, normalisers
from engine.runtimes.base import Floats, Ids, Session

TOP = 5
PIECE = 64  # tokens of an answer that are read at once
_DIGITS = 5  # of a probability: what is shown has three

_Seen = list[tuple[float, tuple[Choice, ...]]]  # per token: its probability, and the first choices


def with_views(
    diffs: Sequence[AnswerDiff],
    answers: Sequence[Sequence[Answer]],
    prompts: Sequence[Sequence[Ids]],
    sessions: Sequence[Session],
    tokenizers: Sequence[Any],
    progress: Callable[[int, int], None],
) -> tuple[AnswerDiff, ...]:
    """`diffs` with every token seen by both sides: each model reads the other's answer, teacher-forced.

    Args:
        answers, prompts: per candidate, per prompt: what it wrote, and the ids [T] it went on from.
        progress: progress(done, total); may raise Cancelled.
    """
    looks: dict[tuple[int, int, int], _Seen] = {}
    wanted = [
        (diff.prompt, writer, reader)
        for diff in diffs
        for writer in (0, diff.candidate)
        for reader in (0, diff.candidate)
    ]
    # a model reads its own answer last: a conversation goes on from there
    wanted = sorted(set(wanted), key=lambda key: (key[2], key[0], key[1] == key[2], key[1]))
    texts: dict[int, str] = {}
    for done, (prompt, writer, reader) in enumerate(wanted):
        progress(done, len(wanted))
        tokens = answers[writer][prompt].tokens
        read = prompts[reader][prompt]
        looks[prompt, writer, reader] = _look(sessions[reader], tokenizers[reader], read, tokens, texts)
    progress(len(wanted), len(wanted))
    return tuple(
        diff.model_copy(
            update={
                "reference_views": _paired(looks, diff.prompt, 0, diff.candidate),
                "candidate_views": _paired(looks, diff.prompt, diff.candidate, 0),
            }
        )
        for diff in diffs
    )


def answer_logits(session: Session, prompt: Ids, answer: Ids) -> Iterator[Floats]:
    """The logits of every token of `answer` [T] behind `prompt` [P], in pieces [≤ PIECE, V]: memory stays low."""
    yield session.prefill(prompt[None])
    for start in range(0, len(answer) - 1, PIECE):
        piece = answer[start : min(start + PIECE, len(answer) - 1)]
        if session.continues or session.task == "text2text-generation":
            yield session.extend(piece[None])[0]
        else:  # widths that were not made ready would be compiled first
            yield np.concatenate([session.decode(piece[i : i + 1]) for i in range(len(piece))])


def _look(session: Session, tokenizer: Any, prompt: Ids, tokens: Sequence[AnswerToken], texts: dict[int, str]) -> _Seen:
    seen: _Seen = []
    if not tokens:
        return seen
    answer = np.array([token.id for token in tokens], dtype=np.int64)
    for logits in answer_logits(session, prompt, answer):
        if session.never:
            logits = logits.copy()
            logits[:, session.never] = -np.inf
        own = tokens[len(seen) : len(seen) + len(logits)]
        for row, place, normaliser, token in zip(logits, best(logits, TOP), normalisers(logits), own, strict=True):
            ordered = place[np.argsort(-row[place], kind="stable")]
            choices = tuple(
                (
                    # the written one as it stands in the answer, where a character may have been completed by it
                    token.text if i == token.id and token.text else _text(tokenizer, int(i), texts),
                    _probability(row[i], normaliser),
                )
                for i in ordered
            )
            seen.append((_probability(row[token.id], normaliser), choices))
    return seen


def _paired(looks: dict[tuple[int, int, int], _Seen], prompt: int, writer: int, other: int) -> tuple[TokenView, ...]:
    return tuple(
        TokenView(own=own[0], other=theirs[0], own_top=own[1], other_top=theirs[1])
        for own, theirs in zip(looks[prompt, writer, writer], looks[prompt, writer, other], strict=True)
    )


def _probability(logit: float, normaliser: float) -> float:
    return round(float(np.exp(np.float64(logit) - normaliser)), _DIGITS)


def _text(tokenizer: Any, token: int, texts: dict[int, str]) -> str:
    if token not in texts:
        piece = str(tokenizer.convert_ids_to_tokens(token))
        if piece.startswith("▁"):  # SentencePiece's blank, which decoding drops at the beginning of a text
            texts[token] = " " + piece[1:].replace("▁", " ")
        else:
            texts[token] = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return texts[token]
