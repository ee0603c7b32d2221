"""What the engine tells while it works: immutable events, told apart by their `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.protocol.errors import Failure
from engine.protocol.measurement import Measurement


class _Event(BaseModel):
    # "strings" keeps non-finite floats until the codec spells them; the default would lose them in untyped results
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    job: str = ""


class Ready(_Event):
    """The worker has started and accepts jobs."""

    type: Literal["ready"] = "ready"
    protocol: int
    version: str
    pid: int


class Started(_Event):
    """The job has begun; `stages` names its steps in order (empty for jobs without stages)."""

    type: Literal["started"] = "started"
    stages: tuple[str, ...] = ()


class StageChanged(_Event):
    """A stage began or ended.

    Attributes:
        index: position in Started.stages.
        state: "running", "done", "cached" (taken from the stage cache) or "failed".
        seconds: wall time the stage took, when it ended.
        bytes: size on disk of what the stage wrote, when it ended.
        facts: what the stage found or did, for display ({"layers dropped": "3, 7"}).
    """

    type: Literal["stage"] = "stage"
    index: int
    name: str
    state: Literal["running", "done", "cached", "failed"]
    seconds: float | None = None
    bytes: int | None = None
    facts: dict[str, str | int | float | bool | None] = {}


class Progress(_Event):
    """How far the current work is: `done` of `total` `unit`s; `total` 0 means unknown."""

    type: Literal["progress"] = "progress"
    stage: int | None = None
    done: float
    total: float
    unit: str = ""
    text: str = ""
    eta_seconds: float | None = None


class Measured(_Event):
    """A measurement is complete, or (`final` False) a running figure that will change."""

    type: Literal["measured"] = "measured"
    candidate: int
    measurement: Measurement
    final: bool = True


class Token(_Event):
    """One generated token.

    Attributes:
        candidate: index of the candidate that wrote it; 0 is the reference.
        prompt: index of the prompt answered.
        index: position in the answer, from 0.
        text: the whole characters that this token completed; may be empty in the middle of a character.
        seconds: time to first token for index 0, else the inter-token latency.
        probability: the model's probability of this token, or None where it was not computed.
        end: True on the last token of the answer.
    """

    type: Literal["token"] = "token"
    candidate: int
    prompt: int
    index: int
    token_id: int
    text: str
    seconds: float
    probability: float | None = None
    end: bool = False


class Gauge(_Event):
    """The machine's load as the job sees it, about twice a second."""

    type: Literal["gauge"] = "gauge"
    rss_bytes: int
    available_bytes: int
    cpu_percent: float
    gpu_percent: float | None = None
    gpu_bytes: int | None = None
    gpu_total_bytes: int | None = None


class Log(_Event):
    """A line for the folded log."""

    type: Literal["log"] = "log"
    level: Literal["info", "notice", "warning"] = "info"
    text: str


class Finished(_Event):
    """The job succeeded; `result` is its JSON document (see engine.jobs for each job's)."""

    type: Literal["finished"] = "finished"
    result: dict[str, Any]


class Failed(_Event):
    """The job ended without a result."""

    type: Literal["failed"] = "failed"
    failure: Failure


Event = Annotated[
    Ready | Started | StageChanged | Progress | Measured | Token | Gauge | Log | Finished | Failed,
    Field(discriminator="type"),
]
