from __future__ import annotations

import pytest

from engine.compare import format as f
from engine.protocol.measurement import Measurement


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (33.412, "33.4"),
        (0.004123, "0.00412"),
        (1234, "1,230"),
        (999.7, "1,000"),
        (5, "5.00"),
        (0, "0"),
        (-2.5, "−2.50"),
    ],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert f.format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0123, "12.3 ms"),
        (0.9999, "1.00 s"),
        (4.2e-7, "420 ns"),
        (75, "75.0 s"),
        (150, "2 min 30 s"),
        (7300, "2 h 01 min"),
    ],
)
def test_a_duration_has_the_unit_that_keeps_it_readable(seconds: float, text: str) -> None:
    assert f.format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(512, "512 B"), (2048, "2.00 KiB"), (537919488, "513 MiB"), (2**30, "1.00 GiB")]
)
def test_sizes_are_binary(size: int, text: str) -> None:
    assert f.format_bytes(size) == text


def test_a_change_says_its_direction() -> None:
    assert f.format_percent(0.004, sign=True) == "+0.40 %"
    assert f.format_percent(-0.123, sign=True) == "−12.3 %"
    assert f.format_percent(0.0, sign=True) == "±0 %"


def _rate(value: float, low: float, high: float) -> Measurement:
    return Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher", value=value, low=low, high=high, samples=7
    )


@pytest.mark.parametrize(
    ("measurement", "shown"),
    [
        (_rate(105.2, 102, 108), ("105 ± 3", "tokens/s")),
        (_rate(26512, 25000, 28400), ("26,500 ± 1,900", "tokens/s")),
        (_rate(105.23, 105.19, 105.27), ("105.23 ± 0.04", "tokens/s")),
        (_rate(26512.3, 26512.2, 26512.4), ("26,512.3 ± 0.1", "tokens/s")),
        (
            Measurement(
                name="cosine_agreement",
                unit="1",
                better="higher",
                value=0.999624,
                low=0.999597,
                high=0.999643,
                samples=52,
            ),
            ("0.99962 ± 0.00003", ""),
        ),
        (_rate(10, 3, 30), ("10.0 (3.00–30.0)", "tokens/s")),
        (Measurement.exact("weight_bytes", 537919488), ("513", "MiB")),
        (Measurement.exact("peak_rss_bytes", 0), ("0", "B")),
    ],
)
def test_a_measurement_shows_value_spread_and_unit(measurement: Measurement, shown: tuple[str, str]) -> None:
    assert f.format_measurement(measurement) == shown


def test_bounds_of_a_factor_can_be_told_apart() -> None:
    assert f.factor_interval(5.31, 5.12, 5.49) == ("5.3", "5.1", "5.5")
    assert f.factor_interval(5.3, 5.28, 5.31) == ("5.30", "5.28", "5.31")
    assert f.factor_interval(0.94, 0.0123, 136.14) == ("0.94", "0.012", "136")
