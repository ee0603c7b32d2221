"""The runs of the history as a table: what was done, how fast, how small, how faithful, when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from PySide6.QtCore import QCoreApplication

from engine.compare.format import format_percent
from engine.compare.table import Candidate, Comparison
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.protocol.measurement import Measurement
from engine.recipe.options import parse_options
from engine.recipe.recipe import Recipe
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from engine.runtimes import catalog as runtimes
from gui.item_models.rows import Column
from gui.numbers import MISSING, measured, ratio, size, when
from gui.translate import engine_text


@dataclass(frozen=True)
class RunRow:
    """A run with its latest comparison.

    Attributes:
        record: the run.
        comparison: the latest one it took part in, or None.
        candidate: its own part of that comparison, or None.
    """

    record: RunRecord
    comparison: Comparison | None = None
    candidate: Candidate | None = None

    @property
    def speedup(self) -> float | None:
        """Times as fast as its reference."""
        return self.candidate.speedup.value if self.candidate and self.candidate.speedup else None

    @property
    def agreement(self) -> float | None:
        """Share of tokens (or cosine, for embeddings) that agrees with its reference, 0 to 1."""
        for name in ("top1_agreement", "cosine_agreement"):
            found = self.candidate.measured(name) if self.candidate else None
            if found:
                return found.value
        return None


def load_rows(store: RunStore) -> list[RunRow]:
    """Every run, newest first."""
    return [row_of(record) for record in store.list()]


def row_of(record: RunRecord) -> RunRow:
    """`record` with the latest comparison in which it was compared with something else."""
    for summary in reversed(record.comparisons):
        try:
            text = (record.folder / summary.file).read_text(encoding="utf-8")
            comparison = Comparison.model_validate(json.loads(text))
        except (OSError, ValueError, ValidationError):
            continue  # written by another version: the run itself is still worth a row
        mine = next((c for c in comparison.candidates[1:] if c.reference == record.id), None)
        if mine is not None:
            return RunRow(record, comparison, mine)
    return RunRow(record)


def measured_speed(checkpoint: str) -> Measurement | None:
    """Tokens per second of an unchanged checkpoint, from the latest comparison that began with it."""
    for record in RunStore().list():
        found = row_of(record).comparison if record.checkpoint == checkpoint and record.comparisons else None
        if found is not None and found.candidates[0].reference == checkpoint:
            return found.candidates[0].measured("decode_tokens_per_second")
    return None


def recipe_line(recipe: Recipe) -> str:
    """The recipe in one line: "25 % FFN → int8 / 32 → ONNX Runtime"."""
    parts = []
    for entry in recipe.active:
        try:
            spec = passes.get(entry.name)
            parts.append(spec.glyph(parse_options(spec.options, entry.options, entry.name)))
        except UserError:
            parts.append(entry.name)
    try:
        parts.append(engine_text(runtimes.get(recipe.target.runtime).title))
    except UserError:
        parts.append(recipe.target.runtime)
    return " → ".join(parts)


def columns() -> Sequence[Column[RunRow]]:
    """The history's columns."""
    return (
        Column(_tr("Name"), lambda r: r.record.name, tip=lambda r: r.record.id),
        Column(_tr("Model"), lambda r: r.record.checkpoint_name, tip=lambda r: r.record.checkpoint),
        Column(_tr("Recipe"), lambda r: recipe_line(r.record.recipe), tip=lambda r: r.record.recipe.to_yaml()),
        Column(
            _tr("Speed"),
            lambda r: ratio(r.speedup),
            sort=lambda r: r.speedup or 0.0,
            tip=lambda r: r.candidate.verdict_text if r.candidate else _tr("Not compared yet"),
            number=True,
            help=_tr("Times as fast as the model it was compared with"),
        ),
        Column(
            _tr("Size"),
            lambda r: size(r.record.weight_bytes),
            sort=lambda r: r.record.weight_bytes,
            tip=lambda r: _tr("before: %1").replace("%1", size(r.record.size_before)),
            number=True,
            help=_tr("Bytes of all weights that the runtime reads"),
        ),
        Column(
            _tr("Quality"),
            lambda r: MISSING if r.agreement is None else format_percent(r.agreement),
            sort=lambda r: -1.0 if r.agreement is None else r.agreement,
            tip=_quality,
            number=True,
            help=_tr("How often it picks the same token as the model it was compared with"),
        ),
        Column(_tr("When"), lambda r: when(r.record.created), sort=lambda r: r.record.created, number=True),
    )


def _quality(row: RunRow) -> str:
    if row.candidate is None:
        return _tr("Not compared yet")
    names = ("top1_agreement", "kl_divergence_nats", "perplexity", "cosine_agreement", "spearman", "accuracy")
    found = [m for name in names if (m := row.candidate.measured(name))]
    from engine.metrics import catalog as metrics

    return "\n".join(f"{engine_text(metrics.get(m.name).title)}: {measured(m)}" for m in found)


def _tr(text: str) -> str:
    return QCoreApplication.translate("RunsModel", text)
