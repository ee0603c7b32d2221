"""Numbers as people read them: three significant digits, a unit always, spread beside the value."""

from __future__ import annotations

import math

from engine.protocol.measurement import Measurement

_SECONDS = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNTS = ("", " thousand", " million", " billion", " trillion")
_MOST_DIGITS = 6  # of a value with a narrow spread
# What is counted per second, by measurement name.
_RATES = dict.fromkeys(("requests_per_second", "load_requests_per_second"), "requests/s")


def format_number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits and no exponent between 1e-4 and 1e15: 33.4, 0.00412, 1,230."""
    if not math.isfinite(value):
        return "∞" if value > 0 else ("−∞" if value < 0 else "–")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - exponent)
    if abs(rounded) >= 10 ** (exponent + 1):
        exponent += 1
    if exponent < -4 or exponent >= 15:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{rounded:,.{max(0, digits - 1 - exponent)}f}".replace("-", "−")


def format_seconds(seconds: float) -> str:
    """A duration in the unit that keeps it between 1 and 999; minutes and hours from 100 s on."""
    if abs(seconds) >= 100:
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
    scale, unit = _second_scale(seconds)
    return f"{format_number(seconds / scale)} {unit}"


def format_bytes(size: float) -> str:
    """A size in B, KiB, MiB, GiB, …: "513 MiB"."""
    scale, unit = _byte_scale(size)
    return f"{size / scale:.0f} {unit}" if unit == "B" else f"{format_number(size / scale)} {unit}"


def format_count(count: float) -> str:
    """A large count in words: "135 million"."""
    step = 0
    while abs(count) >= 999.5 and step < len(_COUNTS) - 1:
        count /= 1000
        step += 1
    return f"{count:.0f}" if step == 0 else f"{format_number(count)}{_COUNTS[step]}"


def format_ratio(ratio: float) -> str:
    """A factor: "×2.1", "×0.47", but "×1.04" where the second digit is what matters."""
    return f"×{_factor(ratio)}"


def format_percent(fraction: float, *, sign: bool = False) -> str:
    """A share or a change: 0.0042 → "0.42 %", with `sign` "+0.42 %"."""
    percent = fraction * 100
    if abs(percent) < 0.005:
        return "±0 %" if sign else "0 %"
    digits = 1 if abs(percent) < 0.095 else (2 if abs(percent) < 9.95 else 3)
    mark = ("+" if percent > 0 else "−") if sign else ("−" if percent < 0 else "")
    return f"{mark}{format_number(abs(percent), digits)} %"


def format_measurement(m: Measurement) -> tuple[str, str]:
    """A measurement as ("105 ± 3", "tokens/s"): value with its spread, and the unit apart for its own column."""
    scale, unit = _scale(m)
    value, low, high = m.value / scale, m.low / scale, m.high / scale
    if unit == "B":
        return f"{value:.0f}", unit
    text = format_number(value)
    half = max(high - value, value - low)
    if m.confidence >= 1.0 or half <= 0:
        return text, unit
    if not math.isfinite(half):
        return f"{text} (spread unknown)", unit
    # A spread reads best with the value's own digits, a very wide one as a range.
    if half > 0.5 * abs(value):
        return f"{text} ({format_number(low)}–{format_number(high)})", unit
    last = 10.0 ** (math.floor(math.log10(abs(value))) - 2)  # the value's third significant digit
    if half >= last / 2:
        places = len(text.partition(".")[2])
        shown = f"{round(half / last) * last:,.{places}f}"
    else:
        # A narrower spread asks for more digits: 0.99962 ± 0.00003.
        places = -math.floor(math.log10(half))
        digits = math.floor(math.log10(abs(value))) + places + 1
        shown = format_number(half, 1)
        if places > 0 and digits <= _MOST_DIGITS:
            text, shown = f"{value:,.{places}f}", f"{half:.{places}f}"
    return f"{text} ± {shown}", unit


def unit_text(name: str, unit: str) -> str:
    """A unit for people: "1/s" of a token rate is "tokens/s"; a bare number has none."""
    if unit == "1/s":
        return _RATES.get(name, "tokens/s" if "tokens" in name else "per s")
    return {"1": "", "nat": "nats", "J": "J"}.get(unit, unit)


def factor_interval(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A factor and its bounds with enough common decimals to tell them apart: ("5.3", "5.1", "5.5")."""
    wide = low > 0 and high / low > 3  # nothing to tell apart: two digits each
    if wide or not all(math.isfinite(x) for x in (value, low, high)):
        return _factor(value), _factor(low), _factor(high)
    places = 0 if value >= 100 else (1 if value >= 2 else 2)
    while places < 3 and high > low and f"{low:.{places}f}" == f"{high:.{places}f}":
        places += 1
    return f"{value:.{places}f}", f"{low:.{places}f}", f"{high:.{places}f}"


def _factor(ratio: float) -> str:
    return format_number(ratio, 3 if 0.95 <= ratio < 2 or ratio >= 9.95 else 2)


def _second_scale(seconds: float) -> tuple[float, str]:
    for scale, unit in reversed(_SECONDS):
        if abs(seconds) >= scale * 0.9995:
            return scale, unit
    return _SECONDS[0] if seconds else _SECONDS[-1]


def _byte_scale(size: float) -> tuple[float, str]:
    step = 0
    while abs(size) / 1024**step >= 999.5 and step < len(_BYTES) - 1:
        step += 1
    return 1024.0**step, _BYTES[step]


def _scale(m: Measurement) -> tuple[float, str]:
    if m.unit == "s":
        return _second_scale(m.value)
    if m.unit == "B":
        return _byte_scale(m.value)
    return 1.0, unit_text(m.name, m.unit)
