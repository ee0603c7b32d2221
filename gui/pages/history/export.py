"""Take a result away: choose a format and a folder, watch it being written and verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from engine.export import catalog
from engine.protocol.errors import Failure
from engine.protocol.events import Event, Log, Progress
from engine.protocol.job import ExportJob
from engine.runs.store import RunStore
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.theme.theme import colour
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.frames import row
from gui.widgets.note import Note
from gui.widgets.text import label, set_role

NOTE_MARGINS = 96  # pixels beside the text of a note in this dialog


class ExportDialog(QDialog):
    """Exports run `run`. Closing it while the export runs stops the export; nothing half-written stays."""

    def __init__(self, run: str, jobs: JobRunner, parent: QWidget | None = None, *, format: str = "") -> None:
        super().__init__(parent)
        self.run, self._jobs = run, jobs
        self.handle: Handle | None = None
        self.setWindowTitle(self.tr("Export"))
        self.setMinimumWidth(560)
        self.format = QComboBox()
        self.format.setMaxVisibleItems(20)  # all of them, so that nobody has to scroll to learn what there is
        record = RunStore().get(run)
        self._why_not = {
            name: " ".join(engine_text(sentence) for sentence in spec.why_not(record))
            for name, spec in catalog.all_formats().items()
        }
        for place, (name, spec) in enumerate(catalog.all_formats().items()):
            self.format.addItem(engine_text(spec.title), name)
            if self._why_not[name]:  # grey, but it can be chosen, so that everybody can read why
                self.format.setItemText(place, self.tr("%1 (not here)").replace("%1", engine_text(spec.title)))
                self.format.setItemData(place, colour("muted"), Qt.ItemDataRole.ForegroundRole)
                self.format.setItemData(place, self._why_not[name], Qt.ItemDataRole.ToolTipRole)
        self.format.setAccessibleName(self.tr("Format"))
        self._summary = label("", "muted", wrap=True)
        self.place = QLineEdit()
        self._place_label = label("")
        self._place_label.setBuddy(self.place)
        self._browse = button(self.tr("Choose…"), self._choose, icon="folder")
        form = QFormLayout()
        form.setSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(self.tr("Format"), self.format)
        form.addRow("", self._summary)
        form.addRow(self._place_label, row(self.place, self._browse))
        self._summary.setMinimumHeight(2 * self._summary.fontMetrics().lineSpacing())
        self._bar = QProgressBar(textVisible=False)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._text = label("", "muted", wrap=True)
        self.card = FailureCard("retry", "choose_folder")
        self.card.remedy.connect(self._on_remedy)
        self.done_note: Note | None = None
        self.export_button = button(self.tr("Export"), self.start, kind="primary", icon="save")
        self.close_button = button(self.tr("Close"), self.reject)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(24, 24, 24, 16)
        self._layout.setSpacing(12)
        self._layout.addLayout(form)
        self._layout.addWidget(self._bar)
        self._layout.addWidget(self._text)
        self._layout.addWidget(self.card)
        self._layout.addLayout(row(None, self.close_button, self.export_button))
        self.format.currentIndexChanged.connect(self._describe)
        self.finished.connect(lambda _: self._stop())
        self._bar.hide()
        self._text.hide()
        self._describe()
        if format:
            self.format.setCurrentIndex(max(0, self.format.findData(format)))

    def start(self) -> None:
        """Write the export and verify it."""
        self.card.clear()
        self._forget_note()
        self.handle = self._jobs.submit(
            ExportJob(run=self.run, format=self.format.currentData(), out=self.place.text().strip())
        )
        self.handle.events.connect(self._on_events)
        self.handle.finished.connect(self._on_finished)
        self.handle.failed.connect(self._on_failed)
        self._show_busy(True)
        self._text.setText(self.tr("Waiting for the engine"))

    def _describe(self) -> None:
        spec = catalog.get(self.format.currentData())
        refusal = self._why_not[spec.name]
        self._summary.setText(refusal or engine_text(spec.summary))
        set_role(self._summary, "warn" if refusal else "muted")
        for part in (self.place, self._browse, self.export_button):
            part.setEnabled(not refusal)
        parent = Path(self.place.text()).parent if self.place.text() else Path.home()
        self.place.setText(str(parent / f"hasten-{self.run}{spec.suffix or '-' + spec.name}"))
        self._place_label.setText(self.tr("File") if spec.suffix else self.tr("New folder"))
        self.place.setAccessibleName(self._place_label.text())

    def _choose(self) -> bool:
        here = Path(self.place.text())
        parent = QFileDialog.getExistingDirectory(self, self.tr("Where should it be written?"), str(here.parent))
        if parent:
            self.place.setText(str(Path(parent) / here.name))
        return bool(parent)

    def _on_events(self, batch: list[Event]) -> None:
        for event in batch:
            if isinstance(event, Progress):
                self._bar.setRange(0, 1000 if event.total > 0 else 0)
                if event.total > 0:
                    self._bar.setValue(round(1000 * event.done / event.total))
                if event.text:
                    self._text.setText(event.text)
            elif isinstance(event, Log) and event.level != "info":
                self._text.setText(event.text)

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._show_busy(False)
        files = len(result.get("files", []))
        words = self.tr("1 file written") if files == 1 else self.tr("%n files written", "", files)
        verified = result.get("verified")
        if verified:
            how = verified if isinstance(verified, str) else self.tr("read back and verified")
            words += f" · {how}"
        path = str(result["path"])
        folder = path if Path(path).is_dir() else str(Path(path).parent)
        note = Note(f"{words}\n{path}", "note", self.tr("Show the folder"))
        note.acted.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(folder)))
        note.text.setMinimumHeight(note.text.heightForWidth(self.width() - NOTE_MARGINS))
        self.done_note = note
        self._layout.insertWidget(self._layout.count() - 1, note)

    def _on_failed(self, failure: Failure) -> None:
        self._show_busy(False)
        if failure.kind != "cancelled":
            self.card.show_failure(failure)

    def _on_remedy(self, remedy: str) -> None:
        if remedy == "retry" or self._choose():
            self.start()

    def _show_busy(self, busy: bool) -> None:
        self._bar.setVisible(busy)
        self._bar.setRange(0, 0)
        self._text.setVisible(busy)
        self.close_button.setText(self.tr("Cancel") if busy else self.tr("Close"))
        usable = not self._why_not[self.format.currentData()]
        self.format.setEnabled(not busy)
        for part in (self.place, self._browse, self.export_button):
            part.setEnabled(not busy and usable)

    def _forget_note(self) -> None:
        if self.done_note is not None:
            self.done_note.hide()
            self.done_note.deleteLater()
            self.done_note = None

    def _stop(self) -> None:
        if self.handle is not None and not self.handle.ended:
            self._jobs.cancel(self.handle)
