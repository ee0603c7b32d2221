"""“Measure this machine” on the settings page: starts the measurement, shows how far it is, says what holds."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from engine.compare.format import factor_interval
from engine.parallel import tuning
from engine.parallel.tuning import MachineTuning, RuntimeTuning, Setting
from engine.protocol.events import Event, Log
from engine.protocol.job import TuneMachineJob
from engine.runtimes import catalog
from gui.jobs.client import JobRunner
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.frames import column, row
from gui.widgets.text import label
from gui.widgets.work import Work


class TuningView(QWidget):
    """What was measured on this machine, and the button that measures it anew."""

    def __init__(self, jobs: JobRunner) -> None:
        super().__init__()
        self.work = Work(jobs, self.start, self)
        self.work.changed.connect(self.refresh)
        self._notices: list[str] = []
        self.text, self.notices = label("", "caption", wrap=True), label("", "caption", wrap=True)
        self.start_button = button(self.tr("Measure this machine"), self.start, icon="gauge")
        self.forget_button = button(self.tr("Forget"), self.forget, kind="quiet")
        self.setLayout(
            column(
                self.text,
                self.notices,
                self.work.progress,
                self.work.failure,
                row(self.start_button, self.forget_button, None, spacing=12),
                spacing=8,
            )
        )
        self.refresh()

    def start(self) -> None:
        """Measure."""
        self._notices = []
        self.work.submit(TuneMachineJob(), self.tr("Measuring this machine")).events.connect(self._on_events)

    def forget(self) -> None:
        """Go back to the defaults."""
        tuning.forget()
        self._notices = []
        self.refresh()

    def refresh(self) -> None:
        """Show what holds now."""
        found, busy = tuning.read(), self.work.busy
        focused = self.start_button.hasFocus() or self.work.progress.cancel.hasFocus()
        self.text.setText("\n".join(self._lines(found)) if found else self._invitation())
        self.notices.setText("\n".join(self._notices))
        self.notices.setVisible(bool(self._notices))
        self.start_button.setVisible(not busy)
        self.forget_button.setVisible(found is not None and not busy)
        if focused and self.isVisible():  # never to the next setting, where a key would change it
            (self.work.progress.cancel if busy else self.start_button).setFocus()

    def _invitation(self) -> str:
        return self.tr(
            "Measures which number of threads, which cores and which memory pages decode fastest here. It takes some "
            "minutes; let the computer rest meanwhile."
        )

    def _lines(self, found: MachineTuning) -> list[str]:
        return [self._line(name, tuned) for name, tuned in found.runtimes.items() if name in catalog.all_runtimes()]

    def _line(self, name: str, found: RuntimeTuning) -> str:
        title = engine_text(catalog.get(name).title)
        if tuning.tuned(name) is None:
            text = self.tr("%1: measured with version %2; measure again for the version installed now.")
            return text.replace("%1", title).replace("%2", found.version)
        if not found.proven or found.speedup is None:
            text = self.tr("%1: %2, the default. Nothing else was proven faster.")
            return text.replace("%1", title).replace("%2", self._setting(found.default))
        text = self.tr("%1: %2, %3 times as fast as the default.")
        value, low, high = factor_interval(found.speedup.value, found.speedup.low, found.speedup.high)
        gain = f"{value} ({low}–{high})"
        return text.replace("%1", title).replace("%2", self._setting(found.best)).replace("%3", gain)

    def _setting(self, setting: Setting) -> str:
        parts = [self.tr("%n thread(s)", "", setting.threads)]
        if setting.pinned:
            parts.append(self.tr("on physical cores only"))
        if setting.huge_pages:
            parts.append(self.tr("with huge memory pages"))
        return ", ".join(parts)

    def _on_events(self, events: list[Event]) -> None:
        self._notices += [event.text for event in events if isinstance(event, Log) and event.level == "notice"]
