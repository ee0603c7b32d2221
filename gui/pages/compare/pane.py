"""One candidate's side of the conversation: streams text, marks what differs, explains each token on hover."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QApplication, QComboBox, QSizePolicy, QTextEdit, QToolTip

from engine.compare.format import format_number
from gui.charts.base import series_colour
from gui.numbers import quantity
from gui.pages.compare.token_tip import FAINTEST, change_of, choices_table, tint, visible
from gui.pages.compare.turns import Turn, differing, probability_words
from gui.theme.theme import colour, follow_theme, font
from gui.widgets.frames import Card, row
from gui.widgets.text import label

PROMPT_SHOWN = 160


class AnswerView(QTextEdit):
    """The text itself. Read-only; every character belongs to a turn's token or to a prompt.

    Attributes:
        names: the candidates' names, for what is said of a token.

    Signals:
        picked(Turn, int): this token was clicked, or Enter pressed at it.
    """

    picked = Signal(object, int)

    def __init__(self, candidate: int) -> None:
        super().__init__()
        self.candidate = candidate
        self.names: tuple[str, ...] = ()
        self._turns: list[Turn] = []
        self._starts: list[list[int]] = []  # per turn: document position where each token begins
        self._stops: list[int] = []  # per turn: document position after its last token
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._pressed = QPoint()
        self.setPlaceholderText(self.tr("Nothing asked yet"))
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.setUndoRedoEnabled(False)
        self.setFont(font("body"))
        self.setStyleSheet("QTextEdit { border: none; padding: 0; background: transparent; }")
        self.document().setDocumentMargin(0)
        follow_theme(self, self._repaint)

    def show_turns(self, turns: list[Turn]) -> None:
        """Write the whole conversation anew."""
        self._turns = turns
        self._starts, self._stops = [], []
        self.clear()
        for turn in turns:
            self._begin_turn(turn)
            self._append(len(self._starts) - 1, 0)
        self.mark()
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum() if len(turns) > 1 else 0)

    def begin(self, turn: Turn) -> None:
        """A new turn has been asked."""
        self._begin_turn(turn)
        self._scroll()

    def grow(self) -> None:
        """Write what the last turn has more than is shown."""
        if not self._starts:
            return
        bar = self.verticalScrollBar()
        follow = bar.value() >= bar.maximum() - 24
        self._append(len(self._starts) - 1, len(self._starts[-1]))
        if follow:
            self._scroll()

    def mark(self) -> None:
        """Mark the tokens that the other side did not write, the first of them more strongly.

        Where both models' probabilities are known, tint every token by their difference instead.
        """
        marks = []
        for turn, starts, stop in zip(self._turns, self._starts, self._stops, strict=True):
            if turn.views(self.candidate):
                marks += self._by_probability(turn, starts, stop)
                continue
            first = turn.diverged.get(self.candidate or 1)
            places = sorted(p for p in differing(turn, self.candidate) if p < len(starts))
            for begin, end in _runs(places):
                shade = colour("accent_soft" if self.candidate else "raised")
                marks.append(self._selection(starts, stop, begin, end, shade))
            if first is not None and first < len(starts):
                marks.append(self._selection(starts, stop, first, first + 1, colour("warn_soft"), underline=True))
        self.setExtraSelections(marks)

    def _by_probability(self, turn: Turn, starts: list[int], stop: int) -> list[QTextEdit.ExtraSelection]:
        first, apart = turn.diverged.get(self.candidate or 1), differing(turn, self.candidate)
        marks = []
        for place in range(len(starts)):
            shade = tint(change_of(turn, self.candidate, place))
            if shade is None and place not in apart:
                continue
            mark = self._selection(starts, stop, place, place + 1, shade)
            if place in apart:
                look = mark.format
                look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
                look.setUnderlineColor(colour("warn") if place == first else series_colour(self.candidate))
                mark.format = look
            marks.append(mark)
        return marks

    def token_at(self, place: QPoint) -> tuple[Turn, int] | None:
        """The turn and token under a point of the viewport."""
        return self._token_of(self.cursorForPosition(place).position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click begins."""
        self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click that selects nothing picks the token under it."""
        super().mouseReleaseEvent(event)
        spot = event.position().toPoint()
        near = (spot - self._pressed).manhattanLength() < QApplication.startDragDistance()
        if event.button() == Qt.MouseButton.LeftButton and near and not self.textCursor().hasSelection():
            self._pick(self.token_at(spot))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter picks the token at the cursor, which the arrow keys move."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._pick(self._token_of(self.textCursor().position()))
            return
        super().keyPressEvent(event)

    def _pick(self, found: tuple[Turn, int] | None) -> None:
        if found is not None:
            self.picked.emit(*found)

    def _token_of(self, position: int) -> tuple[Turn, int] | None:
        """The turn and token at a position of the document."""
        for turn, starts, stop in zip(self._turns, self._starts, self._stops, strict=True):
            if starts and starts[0] <= position <= stop:
                return turn, max(0, bisect_right(starts, position) - 1)
        return None

    def explain(self, turn: Turn, place: int) -> str:
        """What is known of one token, for the tooltip."""
        token = turn.answer(self.candidate)[place]
        mine, theirs = probability_words(turn, self.candidate, place)
        lines = [self.tr("Token %1: “%2”").replace("%1", str(place + 1)).replace("%2", token.text.replace("\n", "⏎"))]
        timing = self.tr("time to first token %1") if place == 0 else self.tr("after %1")
        lines.append(timing.replace("%1", quantity(token.seconds, "s")))
        if mine is not None:
            lines.append(self.tr("probability %1").replace("%1", format_number(mine)))
            if theirs is not None:
                other = self.tr("the original") if self.candidate else self.tr("the optimised")
                words = self.tr("%1 gave its own token %2 (%3)").replace("%1", other)
                lines.append(words.replace("%2", format_number(theirs)).replace("%3", f"{mine - theirs:+.3f}"))
        if turn.diverged.get(self.candidate or 1) == place:
            lines.append(self.tr("Here the two answers part."))
        return "\n".join(lines)

    def tip(self, turn: Turn, place: int) -> str:
        """`explain`, with both models' first choices where they are known, as HTML."""
        views = turn.views(self.candidate)
        if place >= len(views):
            return self.explain(turn, place)
        view, token = views[place], turn.answer(self.candidate)[place]
        change = change_of(turn, self.candidate, place) or 0.0
        lines = [self.tr("Token %1: “%2”").replace("%1", str(place + 1)).replace("%2", visible(token.text))]
        words = self.tr("The optimised model finds it %1 probable (%2).")
        kind = self.tr("more") if change > 0 else self.tr("less")
        if abs(change) < FAINTEST:
            lines.append(self.tr("Both models find it about equally probable."))
        else:
            lines.append(words.replace("%1", kind).replace("%2", f"{change:+.2f}".replace("-", "−")))
        if turn.diverged.get(self.candidate or 1) == place:
            lines.append(self.tr("Here the two answers part."))
        table = choices_table(view, token.text, self.candidate, self.names)
        return "<br>".join(map(escape, lines)) + table + escape(self.tr("Click to see where its error grew."))

    def viewportEvent(self, event: QEvent) -> bool:
        """Explain the token under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.token_at(event.pos())
            if found is not None:
                QToolTip.showText(event.globalPos(), self.tip(*found), self)
                return True
            QToolTip.hideText()
        return super().viewportEvent(event)

    def _begin_turn(self, turn: Turn) -> None:
        if turn not in self._turns:
            self._turns.append(turn)
        cursor = self._cursor()
        space = QTextBlockFormat()
        space.setTopMargin(12 if self._starts else 0)
        space.setBottomMargin(4)
        if self._starts:
            cursor.insertBlock(space)
        else:
            cursor.setBlockFormat(space)
        asked = QTextCharFormat()
        asked.setForeground(colour("muted"))
        cursor.insertText(_shortened(turn.prompt), asked)
        cursor.insertBlock(QTextBlockFormat(), self._plain())
        self._starts.append([])
        self._stops.append(cursor.position())

    def _append(self, number: int, shown: int) -> None:
        tokens = self._turns[number].answer(self.candidate)[shown:]
        if not tokens:
            return
        cursor = self._cursor()
        position = cursor.position()
        blank = not self._turns[number].text(self.candidate, shown).strip()
        texts = []
        for token in tokens:
            self._starts[number].append(position)
            text = token.text.lstrip() if blank else token.text  # what an answer begins with is often an empty line
            blank = blank and not text
            texts.append(text)
            position += len(text.encode("utf-16-le")) // 2  # Qt counts UTF-16 units
        self._stops[number] = position
        cursor.insertText("".join(texts), self._plain())

    def _cursor(self) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor

    def _plain(self) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setForeground(colour("text"))
        return made

    def _scroll(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _selection(
        self, starts: list[int], last: int, begin: int, end: int, shade: QColor | None, *, underline: bool = False
    ) -> QTextEdit.ExtraSelection:
        made = QTextEdit.ExtraSelection()
        cursor = QTextCursor(self.document())
        cursor.setPosition(starts[begin])
        stop = starts[end] if end < len(starts) else last
        cursor.setPosition(stop, QTextCursor.MoveMode.KeepAnchor)
        made.cursor = cursor
        look = QTextCharFormat()
        if shade is not None:
            look.setBackground(shade)
        if underline:
            look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            look.setUnderlineColor(colour("warn"))
        made.format = look
        return made

    def _repaint(self) -> None:
        if getattr(self, "_turns", None):
            self.show_turns(self._turns)


class Pane(Card):
    """An AnswerView under its candidate's name, in the candidate's colour.

    Signals:
        picked(str): another checkpoint folder or run id is wanted on this side.
    """

    picked = Signal(str)

    def __init__(self, candidate: int) -> None:
        super().__init__(kind="pane", spacing=8, margins=12)
        self.candidate = candidate
        self.name, self.figure = QComboBox(), label("", "caption")
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        side = self.tr("The original") if candidate == 0 else self.tr("The optimised model")
        self.name.setAccessibleName(side)
        self._hint = self.tr("%1: choose what stands on this side").replace("%1", side)
        self.name.activated.connect(lambda place: self.picked.emit(self.name.itemData(place)))
        self.view = AnswerView(candidate)
        head = row(spacing=8)
        head.addWidget(self.name, 1)
        head.addWidget(self.figure)
        self.body.addLayout(head)
        self.body.addWidget(self.view, 1)
        follow_theme(self, self._paint)

    def set_choices(self, choices: Sequence[tuple[str, str]], current: str) -> None:
        """Offer (reference, name) pairs; `current` is the reference in force."""
        self.name.clear()
        for reference, name in choices:
            self.name.addItem(name, reference)
        self.name.setCurrentIndex(next((i for i, (r, _) in enumerate(choices) if r == current), -1))
        self.name.setToolTip(f"{self.name.currentText()}\n{self._hint}")  # a narrow pane cuts the name
        self.view.setAccessibleName(self.tr("Answers of %1").replace("%1", self.name.currentText()))

    def show_speed(self, turn: Turn) -> None:
        """The pace of the answer so far."""
        times = [token.seconds for token in turn.answer(self.candidate)]
        if len(times) > 1:
            spent = sum(times[1:])
            words = self.tr("first token %1 · %2").replace("%1", quantity(times[0], "s"))
            rate = (len(times) - 1) / spent if spent > 0 else None
            self.figure.setText(words.replace("%2", quantity(rate, "1/s", "tokens")))

    def _paint(self) -> None:
        self.name.setStyleSheet(
            f"QComboBox {{ color: {series_colour(self.candidate).name()}; font-weight: 600; border: none;"
            " padding: 2px; background: transparent; }"
            f"QComboBox:focus {{ border: 2px solid {colour('focus').name()}; padding: 0; }}"
        )


def _shortened(prompt: str) -> str:
    """The beginning of a long prompt in one paragraph: the answer is what the pane is for."""
    text = " ".join(prompt.split())
    return text if len(text) <= PROMPT_SHOWN else text[:PROMPT_SHOWN].rsplit(" ", 1)[0] + " …"


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Half-open runs of neighbouring numbers."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
