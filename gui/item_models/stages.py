"""The stages of a run as rows that follow its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication

from engine.compare.format import format_number
from engine.metrics import catalog as metrics
from engine.protocol.events import Event, Progress, StageChanged, Started
from gui.item_models.rows import Column, RowsModel
from gui.numbers import duration, quantity, remaining, size
from gui.translate import engine_text

FACTS_SHOWN = 4


@dataclass(frozen=True)
class StageState:
    """One stage as it stands.

    Attributes:
        state: "waiting", "running", "done", "cached", "failed" or "stopped".
        share: how far it is, 0 to 1, or None where unknown.
        text: what it is doing now.
        eta: seconds still to go, or None.
    """

    name: str
    state: str = "waiting"
    share: float | None = None
    text: str = ""
    eta: float | None = None
    seconds: float | None = None
    bytes: int | None = None
    facts: tuple[str, ...] = ()


class StagesModel(RowsModel[StageState]):
    """One row per stage, in order."""

    def __init__(self) -> None:
        columns: tuple[Column[StageState], ...] = (Column(_tr("Stage"), spoken, tip=lambda s: detail(s)),)
        super().__init__(columns)

    def expect(self, names: Iterable[str]) -> None:
        """Show these stages as waiting."""
        self.reset([StageState(name) for name in names])

    def apply(self, batch: Iterable[Event]) -> None:
        """Take a batch of events over; each touched row is repainted once."""
        touched = set()
        for event in batch:
            if isinstance(event, Started) and event.stages:
                self.expect(event.stages)
            elif isinstance(event, StageChanged):
                while event.index >= len(self.rows):
                    self.reset([*self.rows, StageState(event.name)])
                self.rows[event.index] = _changed(self.rows[event.index], event)
                touched.add(event.index)
            elif isinstance(event, Progress) and event.stage is not None and event.stage < len(self.rows):
                self.rows[event.stage] = _progressed(self.rows[event.stage], event)
                touched.add(event.stage)
        for place in touched:
            self._repaint(place)

    def stop(self, state: str) -> None:
        """Mark what is still running as "stopped" or "failed"."""
        for place, row in enumerate(self.rows):
            if row.state == "running":
                self.rows[place] = replace(row, state=state, eta=None)
                self._repaint(place)

    @property
    def done(self) -> int:
        """How many stages are done."""
        return sum(row.state in ("done", "cached") for row in self.rows)

    def _repaint(self, place: int) -> None:
        index = self.index(place, 0)
        self.dataChanged.emit(index, index)


def detail(stage: StageState) -> str:
    """The row's second line."""
    if stage.state == "running":
        return stage.text or _tr("starting")
    if stage.state in ("done", "cached"):
        parts = [size(stage.bytes)] if stage.bytes else []
        parts += stage.facts[:FACTS_SHOWN]
        return " · ".join(parts)
    return {
        "waiting": _tr("waiting"),
        "failed": _tr("did not finish"),
        "stopped": _tr("stopped; it will be taken up again from here"),
    }[stage.state]


def timing(stage: StageState) -> str:
    """What stands at the row's right end."""
    if stage.state == "running":
        parts = [f"{stage.share * 100:.0f} %"] if stage.share is not None else []
        return " · ".join([*parts, *filter(None, [remaining(stage.eta)])])
    if stage.state == "cached":
        return _tr("from cache")
    return duration(stage.seconds) if stage.state == "done" else ""


def spoken(stage: StageState) -> str:
    """The row for a screen reader."""
    return ", ".join(filter(None, (stage.name, detail(stage), timing(stage))))


def _changed(stage: StageState, event: StageChanged) -> StageState:
    facts = tuple(fact(key, value) for key, value in event.facts.items() if value is not None)
    return replace(
        stage,
        name=event.name or stage.name,
        state=event.state,
        seconds=event.seconds,
        bytes=event.bytes,
        facts=facts or stage.facts,
        share=None if event.state == "running" else stage.share,
        text="" if event.state == "running" else stage.text,
        eta=None,
    )


def _progressed(stage: StageState, event: Progress) -> StageState:
    share = min(1.0, event.done / event.total) if event.total > 0 else None
    return replace(stage, state="running", share=share, text=event.text or stage.text, eta=event.eta_seconds)


def fact(key: str, value: str | int | float | bool) -> str:
    """What a stage found, in words: "KL divergence 0.00283 nats", "layers rounded 210"."""
    spec = metrics.all_metrics().get(key)
    if spec is not None and not isinstance(value, str):
        return f"{engine_text(spec.title)} {quantity(value, spec.unit, key)}"
    if isinstance(value, bool):
        return f"{key} {_tr('yes') if value else _tr('no')}"
    if isinstance(value, float):
        # three digits would make a cosine of 0.9996 a whole 1
        return f"{key} {value:.4f}" if 0.995 <= value < 0.99995 else f"{key} {format_number(value)}"
    return f"{key} {value}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("StagesModel", text)
