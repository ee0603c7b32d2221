"""What a token looks like to both models: the tint it gets, and the two lists of first choices on hover."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel

from engine.compare.evidence import Choice, TokenView
from engine.compare.format import format_number
from gui.charts.base import series_colour
from gui.pages.compare.turns import Turn
from gui.theme.theme import colour, follow_theme
from gui.widgets.text import label

FAINTEST = 0.02  # the least difference of probabilities that is tinted
_STEPS = 4  # shades that an eye tells apart
_NAME = 24  # letters of a model's name


def change_of(turn: Turn, candidate: int, place: int) -> float | None:
    """How much more probable the optimised model finds a token than the original does: −1 to 1; None if not known."""
    views = turn.views(candidate)
    if place >= len(views):
        return None
    return views[place].shift if candidate else -views[place].shift


def tint(change: float | None) -> QColor | None:
    """The background of a token whose probability changed so: the accent for more, amber for less; None for little."""
    if change is None or abs(change) < FAINTEST:
        return None
    shade = colour("accent" if change > 0 else "warn")
    shade.setAlphaF(0.10 + 0.08 * min(_STEPS, 1 + int(abs(change) * _STEPS)))
    return shade


def choices_table(view: TokenView, token: str, candidate: int, names: Sequence[str]) -> str:
    """Both lists of first choices side by side as HTML, the original's on the left; the written token stands out."""
    sides = ((view.own_top, view.own), (view.other_top, view.other))
    sides = sides if candidate == 0 else (sides[1], sides[0])
    heads = "".join(
        f'<th align="left" colspan="2" style="color: {series_colour(place).name()}; padding-right: 12px">'
        f"{escape(_name(names, place))}</th>"
        for place in (0, candidate or 1)
    )
    lines = [heads]
    for line in range(max(len(choices) for choices, _ in sides)):
        lines.append("".join(_cell(choices[line : line + 1], token) for choices, _ in sides))
    far = [token not in (text for text, _ in choices) for choices, _ in sides]
    if any(far):  # what was written stands further down a list
        pairs = zip(sides, far, strict=True)
        lines.append("".join(_cell([(token, own)] if down else [], token, down) for (_, own), down in pairs))
    return '<table cellspacing="0" cellpadding="2">' + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def legend() -> QLabel:
    """One line that explains tint and underline."""
    made = label("", "caption")
    made.setTextFormat(Qt.TextFormat.RichText)

    def paint() -> None:
        less, more = (_swatch(tint(sign), words) for sign, words in ((-0.6, _tr("less")), (0.6, _tr("more"))))
        text = _tr("Tint: the optimised model finds the token %1 or %2 probable. Underlined: only this side wrote it.")
        made.setText(text.replace("%1", less).replace("%2", more))

    follow_theme(made, paint)
    return made


def visible(text: str) -> str:
    """A token's text with line breaks, and what is nothing but blanks, made visible."""
    shown = text.replace("\n", "⏎").replace("\t", "⇥")
    return shown if shown.strip() else "␣" * len(shown)


def _cell(choice: Sequence[Choice], token: str, down: bool = False) -> str:
    if not choice:
        return "<td></td><td></td>"
    text, probability = choice[0]
    shown = escape(visible(text)) or "·"
    shown = f"{'… ' if down else ''}<b>{shown}</b>" if text == token else shown
    return f'<td>{shown}</td><td align="right" style="padding-right: 12px">{_share(probability)}</td>'


def _share(probability: float) -> str:
    return format_number(probability, 2) if probability >= 0.001 else "&lt; 0.001"


def _name(names: Sequence[str], place: int) -> str:
    name = names[place] if place < len(names) else str(place + 1)
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _swatch(shade: QColor | None, words: str) -> str:
    if shade is None:
        return words
    ground, part = colour("background"), shade.alphaF()
    red, green, blue = (
        round(part * own + (1 - part) * under)
        for own, under in (
            (shade.red(), ground.red()),
            (shade.green(), ground.green()),
            (shade.blue(), ground.blue()),
        )
    )
    return f'<span style="background-color: {QColor(red, green, blue).name()}">&nbsp;{escape(words)}&nbsp;</span>'


def _tr(text: str) -> str:
    return QCoreApplication.translate("TokenTip", text)
