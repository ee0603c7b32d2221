"""Where in a model the difference to its original arises, and which pass caused it: the JSON of `hasten explain`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.compare.table import Conditions

# What a model is away from its original by. "kl_divergence_nats": KL(original ‖ model) per prediction, in nats;
# "cosine_distance": 1 − the cosine between the two models' embeddings of a text.
Measure = Literal["kl_divergence_nats", "cosine_distance"]
LayerState = Literal["same", "changed", "dropped"]
Part = Literal["embedding", "layer", "head"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(_Part):
    """A measured difference with its 95 % interval, and how many observations it stands on."""

    value: float
    low: float
    high: float
    samples: int


class Step(_Part):
    """What one stage of a run's recipe did. Summed over the steps, every quantity gives the run's own.

    Attributes:
        name: the pass, or the runtime for the last step.
        title: as people know it.
        detail: its options in short ("int4 / 32"); empty for the last step.
        position: the pass's place among the recipe's passes; None for the runtime's build, the last step.
        weight_bytes: bytes of weights that came (positive) or went (negative).
        loss: by how much the model went away from (positive) or came nearer to its original, in the measure's unit.
        perplexity: change of perplexity as a share of the original's (0.01: one per cent more); None where there is
            none.
        seconds: change of the time per new token (encoders: per request), every stage built for the run's runtime; of
            the last step, from the original in Transformers to the original in that runtime. None where it was not
            measured.
    """

    name: str
    title: str
    detail: str = ""
    position: int | None
    weight_bytes: int
    loss: Change
    perplexity: Change | None = None
    seconds: Change | None = None


class Layer(_Part):
    """One of the original's layers, or what lies before them or behind them.

    Attributes:
        part: a layer; or all that comes before the first one, or behind the last.
        index: the layer's number in the original, from 0; None for the other parts.
        name: the module in the original ("model.layers.3"); empty for the other parts.
        state: its weights are the same as before, they changed, or a pass dropped it.
        pattern: what names its modules to a pass ("model.layers.2.*"); empty where nothing does.
        own_error: its error alone: given what it is given in the original, how far its output is from the original's,
            ‖difference‖ / ‖output‖ averaged over tokens. None for a dropped one and for the head.
        accumulated_error: the same, given what the layers before it make of the text now.
        won_back: how much nearer the model comes to its original when this layer alone has the original's weights.
    """

    part: Part
    index: int | None
    name: str
    state: LayerState
    pattern: str = ""
    own_error: float | None = None
    accumulated_error: float | None = None
    won_back: Change | None = None

    @property
    def title(self) -> str:
        """As people know it."""
        return {"embedding": "Embedding", "head": "Output head"}.get(self.part, f"Layer {self.index}")


class Explanation(_Part):
    """What `hasten explain` found out about one run.

    Attributes:
        run: the run's id.
        measure: what `loss` and `won_back` are measured in.
        text: the name of the text that it was measured on.
        predictions: observations: predicted tokens, or texts.
        weight_bytes: of the original.
        perplexity: of the original; None where there is none.
        seconds: per new token (or request) of the original in Transformers; None where speed was not measured.
        steps: the passes in order, then the runtime's build.
        layers: in the model's order; empty where they were not measured.
        layers_loss: how far the last checkpoint is from the original when both compute in float32, which is what the
            layers' shares are of.
        layers_note: why there are no layers.
        conditions: machine, versions, shape of the measurement.
        notices: what a reader of the figures should know.
        created: UTC time, ISO 8601.
    """

    run: str
    measure: Measure
    text: str
    predictions: int
    weight_bytes: int
    perplexity: float | None = None
    seconds: float | None = None
    steps: tuple[Step, ...]
    layers: tuple[Layer, ...] = ()
    layers_loss: float | None = None
    layers_note: str = ""
    conditions: Conditions = {}
    notices: tuple[str, ...] = ()
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def loss(self) -> float:
        """How far the run's result is from its original: the sum of the steps."""
        return sum(step.loss.value for step in self.steps)

    @property
    def worst_step(self) -> Step | None:
        """The step that lost most; None where none lost anything."""
        worst = max(self.steps, key=lambda step: step.loss.value, default=None)
        return worst if worst is not None and worst.loss.value > 0 else None

    @property
    def worst_layer(self) -> Layer | None:
        """The layer whose restoring wins most back; None where none does."""
        return next((layer for layer in self.ranking if layer.won_back and layer.won_back.value > 0), None)

    @property
    def ranking(self) -> tuple[Layer, ...]:
        """The layers that were restored, the one that wins most back first."""
        restored = [layer for layer in self.layers if layer.won_back is not None]
        return tuple(sorted(restored, key=lambda layer: -layer.won_back.value if layer.won_back else 0.0))


UNITS: dict[Measure, str] = {"kl_divergence_nats": "nats", "cosine_distance": ""}
