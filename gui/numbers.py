"""Numbers in the window: the engine's formats, joined with units and time stamps, in the user's language."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from engine.compare.format import (
    format_bytes,
    format_measurement,
    format_number,
    format_ratio,
    format_seconds,
    unit_text,
)
from engine.protocol.measurement import Measurement

MISSING = "–"


def measured(measurement: Measurement | None) -> str:
    """Value, spread and unit: "105 ± 3 tokens/s"; exact quantities without spread."""
    return " ".join(format_measurement(measurement)).rstrip() if measurement else MISSING


def quantity(value: float | None, unit: str, name: str = "") -> str:
    """`value` with its unit: "72.1 ms", "513 MiB", "105 tokens/s"."""
    if value is None or not math.isfinite(value):
        return MISSING
    if unit == "B":
        return format_bytes(value)
    if unit == "s":
        return format_seconds(value)
    return f"{format_number(value)} {unit_text(name, unit)}".rstrip()


def interval(measurement: Measurement) -> str:
    """The confidence interval in words: "102 tokens/s to 108 tokens/s (95 %, 7 samples)"."""
    if measurement.low == measurement.high or measurement.confidence >= 1:
        return _tr("exact")
    text = _tr("%1 to %2 (%3 % interval, %4 samples)")
    low, high = (quantity(v, measurement.unit, measurement.name) for v in (measurement.low, measurement.high))
    return _fill(text, low, high, f"{measurement.confidence * 100:g}", str(measurement.samples))


def ratio(value: float | None) -> str:
    """A factor: "×2.1"."""
    return MISSING if value is None or not math.isfinite(value) else format_ratio(value)


def size(count: float | None) -> str:
    """Bytes in the unit that keeps them readable: "513 MiB"."""
    return MISSING if count is None else format_bytes(count)


def duration(seconds: float | None) -> str:
    """A span of time: "850 ms", "12.3 s", "2 min 05 s"."""
    return MISSING if seconds is None else format_seconds(seconds)


def remaining(seconds: float | None) -> str:
    """An estimate of what is left, coarse on purpose: "about 2 min left"; empty when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 1.5:
        coarse = _tr("a second")
    elif seconds < 55:
        coarse = f"{round(seconds / 5) * 5 if seconds > 10 else round(seconds)} s"
    elif seconds < 3300:
        coarse = f"{max(1, round(seconds / 60))} min"
    else:
        coarse = f"{format_number(seconds / 3600, 2)} h"
    return _fill(_tr("about %1 left"), coarse)


def when(iso: str) -> str:
    """A UTC time stamp in the user's time zone, in words for today and yesterday."""
    moment = datetime.fromisoformat(iso)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone()
    days = (datetime.now().astimezone().date() - local.date()).days
    clock = f"{local:%H:%M}"
    if days == 0:
        return _fill(_tr("today, %1"), clock)
    if days == 1:
        return _fill(_tr("yesterday, %1"), clock)
    day = QLocale().toString(QDate(local.year, local.month, local.day), QLocale.FormatType.ShortFormat)
    return f"{day}, {clock}"


def _fill(text: str, *parts: str) -> str:
    for index, part in enumerate(parts, 1):
        text = text.replace(f"%{index}", part)
    return text


def _tr(text: str) -> str:
    return QCoreApplication.translate("numbers", text)
