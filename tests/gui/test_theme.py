"""Text can be read in both schemes; the theme follows what the user chose."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.theme.icons import folder, icon
from gui.theme.theme import theme
from gui.theme.tokens import DARK, LIGHT, Tokens, contrast

TEXTS = ("text", "muted", "accent", "original", "good", "bad", "warn")
GROUNDS = ("background", "surface", "raised")


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda t: t.name)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_has_enough_contrast(tokens: Tokens, text: str, ground: str) -> None:
    assert contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda t: t.name)
def test_text_on_colour_has_enough_contrast(tokens: Tokens) -> None:
    for text, ground in (
        ("on_accent", "accent"),
        ("text", "accent_soft"),
        ("text", "warn_soft"),
        ("text", "bad_soft"),
        ("bad", "bad_soft"),
    ):
        assert contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5, (text, ground)
    for series in (*tokens.series, tokens.focus):
        assert contrast(series, tokens.surface) >= 3, series


def test_known_contrasts() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_theme_switches_and_tells(qtbot: QtBot, styled: None) -> None:
    with qtbot.waitSignal(theme().changed):
        theme().choose("dark")
    assert theme().tokens is DARK
    assert QApplication.palette().window().color().name() == DARK.background
    theme().choose("light")
    assert theme().tokens is LIGHT


def test_every_icon_can_be_drawn(qapp: object) -> None:
    for path in folder().glob("*.svg"):
        if path.stem != "app":
            picture = icon(path.stem).pixmap(16, 16).toImage()
            assert any(picture.pixelColor(x, y).alpha() for x in range(16) for y in range(16)), path.stem
