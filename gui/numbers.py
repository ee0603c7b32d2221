"""Numbers as people read them: three significant digits, a unit always, the spread beside the value."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QLocale

from engine.protocol.measurement import Measurement

MISSING = "–"
_BYTES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant digits: 0.123, 12.3, 123, 12 300."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places > 6:
        return f"{value:.{digits - 1}e}"
    rounded = round(value, places)
    return f"{rounded:,.{max(places, 0)}f}".replace(",", "\u202f")


def scale_of(value: float, unit: str) -> tuple[float, str]:
    """(factor, shown unit) so that value / factor reads well."""
    size = abs(value)
    if unit == "B":
        return next(((f, u) for f, u in _BYTES if size >= f), (1, "B"))
    if unit == "s":
        if size >= 3600:
            return 3600.0, "h"
        if size >= 1000:
            return 60.0, "min"
        return next(((f, u) for f, u in _SECONDS if size >= 0.9995 * f), (1.0, "s"))
    return 1.0, unit


def unit_text(unit: str, name: str = "") -> str:
    """The unit as a person writes it: "1/s" of tokens is "tokens/s", "1" is nothing."""
    if unit == "1/s":
        return _tr("requests/s") if name.startswith("requests") else _tr("tokens/s")
    return {"1": "", "nat": _tr("nat")}.get(unit, unit)


def quantity(value: float | None, unit: str, name: str = "") -> str:
    """`value` with its unit: "72.1 ms", "513 MiB", "105 tokens/s"."""
    if value is None or not math.isfinite(value):
        return MISSING
    factor, shown = scale_of(value, unit)
    return f"{number(value / factor)} {unit_text(shown, name)}".rstrip()


def measured(measurement: Measurement) -> str:
    """Value and spread: "105 ± 3 tokens/s"; exact quantities without spread."""
    if measurement.low == measurement.high:
        return quantity(measurement.value, measurement.unit, measurement.name)
    factor, shown = scale_of(measurement.value, measurement.unit)
    spread = (measurement.high - measurement.low) / 2 / factor
    text = f"{number(measurement.value / factor)} ± {number(spread, 2 if spread < 10 else 3)}"
    return f"{text} {unit_text(shown, measurement.name)}".rstrip()


def interval(measurement: Measurement) -> str:
    """The confidence interval in words: "102 – 108 tokens/s (95 %, 7 samples)"."""
    if measurement.low == measurement.high:
        return _tr("exact")
    factor, shown = scale_of(measurement.value, measurement.unit)
    low, high = number(measurement.low / factor), number(measurement.high / factor)
    text = _tr("%1 – %2 %3 (%4 %, %5 samples)")
    parts = (low, high, unit_text(shown, measurement.name), f"{measurement.confidence * 100:g}", measurement.samples)
    for index, part in enumerate(parts, 1):
        text = text.replace(f"%{index}", str(part))
    return text


def ratio(value: float | None) -> str:
    """A factor: "×2.1"."""
    return MISSING if value is None or not math.isfinite(value) else f"×{number(value)}"


def bytes_text(count: float | None) -> str:
    """Bytes in the binary unit that keeps them readable: "513 MiB"."""
    return quantity(count, "B")


def duration(seconds: float | None) -> str:
    """A span of time as people say it: "850 ms", "12.3 s", "2 min 05 s", "1 h 20 min"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 60:
        return quantity(seconds, "s")
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def remaining(seconds: float | None) -> str:
    """An estimate of what is left, coarse on purpose: "about 2 min left"."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 1.5:
        coarse = _tr("a second")
    elif seconds < 55:
        coarse = f"{round(seconds / 5) * 5 if seconds > 10 else round(seconds)} s"
    elif seconds < 3300:
        coarse = f"{max(1, round(seconds / 60))} min"
    else:
        coarse = f"{number(seconds / 3600, 2)} h"
    return _tr("about %1 left").replace("%1", coarse)


def when(iso: str) -> str:
    """A UTC time stamp in the user's time zone, in words for today and yesterday."""
    moment = datetime.fromisoformat(iso)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone()
    days = (datetime.now().astimezone().date() - local.date()).days
    clock = f"{local:%H:%M}"
    if days == 0:
        return _tr("today, %1").replace("%1", clock)
    if days == 1:
        return _tr("yesterday, %1").replace("%1", clock)
    return QLocale().toString(local.date(), QLocale.FormatType.ShortFormat) + f", {clock}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("numbers", text)
