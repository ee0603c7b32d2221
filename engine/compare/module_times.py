"""Where models spend their time, module by module: the JSON of `hasten profile`. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import mean
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.bench.statistics import over_rounds
from engine.compare.modules import Place
from engine.compare.table import Conditions
from engine.protocol.measurement import Measurement

# "decode": one new token. "prefill": reading the prompt, or answering an encoder's request. An encoder-decoder reads it
# with its encoder; the first token of the answer, which the decoder gives for its start alone, belongs to it.
PhaseName = Literal["decode", "prefill"]
# How finely rows are told apart: every part of every layer; layers whole; parts of all layers together.
Grouping = Literal["part", "layer", "kind"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModuleTime(_Part):
    """What one part of a model took.

    Attributes:
        place: the part; layers are counted as in the original, also where some were dropped.
        seconds: in each timed pass (`values`), its median and interval.
        weight_bytes: bytes of the weights that it holds; what two parts share counts for each.
        operators: mean seconds a pass by the runtime's operator; empty where operators are not told apart.
    """

    place: Place
    seconds: Measurement
    weight_bytes: int = 0
    operators: dict[str, float] = {}


class Phase(_Part):
    """One kind of work.

    Attributes:
        seconds: a whole pass under the profiler.
        plain: a whole pass without it, from a run of its own.
        modules: what the pass consists of; their seconds add up to `seconds` pass by pass.
    """

    name: PhaseName
    seconds: Measurement
    plain: Measurement
    modules: tuple[ModuleTime, ...]


class ModelTimes(_Part):
    """One model's profile.

    Attributes:
        reference: as it was asked for.
        name: what people call it.
        runtime: the runtime's title.
    """

    reference: str
    name: str
    runtime: str
    phases: tuple[Phase, ...]

    def phase(self, name: PhaseName) -> Phase | None:
        """The phase called `name`, None if the model has none."""
        return next((phase for phase in self.phases if phase.name == name), None)


class ModuleProfile(_Part):
    """Models beside one another, part by part.

    Attributes:
        prompt_tokens: length of the prompt.
        notices: what a reader of the figures should know.
        created: UTC time, ISO 8601.
    """

    models: tuple[ModelTimes, ...]
    prompt_tokens: int
    conditions: Conditions = {}
    notices: tuple[str, ...] = ()
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def phases(self) -> tuple[PhaseName, ...]:
        """The phases that any model has, decoding first."""
        names: tuple[PhaseName, ...] = ("decode", "prefill")
        return tuple(name for name in names if any(model.phase(name) for model in self.models))


class Row(_Part):
    """A part, or several together, in every model.

    Attributes:
        place: the part; for a whole layer with kind "layer", for parts of all layers together without a layer (an
            encoder's and its decoder's stay apart).
        whole: the row is a whole layer.
        cells: what it took in each model; None where the model has no such part.
        shares: of the whole pass, 0 to 1, of the means so that they add up; None as for cells.
    """

    place: Place
    whole: bool
    cells: tuple[ModuleTime | None, ...]
    shares: tuple[float | None, ...]

    @property
    def title(self) -> str:
        """As people know it."""
        return self.place.titled() if self.whole else self.place.title


def rows(found: ModuleProfile, phase: PhaseName, grouping: Grouping = "part") -> list[Row]:
    """The parts of all models side by side, in the order in which a token goes through them."""
    group = _GROUPS[grouping]
    sides: list[dict[Place, ModuleTime]] = []
    wholes: list[float] = []
    for model in found.models:
        measured = model.phase(phase)
        together: dict[Place, list[ModuleTime]] = {}
        for module in measured.modules if measured else ():
            together.setdefault(group(module.place), []).append(module)
        sides.append({place: _sum(place, modules) for place, modules in together.items()})
        wholes.append(mean(measured.seconds.values) if measured else 0.0)
    places = sorted({place for side in sides for place in side}, key=lambda place: place.order)
    made = []
    for place in places:
        cells = tuple(side.get(place) for side in sides)
        shares = tuple(
            mean(cell.seconds.values) / whole if cell is not None and whole else None
            for cell, whole in zip(cells, wholes, strict=True)
        )
        whole_layer = grouping == "layer" and place.layer is not None
        made.append(Row(place=place, whole=whole_layer, cells=cells, shares=shares))
    return made


def module_time(
    place: Place, seconds: Sequence[float], weight_bytes: int, operators: dict[str, float], conditions: Conditions
) -> ModuleTime:
    """What a part took in each pass."""
    measured = over_rounds("request_seconds", [max(one, 1e-9) for one in seconds], conditions)
    return ModuleTime(
        place=place,
        seconds=measured.model_copy(update={"name": "module_seconds"}),
        weight_bytes=weight_bytes,
        operators=operators,
    )


def _sum(place: Place, modules: Sequence[ModuleTime]) -> ModuleTime:
    operators: dict[str, float] = {}
    for module in modules:
        for name, seconds in module.operators.items():
            operators[name] = operators.get(name, 0.0) + seconds
    passes = [sum(each) for each in zip(*(module.seconds.values for module in modules), strict=True)]
    return module_time(place, passes, sum(module.weight_bytes for module in modules), operators, {})


_GROUPS: dict[Grouping, Callable[[Place], Place]] = {
    "part": lambda place: place,
    "layer": lambda place: place if place.layer is None else place.model_copy(update={"kind": "layer"}),
    "kind": lambda place: place.model_copy(update={"layer": None}),
}
