"""The reference page says what the program offers."""

from __future__ import annotations

from docs.generate import PAGE, page


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.generate"
