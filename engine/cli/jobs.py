"""Runs a job in the engine process for one verb: progress on stderr, Ctrl-C cancels it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine.cli.output import JobFailed

if TYPE_CHECKING:
    from engine.protocol.events import Event
    from engine.protocol.job import AnyJob


def run(job: AnyJob) -> dict[str, Any]:
    """The result of `job`. Raises JobFailed."""
    from engine.protocol.events import Failed, Finished
    from engine.worker.client import WorkerClient

    client = WorkerClient()

    def interrupted(number: int, frame: FrameType | None) -> None:
        # Not here: this may interrupt the client while it holds its lock.
        threading.Thread(target=client.cancel, args=(job.id,), daemon=True).start()

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _display() as display:
            for event in client.run(job):
                if isinstance(event, Finished):
                    return event.result
                if isinstance(event, Failed):
                    raise JobFailed(event.failure)
                display.show(event)
        raise AssertionError("a job ended without a last event")
    finally:
        client.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _display() -> _Bars | _Lines:
    return _Bars() if sys.stderr.isatty() else _Lines()


class _Teller:
    """Lines about events; of measurements, which are sent again as more become known, only what is new."""

    def __init__(self) -> None:
        self._measured: set[str] = set()

    def line(self, event: Event) -> str:
        """A line about `event`, or "" if it needs none."""
        line = describe(event)
        if event.type == "measured":
            if line in self._measured:
                return ""
            self._measured.add(line)
        return line


class _Lines(_Teller):
    """For logs: a line when a stage begins or ends, and for notices."""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def show(self, event: Event) -> None:
        """Print what is worth a line."""
        line = self.line(event)
        if line:
            print(line, file=sys.stderr, flush=True)


class _Bars(_Teller):
    """For a terminal: the same lines, and a moving bar under them."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("Starting", total=None)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Print or draw `event`."""
        from rich.markup import escape

        line = self.line(event)
        if line:
            self._console.print(line, markup=False)
        if event.type == "stage" and event.state == "running":
            self._progress.reset(self._task, total=None, description=escape(event.name))
        elif event.type == "progress":
            text = escape(event.text) if event.text else None
            total = event.total or None
            self._progress.update(self._task, completed=event.done, total=total, description=text)


def describe(event: Event) -> str:
    """One line about `event`, or "" if it needs none."""
    from engine.compare.format import format_bytes, format_measurement, format_seconds

    if event.type == "log":
        return event.text
    if event.type == "measured" and event.final:
        value, unit = format_measurement(event.measurement)
        return f"[{event.candidate + 1}] {event.measurement.name}: {value} {unit}".rstrip()
    if event.type != "stage":
        return ""
    if event.state == "running":
        return f"{event.name} …"
    if event.state == "failed":
        return f"{event.name}: stopped"
    size = f", {format_bytes(event.bytes)}" if event.bytes is not None else ""
    if event.state == "cached":
        return f"{event.name}: already there{size}"
    return f"{event.name}: done in {format_seconds(event.seconds or 0.0)}{size}"
