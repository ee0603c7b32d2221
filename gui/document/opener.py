"""Ways into a checkpoint: a folder at once, everything else through a job of the engine."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.protocol.errors import Failure, UserError
from engine.protocol.job import AnyJob, HubDownloadJob, ImportJob, SampleJob
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.settings.settings import Settings


class Opener(QObject):
    """Opens checkpoints into the document, one at a time.

    Attributes:
        handle: the job at work, or None.
        source: what was asked for last: a path, a hub id or "sample".
        notices: what an import had to say about the checkpoint it made.

    Signals:
        started(Handle, str): a job has begun; the text says what it does.
        opened: the document has the checkpoint.
        failed(Failure): it has not; kind "cancelled" when the user stopped it.
    """

    started = Signal(object, str)
    opened = Signal()
    failed = Signal(object)

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._jobs, self._settings = document, jobs, settings
        self.handle: Handle | None = None
        self.source = ""
        self.notices: list[str] = []

    def open(self, source: str) -> None:
        """Open a folder, a GGUF file, a LoRA folder, a hub id, or "sample"."""
        path = Path(source).expanduser()
        self.source, self.notices = source, []
        if source == "sample":
            self._submit(SampleJob(), self.tr("Fetching the sample model"))
        elif path.is_file() or (path / "adapter_config.json").is_file():
            self._submit(ImportJob(source=str(path)), self.tr("Reading %1").replace("%1", path.name))
        elif path.exists() or source.count("/") != 1 or source.startswith((".", "~", "/")):
            self._inspect(str(path))
        else:
            self._submit(HubDownloadJob(repo=source), self.tr("Downloading %1").replace("%1", source))

    def convert_pickle(self) -> None:
        """Convert the pickle-only checkpoint that was just refused, reading tensors only."""
        job = ImportJob(source=self.source, convert_pickle=True)
        self._submit(job, self.tr("Converting %1").replace("%1", Path(self.source).name))

    def cancel(self) -> None:
        """Stop the job at work."""
        if self.handle is not None:
            self._jobs.cancel(self.handle)

    def _submit(self, job: AnyJob, text: str) -> None:
        self.cancel()
        handle = self.handle = self._jobs.submit(job)
        handle.finished.connect(self._on_finished)
        handle.failed.connect(self._on_failed)
        self.started.emit(handle, text)

    def _on_finished(self, result: dict[str, object]) -> None:
        self.handle = None
        notices = result.get("notices")
        self.notices = [str(text) for text in notices] if isinstance(notices, list) else []
        self._inspect(str(result["path"]))

    def _on_failed(self, failure: Failure) -> None:
        self.handle = None
        self.failed.emit(failure)

    def _inspect(self, path: str) -> None:
        try:
            self._document.open_checkpoint(path)
        except (UserError, OSError) as error:
            self.failed.emit(Failure.of(error))
            return
        self._settings.add_recent(path)
        self.opened.emit()
