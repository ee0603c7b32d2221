"""What can be compared: the open checkpoint and every run; names and tasks of references."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.checkpoint.info import Task
from engine.compare import graph
from engine.compare.table import Comparison
from engine.protocol.errors import UserError
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from engine.runtimes import catalog as runtimes
from engine.runtimes.graphs import graph_refusal
from gui.document.document import Document
from gui.item_models.runs import row_of
from gui.numbers import when
from gui.pages.compare.graph import Compiled


class Choices:
    """The references that Compare offers, read from the history."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._runs = RunStore().list()

    def pairs(self) -> list[tuple[str, str]]:
        """(reference, name) of the open checkpoint, the candidates in force and every run."""
        known = {}
        if self._document.checkpoint:
            known[self._document.checkpoint] = self._document.model_name
        for reference in self._document.candidates:
            known.setdefault(reference, self.name(reference))
        for record in self._runs:
            known.setdefault(record.id, self.name(record.id))
        shared = Counter(known.values())
        for record in self._runs:  # runs of the same name are told apart by their time
            if shared[known[record.id]] > 1:
                known[record.id] += f" · {when(record.created)}"
        return list(known.items())

    def default(self) -> tuple[str, ...]:
        """The open checkpoint and the latest run that started from it; empty when there is no such run."""
        here = self._document.checkpoint
        record = next((r for r in self._runs if r.checkpoint == here), None)
        if record is not None and here is not None:
            return (here, record.id)
        if here is None and self._runs and Path(self._runs[0].checkpoint).exists():
            return (self._runs[0].checkpoint, self._runs[0].id)
        return ()

    def name(self, reference: str) -> str:
        """What people call a checkpoint folder or a run."""
        record = self.record(reference)
        if record is not None and record.checkpoint == self._document.checkpoint:
            return record.name
        if record is not None:
            return f"{record.checkpoint_name} · {record.name}"
        if reference == self._document.checkpoint:
            return self._document.model_name
        return Path(reference).name or reference

    def record(self, reference: str) -> RunRecord | None:
        """The run called `reference`, or None for a folder."""
        return next((record for record in self._runs if record.id == reference), None)

    def task(self, reference: str) -> Task | None:
        """What the model is for, where that is known without opening it."""
        record = self.record(reference)
        if record is not None:
            return record.task
        if reference == self._document.checkpoint and self._document.info is not None:
            return self._document.info.task
        return next((r.task for r in self._runs if r.checkpoint == reference), None)

    def compiled(self, reference: str, name: str) -> Compiled:
        """What the compiler did to the model that the page calls `name`."""
        record = self.record(reference)
        if record is None:
            return Compiled(name)
        shown = "" if graph_refusal(record.recipe.target.runtime, record.task) else record.id
        try:
            return Compiled(name, graph.read(record.artefact_folder), run=shown)
        except UserError:
            spec = runtimes.all_runtimes().get(record.recipe.target.runtime)
            return Compiled(name, outdated=spec is not None and spec.reports_graph)

    def latest(self, candidates: tuple[str, ...]) -> Comparison | None:
        """The latest comparison of exactly these candidates, from the history."""
        for reference in candidates:
            try:
                record = RunStore().get(reference) if self.record(reference) else None
            except UserError:
                continue
            found = row_of(record).comparison if record else None
            if found and tuple(c.reference for c in found.candidates) == candidates:
                return found
        return None
