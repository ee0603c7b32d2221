"""How far a candidate's predictions moved from the reference's, a window at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.bench.texts import Windows, blocks_of
from engine.metrics.base import Doubles, TokenScores
from engine.metrics.logits import divergence, negative_log_likelihood, normalisers
from engine.runtimes.base import Floats, Session, TextBatch

# progress(done, total): may raise Cancelled.
Progress = Callable[[int, int], None]


def score_text(sessions: Sequence[Session], text: Windows, progress: Progress) -> list[TokenScores]:
    """Teacher-forced scores of decoders that share a tokenizer; the first session is the reference.

    Each window goes through every session before the next one, so only one window's logits [T, V] of two models are
    held at a time.
    """
    nll: list[list[np.ndarray]] = [[] for _ in sessions]
    kl: list[list[np.ndarray]] = [[] for _ in sessions]
    agree: list[list[np.ndarray]] = [[] for _ in sessions]
    total = len(text.ids) * len(sessions)
    for index, window in enumerate(text.ids):
        inputs, targets = window[None, :-1], window[1:]
        reference: tuple[Floats, Doubles] | None = None
        for number, session in enumerate(sessions):
            progress(index * len(sessions) + number, total)
            logits = session.logits(inputs)[0]
            normaliser = normalisers(logits)
            nll[number].append(negative_log_likelihood(logits, targets, normaliser))
            if reference is None:
                reference = logits, normaliser
            else:
                divergences, agreements = divergence(reference[0], logits, reference[1], normaliser)
                kl[number].append(divergences)
                agree[number].append(agreements)
    progress(total, total)
    blocks = blocks_of([len(window) - 1 for window in text.ids])
    return [
        TokenScores(
            blocks,
            nll=np.concatenate(nll[number]),
            kl=np.concatenate(kl[number]) if number else None,
            agree=np.concatenate(agree[number]) if number else None,
        )
        for number in range(len(sessions))
    ]


def score_classes(
    sessions: Sequence[Session], batches: Sequence[TextBatch], progress: Progress
) -> tuple[list[TokenScores], list[np.ndarray]]:
    """Scores of classifiers that share a tokenizer, one entry a text, and each one's class per text, [N]."""
    outputs: list[list[np.ndarray]] = [[] for _ in sessions]
    for index, batch in enumerate(batches):
        progress(index, len(batches))
        for number, session in enumerate(sessions):
            outputs[number].append(session.classify(batch))
    logits = [np.concatenate(own) for own in outputs]
    blocks = np.arange(len(logits[0]))
    scores = [TokenScores(blocks)]
    for own in logits[1:]:
        divergences, agreements = divergence(logits[0], own)
        scores.append(TokenScores(blocks, kl=divergences, agree=agreements))
    return scores, [own.argmax(-1) for own in logits]
