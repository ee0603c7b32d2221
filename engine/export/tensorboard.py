"""The comparison as TensorBoard's event files: a folder for each model, with curves, figures and settings."""

from __future__ import annotations

import math
from pathlib import Path

from engine.export.base import ExportContext
from engine.export.logs import Log, logs


def write(context: ExportContext) -> None:
    """Write the event files and read them back. Raises RuntimeError where they hold something else."""
    made = logs(context.run)
    for place, log in enumerate(made):
        context.step(place, len(made), log.name)
        folder = context.destination / log.name
        _write(log, folder)
        _verify(log, folder)


def _write(log: Log, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))
    for tag, values in log.curves.items():
        for step, value in enumerate(values):
            writer.add_scalar(tag, value, step)
    for tag, value in log.figures.items():
        if math.isfinite(value):
            writer.add_scalar(tag, value, 0)
    for title, text in log.notes.items():
        writer.add_text(title, text, 0)
    measured = {tag: value for tag, value in log.figures.items() if tag.startswith("measured/")}
    writer.add_hparams(log.settings, measured, run_name="settings")
    writer.close()


def _verify(log: Log, folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    read.Reload()
    for tag, values in log.curves.items():
        found = [event.value for event in read.Scalars(tag)]
        if len(found) != len(values) or any(abs(a - b) > 1e-5 * abs(b) for a, b in zip(found, values, strict=True)):
            raise RuntimeError(f"the event file in {folder} does not hold the curve {tag}")
