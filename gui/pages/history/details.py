"""The panel beside the table: where a run came from, what each stage did, what came of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from engine.compare.format import format_ratio
from engine.runs.record import RunRecord, StageRecord
from engine.runs.store import RunStore
from gui.item_models.runs import RunRow, recipe_line
from gui.item_models.stages import fact
from gui.numbers import duration, size, when
from gui.widgets.buttons import button, icon_button
from gui.widgets.facts import Facts
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.text import label


class Details(Card):
    """Facts, lineage and stages of one run.

    Signals:
        compare, reopen, rerun, export, delete: asked of the run on show.
        jump(str): another run's id, from the lineage.
    """

    compare = Signal()
    reopen = Signal()
    rerun = Signal()
    export = Signal()
    delete = Signal()
    jump = Signal(str)

    def __init__(self) -> None:
        super().__init__(kind="pane", spacing=8, margins=16)
        self._name, self._verdict = label("", "section", wrap=True), label("", wrap=True, selectable=True)
        self._facts = Facts()
        self._lineage = label("", wrap=True)
        self._lineage.setTextFormat(Qt.TextFormat.RichText)
        self._lineage.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._lineage.linkActivated.connect(self.jump)
        self._lineage.setAccessibleName(self.tr("Lineage"))
        self._stages = Facts(stacked=True)
        inner = QWidget()
        box = column(
            self._name,
            self._verdict,
            self._facts,
            label(self.tr("Comes from, leads to"), "caption"),
            self._lineage,
            label(self.tr("Stages"), "caption"),
            self._stages,
            None,
            spacing=8,
        )
        inner.setLayout(box)
        self.body.addWidget(scrolled(inner), 1)
        self.compare_button = button(self.tr("Compare"), self.compare.emit, kind="primary", icon="compare")
        self.compare_button.setToolTip(self.tr("Compare with the model it came from, or the two selected runs"))
        self.reopen_button = button(self.tr("Reopen"), self.reopen.emit, icon="folder")
        self.reopen_button.setToolTip(self.tr("Load this run's checkpoint and recipe, to change and run them"))
        self.rerun_button = button(self.tr("Run again"), self.rerun.emit, icon="play")
        self.export_button = button(self.tr("Export…"), self.export.emit, icon="save")
        self.delete_button = icon_button("trash", self.tr("Delete…"), self.delete.emit, token="bad")
        self.body.addLayout(row(self.compare_button, self.export_button, None, self.delete_button))
        self.body.addLayout(row(self.reopen_button, self.rerun_button, None))

    def show_rows(self, rows: list[RunRow], store: RunStore) -> None:
        """Show the first of the selected rows; the buttons act on all of them where that makes sense."""
        first = rows[0]
        record = first.record
        self._name.setText(record.name)
        words = first.candidate.verdict_text if first.candidate else self.tr("Not compared yet.")
        self._verdict.setText(words[:1].upper() + words[1:])
        self._facts.show_facts(
            [
                (self.tr("Model"), record.checkpoint_name, record.checkpoint),
                (self.tr("Recipe"), recipe_line(record.recipe), record.recipe.to_yaml()),
                (
                    self.tr("Weights"),
                    f"{size(record.size_before)} → {size(record.weight_bytes)}"
                    f" ({format_ratio(record.weight_bytes / max(1, record.size_before))})",
                    self.tr("Bytes of all weights that the runtime reads"),
                ),
                (self.tr("Folder size"), size(record.size_after), str(record.artefact_folder)),
                (self.tr("Made"), when(record.created), record.created),
                (self.tr("Run"), record.id, str(record.folder)),
            ]
        )
        self._stages.show_facts((stage.name, _stage_words(stage), "") for stage in record.stages)
        self._lineage.setText(self._family(record, store))
        several = len(rows) > 1
        self.compare_button.setText(self.tr("Compare the %n", "", len(rows)) if several else self.tr("Compare"))
        for part in (self.reopen_button, self.rerun_button, self.export_button):
            part.setEnabled(not several)

    def _family(self, record: RunRecord, store: RunStore) -> str:
        lines = [f"↑ {_escaped(record.checkpoint_name)}"] if not record.parents else []
        known = {found.id: found for found in store.list()}
        for parent in record.parents:
            lines.append(self._link("↑", parent, known.get(parent)))
        lines += [self._link("↓", child.id, child) for child in known.values() if record.id in child.parents]
        return "<br>".join(lines)

    def _link(self, arrow: str, run: str, record: RunRecord | None) -> str:
        if record is None:
            return f"{arrow} {self.tr('%1 (deleted)').replace('%1', _escaped(run))}"
        return f'{arrow} <a href="{run}">{_escaped(record.name)}</a>'


def _stage_words(stage: StageRecord) -> str:
    words = [duration(stage.seconds), size(stage.bytes)]
    for key, value in stage.facts.items():
        if value is not None:
            words.append(fact(key, value))
    return " · ".join(words)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
