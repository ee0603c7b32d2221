"""What a metric declares, and the observations that it turns into a measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engine.checkpoint.info import Task
from engine.protocol.measurement import Better

DECODERS: frozenset[Task] = frozenset({"text-generation", "text2text-generation"})
CLASSIFIERS: frozenset[Task] = frozenset({"text-classification"})
EMBEDDERS: frozenset[Task] = frozenset({"feature-extraction", "fill-mask"})
TAGGERS: frozenset[Task] = frozenset({"token-classification"})
ENCODERS: frozenset[Task] = CLASSIFIERS | TAGGERS | EMBEDDERS
ALL: frozenset[Task] = DECODERS | ENCODERS

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MetricSpec:
    """A metric as data; importing it must not import torch.

    Attributes:
        name: its key in results; also the name of its folder.
        title: as the window shows it.
        unit, better: as in engine.protocol.measurement.STANDARD, or the metric's own.
        help: what it tells, in plain words.
        tasks: the tasks it applies to.
        kind: which part of the results it belongs to.
        needs_reference: it compares with the first candidate, which has none itself.
        run: "module:function" of `measure(observed) -> Measurement | None` (None: not observed this time).
        rows: "module:function" of `rows(observed) -> Rows | None`, of a metric that two candidates are compared by case
            by case; empty for others.
        package: what must be installed beside Hasten for it (the extra “eval”), by its import name; usually nothing.
    """

    name: str
    title: str
    unit: str
    better: Better
    help: str
    tasks: frozenset[Task]
    kind: Literal["speed", "memory", "size", "cost", "quality"]
    run: str
    needs_reference: bool = False
    rows: str = ""
    package: str = ""


@dataclass(frozen=True)
class Rows:
    """What a metric is computed of: `statistic(*columns)`, one row a case; whole rows are resampled.

    Attributes:
        columns: arrays of N rows.
        each: the metric of every case alone, [N]; None where a case alone has none.
    """

    statistic: Callable[..., float]
    columns: tuple[npt.NDArray[Any], ...]
    each: Doubles | None = None


@dataclass(frozen=True)
class Written:
    """What a model wrote to one of the user's source texts, and what people would have written."""

    references: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Tagged:
    """How a tagger did on a labelled data set.

    Attributes:
        right: per word, 1 where the tag is right, [N].
        sentences: label of the sentence of each, [N].
        spans: per sentence, stretches that are rightly named, that the model names, and that people name, [S, 3]; None
            where the tags name no stretches.
    """

    right: Doubles
    sentences: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class DecodeRound:
    """One round of answering a prompt of `prompt_tokens`.

    Attributes:
        first_seconds: to the first token; the mean where a round is several answers.
        next_seconds: from each token to the next, of all answers.
        answers: how many answers the round is made of.
        firsts: to the first token, of each answer.
        drafted, accepted: tokens guessed ahead, and guessed rightly, in all answers.
        waited: seconds of `next_seconds` in which the thread waited for a processor that others had, of all answers; 0
            where the system does not tell.
        joules: energy that all answers took, their prompts' reading included; None where it was not measured.
    """

    first_seconds: float
    next_seconds: tuple[float, ...]
    prompt_tokens: int
    answers: int = 1
    firsts: tuple[float, ...] = ()
    drafted: int = 0
    accepted: int = 0
    waited: float = 0.0
    joules: float | None = None

    @property
    def computing_seconds(self) -> float:
        """`decode_seconds` without the waiting for a processor."""
        return max(0.05 * self.decode_seconds, self.decode_seconds - self.waited / self.answers)

    @property
    def tokens(self) -> int:
        """Tokens that all answers wrote."""
        return len(self.next_seconds) + self.answers

    @property
    def answer_seconds(self) -> float:
        """Seconds that all answers took, their prompts' reading included."""
        return self.first_seconds * self.answers + sum(self.next_seconds)

    @property
    def decode_seconds(self) -> float:
        """Seconds of one answer's tokens after the first; the mean over answers."""
        return sum(self.next_seconds) / self.answers


@dataclass(frozen=True)
class RequestRound:
    """`requests` texts sent one after another through an encoder, `tokens` each, in `seconds` together.

    Attributes:
        each: seconds of every request alone.
    """

    seconds: float
    requests: int
    tokens: int
    each: tuple[float, ...] = ()


@dataclass(frozen=True)
class LoadRound:
    """`requests` sent by `clients` at once, each its next one as soon as its last one was answered, in `seconds`.

    Attributes:
        responses: seconds from sending to the first token (of an encoder: to the answer), waiting in the queue
            included; each client's first request is left out.
        gaps: seconds from each token to the next.
    """

    seconds: float
    requests: int
    clients: int
    responses: tuple[float, ...]
    gaps: tuple[float, ...] = ()


@dataclass(frozen=True)
class Peaks:
    """The most memory a fresh process took for opening the model and answering once; gpu is None without a GPU.

    Attributes:
        trace: seconds since the process began, and resident bytes then, as they were read from outside.
    """

    rss_bytes: int
    gpu_bytes: int | None = None
    trace: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class TokenScores:
    """Teacher-forced predictions, one entry a predicted token (or a text, for classifiers): arrays [N].

    Attributes:
        blocks: label of the stretch of text that each entry belongs to; stretches are what is resampled.
        nll: −ln of the probability given to the true next token, nats; None for classifiers.
        kl: KL(reference ‖ candidate) of the whole distribution, nats; None without a reference.
        agree: 1 where the most probable entry is the reference's, else 0; None without a reference.
        top5: share of the reference's five most probable entries among this one's five; None for classifiers too.
        squared: mean squared difference of the logits from the reference's; None without a reference.
    """

    blocks: npt.NDArray[np.int64]
    nll: Doubles | None = None
    kl: Doubles | None = None
    agree: Doubles | None = None
    top5: Doubles | None = None
    squared: Doubles | None = None


@dataclass(frozen=True)
class Observed:
    """Everything that was observed of one candidate. What was not observed is empty or None.

    Attributes:
        weight_bytes: bytes of weights that the runtime reads for one token.
        rounds, requests: timed rounds in order, of a decoder or an encoder.
        load: rounds of several clients at once.
        rates: requests a second of all replicas together, one a round.
        scores: on the evaluation text.
        parted: per prompt, how many tokens the answer shares with the reference's before the first other one, [N].
        answered: per question of the user's, 1 where the answer is the expected one, [N].
        written: per source text of the user's, the answer beside the references, N of them.
        neighbours: per text, the share of its nearest texts that the reference's embeddings give too, [N].
        cosines: per text, the cosine between this candidate's embedding and the reference's, [N].
        similarities, gold: per sentence pair of the data set, predicted cosine and people's score, [N].
        price_per_hour: what an hour of the machine costs; None where nobody has said.
        correct: per labelled text, 1 where the class is right, [N].
        classes, labels: per labelled text, the predicted and the right class, [N].
        tagged: of taggers, how they did on the data set.
        conditions: how the timing, the memory, the quality was measured: whatever makes it repeatable.
    """

    weight_bytes: int
    rounds: tuple[DecodeRound, ...] = ()
    requests: tuple[RequestRound, ...] = ()
    load: tuple[LoadRound, ...] = ()
    rates: tuple[float, ...] = ()
    peaks: Peaks | None = None
    scores: TokenScores | None = None
    parted: Doubles | None = None
    answered: Doubles | None = None
    written: tuple[Written, ...] = ()
    neighbours: Doubles | None = None
    cosines: Doubles | None = None
    similarities: Doubles | None = None
    gold: Doubles | None = None
    correct: Doubles | None = None
    price_per_hour: float | None = None
    classes: npt.NDArray[np.int64] | None = None
    labels: npt.NDArray[np.int64] | None = None
    tagged: Tagged | None = None
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def conditions_of(self, kind: str) -> dict[str, Any]:
        """The conditions under which measurements of `kind` were made."""
        return self.conditions.get(kind, {})
