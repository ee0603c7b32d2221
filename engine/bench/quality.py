"""How far a candidate's predictions moved from the reference's, a window at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.bench.tagged import Seen
from engine.bench.texts import Windows, blocks_of
from engine.metrics.base import Doubles, TokenScores
from engine.metrics.logits import best, divergence, negative_log_likelihood, normalisers, overlap, squared_error
from engine.runtimes.base import Floats, Ids, Session, TextBatch

# progress(done, total): may raise Cancelled.
Progress = Callable[[int, int], None]


def score_text(sessions: Sequence[Session], text: Windows, progress: Progress) -> list[TokenScores]:
    """Teacher-forced scores of decoders that share a tokenizer; the first session is the reference.

    Each window goes through every session before the next one, so only one window's logits [T, V] of two models are
    held at a time.
    """
    tally = _Tally(len(sessions))
    total = len(text.ids) * len(sessions)
    for index, window in enumerate(text.ids):
        for number, session in enumerate(sessions):
            progress(index * len(sessions) + number, total)
            tally.add(number, session.logits(window[None, :-1])[0], window[1:])
    progress(total, total)
    return tally.scores()


def score_answers(
    sessions: Sequence[Session], prompts: Sequence[Ids], longest: int, progress: Progress
) -> list[TokenScores]:
    """Teacher-forced scores of encoder-decoders that share a tokenizer, on the first one's own greedy answers.

    Each of `prompts` [T] is answered by the first session, the reference, with at most `longest` tokens; then every
    session predicts that answer, its end included, token after token.
    """
    tally = _Tally(len(sessions))
    total = len(prompts) * (len(sessions) + 1)
    for index, prompt in enumerate(prompts):
        done = index * (len(sessions) + 1)
        progress(done, total)
        answer = np.array([step.token_id for step in sessions[0].generate(prompt, longest)], dtype=np.int64)
        for number, session in enumerate(sessions):
            progress(done + 1 + number, total)
            first = session.prefill(prompt[None])[:, None]
            rest = [session.extend(answer[None, :-1])] if len(answer) > 1 else []
            tally.add(number, np.concatenate([first, *rest], axis=1)[0], answer)
    progress(total, total)
    return tally.scores()


class _Tally:
    """Adds up predictions of one text after another; of each, the first session's come first."""

    def __init__(self, sessions: int) -> None:
        self._nll: list[list[np.ndarray]] = [[] for _ in range(sessions)]
        self._kl: list[list[np.ndarray]] = [[] for _ in range(sessions)]
        self._agree: list[list[np.ndarray]] = [[] for _ in range(sessions)]
        self._top5: list[list[np.ndarray]] = [[] for _ in range(sessions)]
        self._squared: list[list[np.ndarray]] = [[] for _ in range(sessions)]
        self._lengths: list[int] = []
        self._reference: tuple[Floats, Doubles, Ids]

    def add(self, number: int, logits: Floats, targets: Ids) -> None:
        """Session `number` gave `logits` [T, V] where `targets` [T] follow."""
        normaliser = normalisers(logits)
        self._nll[number].append(negative_log_likelihood(logits, targets, normaliser))
        if number == 0:
            self._reference = logits, normaliser, best(logits)
            self._lengths.append(len(targets))
            return
        divergences, agreements = divergence(self._reference[0], logits, self._reference[1], normaliser)
        self._kl[number].append(divergences)
        self._agree[number].append(agreements)
        self._top5[number].append(overlap(self._reference[2], best(logits)))
        self._squared[number].append(squared_error(self._reference[0], logits))

    def scores(self) -> list[TokenScores]:
        """One a session."""
        blocks = blocks_of(self._lengths)
        return [
            TokenScores(
                blocks,
                nll=np.concatenate(nll),
                kl=_joined(self._kl[number]),
                agree=_joined(self._agree[number]),
                top5=_joined(self._top5[number]),
                squared=_joined(self._squared[number]),
            )
            for number, nll in enumerate(self._nll)
        ]


def _joined(parts: list[np.ndarray]) -> Doubles | None:
    return np.concatenate(parts) if parts else None


def score_classes(
    sessions: Sequence[Session], batches: Sequence[Sequence[TextBatch]], progress: Progress
) -> tuple[list[TokenScores], list[np.ndarray]]:
    """Scores of classifiers, one entry a text, and each one's probabilities per text, [N, C].

    `batches` holds, of every text, what each session reads of it.
    """
    outputs: list[list[np.ndarray]] = [[] for _ in sessions]
    for index, own in enumerate(batches):
        progress(index, len(batches))
        for number, (session, batch) in enumerate(zip(sessions, own, strict=True)):
            outputs[number].append(session.classify(batch))
    logits = [np.concatenate(rows) for rows in outputs]
    return _against_first(logits, np.arange(len(logits[0])))


def score_tags(
    sessions: Sequence[Session], sentences: Sequence[Seen], progress: Progress
) -> tuple[list[TokenScores], list[np.ndarray]]:
    """Scores of taggers that share a tokenizer, one entry a word that is seen (the sentence is its block), and each
    one's probabilities per word, [N, C]."""
    outputs: list[list[np.ndarray]] = [[] for _ in sessions]
    for index, sentence in enumerate(sentences):
        progress(index, len(sentences))
        for number, session in enumerate(sessions):
            outputs[number].append(session.tag(sentence.batch)[0, sentence.tokens])
    blocks = np.repeat(np.arange(len(sentences)), [len(sentence.tokens) for sentence in sentences])
    return _against_first([np.concatenate(own) for own in outputs], blocks)


def _against_first(logits: list[np.ndarray], blocks: np.ndarray) -> tuple[list[TokenScores], list[np.ndarray]]:
    """Scores of `logits` [N, C] against the first ones, and the probabilities [N, C]."""
    scores = [TokenScores(blocks)]
    for own in logits[1:]:
        divergences, agreements = divergence(logits[0], own)
        squared = squared_error(logits[0], own)
        scores.append(TokenScores(blocks, kl=divergences, agree=agreements, squared=squared))
    return scores, [np.exp(own - normalisers(own)[:, None]) for own in logits]
