"""What each stage of a recipe gained and lost: every stage's model measured against the original, step by step.

A step's loss is the difference of what the two models around it lose against the *original*, so the steps add up to
the whole exactly. Its interval comes from the same predictions of both, paired: their noise is shared and leaves with
the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.bench import texts
from engine.bench.candidates import Open
from engine.bench.embeddings import Pooling, cosines, embed, read_pooling
from engine.bench.quality import score_answers, score_classes, score_tags, score_text
from engine.bench.statistics import DISPLAY_CONFIDENCE, bootstrap_mean, exp, mean_interval
from engine.bench.tagged import seen
from engine.checkpoint.info import Task
from engine.compare.explanation import Change, Measure, Step
from engine.metrics.base import EMBEDDERS, Doubles
from engine.protocol.errors import UserError

# progress(done, total): may raise Cancelled.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Stage:
    """The model after one stage of a run.

    Attributes:
        name, title, detail, position: as in Step.
        folder: a checkpoint, or the run's artefact.
        weight_bytes: bytes of its weights.
    """

    name: str
    title: str
    position: int | None
    folder: Path
    weight_bytes: int
    detail: str = ""


@dataclass(frozen=True)
class Scores:
    """How one model predicts the text beside the original, an entry a prediction (or text): arrays [N].

    Attributes:
        blocks: label of the stretch of text that an entry belongs to.
        loss: the distance from the original, in the measure's unit.
        nll: −ln of the probability of the true next token, nats; None without one.
    """

    blocks: np.ndarray
    loss: Doubles
    nll: Doubles | None = None


def measure_of(task: Task) -> Measure:
    """What a model of `task` is away from its original by."""
    return "cosine_distance" if task in EMBEDDERS else "kl_divergence_nats"


def score(original: Open, other: Open, text: str, most: int, progress: Progress) -> tuple[Scores, Scores]:
    """How the two open models predict the first `most` windows (or texts) of `text`: the original's scores, which lose
    nothing, and the other's. Raises UserError if the text is too short."""
    task, sessions = original.session.task, (original.session, other.session)
    length = min(session.context_length for session in sessions)
    if task in EMBEDDERS:
        pooling = read_pooling(original.place.folder) or Pooling()
        sentences = _sentences(text, most)
        done = [0]

        def both(place: int, total: int) -> None:
            progress(place + done[0] * total, 2 * total)

        left = embed(original.session, original.tokenizer, sentences, pooling, both)
        done[0] = 1
        right = embed(other.session, other.tokenizer, sentences, pooling, both)
        blocks = np.arange(len(sentences))
        return Scores(blocks, np.zeros(len(blocks))), Scores(blocks, 1.0 - cosines(left, right))
    if task == "text-classification":
        batches = [texts.batch_of(original.tokenizer, [sentence], length) for sentence in _sentences(text, most)]
        found, _ = score_classes(sessions, [(batch, batch) for batch in batches], progress)
    elif task == "token-classification":
        words = [seen(original.tokenizer, sentence.split(), length) for sentence in _sentences(text, most)]
        found, _ = score_tags(sessions, words, progress)
    elif task == "text2text-generation":
        sources = texts.sources(original.tokenizer, text, length)[:most]
        found = score_answers(sessions, sources, min(texts.ANSWER, length // 2), progress)
    else:
        windows = texts.windows(original.tokenizer, text, length)
        found = score_text(sessions, texts.Windows(windows.ids[:most], windows.cut), progress)
    first, second = found
    assert second.kl is not None
    return Scores(first.blocks, np.zeros(len(first.blocks)), first.nll), Scores(second.blocks, second.kl, second.nll)


def steps(stages: Sequence[Stage], weight_bytes: int, original: Scores, scores: Sequence[Scores]) -> list[Step]:
    """The waterfall: what each of `stages` changed against the one before it, the first against the original, which
    has `weight_bytes` bytes of weights."""
    found = []
    before, bytes_before = original, weight_bytes
    for stage, after in zip(stages, scores, strict=True):
        found.append(
            Step(
                name=stage.name,
                title=stage.title,
                detail=stage.detail,
                position=stage.position,
                weight_bytes=stage.weight_bytes - bytes_before,
                loss=change(after.loss - before.loss, after.blocks),
                perplexity=_perplexity(original, before, after),
            )
        )
        before, bytes_before = after, stage.weight_bytes
    return found


def change(differences: Doubles, blocks: np.ndarray) -> Change:
    """The mean of paired `differences` [N] with its interval."""
    mean, low, high = bootstrap_mean(differences, blocks)
    return Change(value=mean, low=low, high=high, samples=len(differences))


def seconds_steps(seconds: Sequence[Sequence[float]]) -> list[Change]:
    """Changes of the time per token from each model to the next: the same rounds of both, paired, Student's interval.

    `seconds` holds the rounds of each model, in order; all have the same number.
    """
    found = []
    for before, after in pairwise(seconds):
        differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
        mean, low, high = mean_interval(differences, DISPLAY_CONFIDENCE)
        found.append(Change(value=mean, low=low, high=high, samples=len(differences)))
    return found


def _perplexity(original: Scores, before: Scores, after: Scores) -> Change | None:
    """exp of a mean is no mean: the interval is that of the step's own ratio, at the level that it starts from."""
    if original.nll is None or before.nll is None or after.nll is None:
        return None
    level = exp(float((before.nll - original.nll).mean()))
    mean, low, high = bootstrap_mean(after.nll - before.nll, after.blocks)
    value, bottom, top = (level * (exp(x) - 1.0) for x in (mean, low, high))
    return Change(value=value, low=bottom, high=top, samples=len(after.nll))


def _sentences(text: str, most: int) -> list[str]:
    found = texts.sentences(text)[: most * 8]  # a window holds about so many
    if not found:
        raise UserError("The text is too short to measure quality on.", "Choose a text of at least a few pages.")
    return found
