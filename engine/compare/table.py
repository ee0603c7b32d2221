"""What a comparison found, display-ready: the JSON of `hasten compare` and the data behind the Compare page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.compare.evidence import (
    Classified,
    EmbeddedText,
    HarnessScore,
    PairedTest,
    PairResult,
    QuestionResult,
    TokenView,
)
from engine.protocol.measurement import Measurement

Verdict = Literal["faster", "slower", "not_proven"]
Conditions = dict[str, str | int | float | bool | None]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnswerToken(_Part):
    """One generated token.

    Attributes:
        id: token id.
        text: the whole characters that this token completed; empty in the middle of a character.
        seconds: time to first token for the first one, else the time since the previous token.
        probability: what the model gave this token, or None where it was not computed.
    """

    id: int
    text: str
    seconds: float
    probability: float | None = None


class Answer(_Part):
    """What one candidate wrote. `text` is the joined texts of `tokens`."""

    prompt: str
    text: str
    tokens: tuple[AnswerToken, ...] = ()


class Segment(_Part):
    """A stretch of two aligned answers.

    Attributes:
        kind: "same", "changed" (both wrote something, differently), "removed" (only the reference wrote it) or
            "added" (only the candidate wrote it).
        reference_text, candidate_text: what each wrote there, whole characters.
        reference_tokens, candidate_tokens: half-open ranges of token positions in the two answers.
    """

    kind: Literal["same", "changed", "removed", "added"]
    reference_text: str
    candidate_text: str
    reference_tokens: tuple[int, int]
    candidate_tokens: tuple[int, int]


class AnswerDiff(_Part):
    """How a candidate's answer differs from the reference's.

    Attributes:
        prompt: index of the prompt.
        candidate: index of the candidate (1 or more).
        same: the two answers are equal, token by token.
        first_divergence: position of the first token that differs, in the reference's answer; None when same.
        segments: the aligned answers; the texts of one side, joined, give that side's answer.
        reference_probability, candidate_probability: what each model gave its own token at the first divergence.
        reference_views, candidate_views: every token of the two answers as both models see it; empty where they could
            not be asked (other vocabularies).
    """

    prompt: int
    candidate: int
    same: bool
    first_divergence: int | None = None
    segments: tuple[Segment, ...] = ()
    reference_probability: float | None = None
    candidate_probability: float | None = None
    reference_views: tuple[TokenView, ...] = ()
    candidate_views: tuple[TokenView, ...] = ()

    @property
    def changed(self) -> float:
        """The share of both answers' tokens that the other side did not write, 0 to 1."""
        ranges = [span for s in self.segments for span in (s.reference_tokens, s.candidate_tokens)]
        parted = [span for s in self.segments if s.kind != "same" for span in (s.reference_tokens, s.candidate_tokens)]
        total = sum(stop - start for start, stop in ranges)
        return sum(stop - start for start, stop in parted) / total if total else 0.0

    @property
    def shift(self) -> float | None:
        """By how much the two models' probabilities of a token differ, on average; None where that is not known."""
        views = (*self.reference_views, *self.candidate_views)
        return sum(abs(view.shift) for view in views) / len(views) if views else None


class Speedup(_Part):
    """How many times faster than the reference: above 1 is faster.

    Attributes:
        value: geometric mean of reference time / candidate time over the rounds, a fifth left out at either end.
        low, high: the interval at `confidence` on which the verdict stands.
        rounds: interleaved timing rounds.
    """

    value: float
    low: float
    high: float
    confidence: float
    rounds: int


class Change(_Part):
    """How far a metric of a candidate is from the reference's on the same cases: candidate less reference.

    Attributes:
        name: the metric's.
        low, high: the interval at `confidence` on which the verdict stands, by resampling cases of both together.
        samples: the cases.
    """

    name: str
    value: float
    low: float
    high: float
    confidence: float
    samples: int

    @property
    def proven(self) -> bool:
        """The interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Deadline(_Part):
    """Whether answers began in time, or of models that do not write: were there in time.

    Attributes:
        seconds: the deadline.
        answers, late: answers that were timed, and those among them that were later.
        p99: the time that 99 of 100 answers did not exceed.
        met: at most one of a hundred answers was late.
        late_at_most: the share that is late at most, 95 % sure.
        whole: the time runs to the whole answer, for the model does not write.
        clients: requests at once.
    """

    seconds: float
    answers: int
    late: int
    p99: float
    met: bool
    late_at_most: float
    whole: bool = False
    clients: int = 1


class Candidate(_Part):
    """One model of a comparison.

    Attributes:
        name: for display; unique in the comparison.
        reference: the run id or folder that was asked for.
        runtime, device: what ran it.
        measurements: in the metric catalogue's order; those that do not apply are absent.
        answers: one per prompt, in order; empty for encoders.
        second: the quality measurements on the second text; empty without one.
        questions: how its answers to the user's questions compare with the first candidate's; None without questions.
        memory: of a fresh process that opens the model and answers once, (seconds since it began, resident bytes);
            empty where memory was not measured.
        changes: how metrics differ from the first candidate's on the same cases; empty for the first.
        verdict, verdict_text, speedup: against the first candidate; None for the first itself.
        deadline: whether its answers began in time, where a deadline was given.
        load_deadline: the same with several requests at once, where these were timed too.
    """

    name: str
    reference: str
    runtime: str
    device: str
    measurements: tuple[Measurement, ...] = ()
    answers: tuple[Answer, ...] = ()
    second: tuple[Measurement, ...] = ()
    questions: PairedTest | None = None
    memory: tuple[tuple[float, int], ...] = ()
    changes: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    verdict_text: str = ""
    speedup: Speedup | None = None
    deadline: Deadline | None = None
    load_deadline: Deadline | None = None

    def changed(self, name: str) -> Change | None:
        """How the metric called `name` differs from the first candidate's, if that is known."""
        return next((change for change in self.changes if change.name == name), None)

    def measured(self, name: str) -> Measurement | None:
        """The measurement called `name`, if there is one."""
        return next((m for m in self.measurements if m.name == name), None)


class GridCell(_Part):
    """How a candidate fares with requests of one shape.

    Attributes:
        candidate: index of the candidate (1 or more); compared with the first.
        prompt_tokens, new_tokens, batch: the shape: tokens read and written for each of `batch` texts at once.
        speedup: how many times faster a whole request is.
        verdict: on this shape alone.
        reference_seconds, seconds: of a whole request, the reference's and the candidate's; medians.
    """

    candidate: int
    prompt_tokens: int
    new_tokens: int
    batch: int
    speedup: Speedup
    verdict: Verdict
    reference_seconds: float
    seconds: float


class Comparison(_Part):
    """Candidates measured interleaved, the first being the reference.

    Attributes:
        verdict, verdict_text: of the second candidate; with more candidates the text names each.
        diffs: one per prompt and candidate after the first.
        grid: requests of several shapes, where these were asked for.
        prompts: what was asked.
        questions: the user's questions with every candidate's answer.
        pairs: the user's source texts with every candidate's answer.
        harness: what the candidates score in tasks of the lm-evaluation-harness.
        classified: of classifiers, every text with its classes; None for other models.
        embedded: of encoders that embed, every text with its neighbours.
        conditions: threads, machine, load, versions, shape of a round.
        notices: sentences about what could not be measured, and why.
        created: UTC time, ISO 8601.
    """

    verdict: Verdict
    verdict_text: str
    candidates: tuple[Candidate, ...]
    diffs: tuple[AnswerDiff, ...] = ()
    grid: tuple[GridCell, ...] = ()
    prompts: tuple[str, ...] = ()
    questions: tuple[QuestionResult, ...] = ()
    pairs: tuple[PairResult, ...] = ()
    harness: tuple[HarnessScore, ...] = ()
    classified: Classified | None = None
    embedded: tuple[EmbeddedText, ...] = ()
    conditions: Conditions = {}
    notices: tuple[str, ...] = ()
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class ChatAnswers(_Part):
    """The result of a chat job: one answer per candidate, and how those after the first differ from it."""

    answers: tuple[Answer, ...]
    diffs: tuple[AnswerDiff, ...] = ()
