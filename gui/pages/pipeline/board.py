"""The row of cards: passes in order, the button that adds one, the target at the end."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QPushButton, QSizePolicy, QWidget

from engine.passes import catalog as passes
from engine.passes.base import PassSpec
from engine.protocol.errors import UserError
from engine.recipe.options import parse_options
from engine.recipe.recipe import DEVICES, PassEntry
from engine.recipe.validate import Problem
from engine.runtimes import catalog as runtimes
from gui.document.document import Document
from gui.pages.pipeline.card import HEIGHT, MIME, BaseCard, PassCard, family_icon
from gui.theme.icons import icon, pixmap
from gui.theme.theme import follow_theme
from gui.translate import engine_text
from gui.widgets.flow import FlowLayout
from gui.widgets.frames import clear, column
from gui.widgets.text import label


class Arrow(QLabel):
    """The arrow between two cards."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(20, HEIGHT)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        follow_theme(self, lambda: self.setPixmap(pixmap("arrow-right", "muted", 16, self.devicePixelRatioF())))


class AddButton(QPushButton):
    """The empty place behind the last pass."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "add")
        self.setAccessibleName(self.tr("Add a pass"))
        self.setToolTip(self.tr("Add a pass (Ctrl+Shift+A)"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(72, HEIGHT)
        picture, word = QLabel(), label(self.tr("Add"), "muted")
        for part in (picture, word):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setLayout(column(None, picture, word, None, spacing=4))
        follow_theme(self, lambda: picture.setPixmap(pixmap("plus", "muted", 20, self.devicePixelRatioF())))


class Board(QWidget):
    """Cards of the document's recipe.

    Attributes:
        selected: the index of the selected pass, or None for the target.
        cards: the pass cards in order.

    Signals:
        selection_changed: another card is selected.
    """

    selection_changed = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.selected: int | None = None
        self.cards: list[PassCard] = []
        self._drop_line = QFrame(self)
        self._drop_line.setProperty("kind", "drop")
        self._drop_line.hide()
        self._flow = FlowLayout(self, spacing=8)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAcceptDrops(True)
        self.target = BaseCard("chip", "")
        self.target.chosen.connect(lambda: self.select(None))
        self.add_button = AddButton()
        self.add_button.clicked.connect(self._open_add_menu)

    def sizeHint(self) -> QSize:
        """The height follows the width."""
        return QSize(480, self._flow.heightForWidth(max(self.width(), 480)))

    def select(self, index: int | None) -> None:
        """Select the pass at `index`, or the target."""
        count = len(self._document.recipe.passes)
        self.selected = None if index is None or count == 0 else max(0, min(index, count - 1))
        self._mark()
        self.selection_changed.emit()

    def refresh(self, problems: list[Problem]) -> None:
        """Show the recipe as it stands with its problems as badges."""
        recipe = self._document.recipe
        shape = [entry.name for entry in recipe.passes]
        if shape != [card.property("pass") for card in self.cards] or not self._flow.count():
            self._rebuild(recipe.passes)
        if self.selected is not None and self.selected >= len(self.cards):
            self.selected = len(self.cards) - 1 if self.cards else None
        for index, (card, entry) in enumerate(zip(self.cards, recipe.passes, strict=True)):
            badge = self._badge([p for p in problems if p.index == index])
            card.show_enabled(entry.enabled)
            card.show_state(self._glyph(entry), *badge, dimmed=not entry.enabled)
        target = recipe.target
        badge = self._badge([p for p in problems if p.index is None])
        self.target.title.setText(engine_text(runtimes.get(target.runtime).title))
        threads = (
            self.tr("threads: automatic") if target.threads is None else self.tr("%n thread(s)", "", target.threads)
        )
        place = engine_text(DEVICES[target.device])
        if target.speculation != "none":
            place = self.tr("%1 · guesses ahead").replace("%1", place)
        self.target.show_state(f"{place}\n{threads}", *badge)
        self._mark()

    def add_menu(self) -> QMenu:
        """Every pass, grouped by family, each with what it does."""
        menu = QMenu(self)
        families: dict[str, list[PassSpec]] = {}
        for spec in passes.all_passes().values():
            families.setdefault(spec.family, []).append(spec)
        for place, (family, specs) in enumerate(families.items()):
            if place:
                menu.addSeparator()
            for spec in specs:
                text = f"{engine_text(spec.title)}\t{engine_text(spec.summary)}"
                action = menu.addAction(icon(family_icon(family), "accent"), text)
                action.setObjectName(spec.name)
                action.triggered.connect(lambda _=False, name=spec.name: self.add(name))
        return menu

    def add(self, name: str) -> None:
        """Append pass `name` and select it."""
        self.selected = len(self._document.recipe.passes)
        self._document.add_pass(name)
        self.select(self.selected)
        self.cards[-1].setFocus(Qt.FocusReason.OtherFocusReason)

    def move_card(self, index: int, by: int) -> None:
        """Move the pass at `index` by so many places and keep it selected."""
        to = max(0, min(index + by, len(self.cards) - 1))
        self.selected = to
        self._document.move_pass(index, to)
        self.select(to)
        self.cards[to].setFocus(Qt.FocusReason.OtherFocusReason)

    def remove_card(self, index: int) -> None:
        """Take the pass at `index` out; its neighbour is selected."""
        count = len(self.cards) - 1
        self._document.remove_pass(index)
        self.select(min(index, count - 1) if count else None)
        (self.cards[self.selected] if self.selected is not None else self.target).setFocus()

    # Inside ---------------------------------------------------------------------------------------------------

    def _rebuild(self, entries: tuple[PassEntry, ...]) -> None:
        for kept in (self.target, self.add_button):
            self._flow.removeWidget(kept)
        clear(self._flow)
        self.cards = []
        for index, entry in enumerate(entries):
            spec = passes.get(entry.name)
            card = PassCard(index, family_icon(spec.family), engine_text(spec.title), self)
            card.setProperty("pass", entry.name)
            card.setToolTip(engine_text(spec.summary))
            card.chosen.connect(lambda index=index: self.select(index))
            card.toggled.connect(lambda on, index=index: self._document.set_enabled(index, on))
            card.removed.connect(lambda index=index: self.remove_card(index))
            card.moved.connect(lambda by, index=index: self.move_card(index, by))
            self.cards.append(card)
            self._flow.addWidget(card)
            self._flow.addWidget(Arrow())
        self._flow.addWidget(self.add_button)
        self._flow.addWidget(Arrow())
        self._flow.addWidget(self.target)
        for index, card in enumerate(self.cards):
            follower = self.cards[index + 1] if index + 1 < len(self.cards) else self.add_button
            QWidget.setTabOrder(card, card.menu_button)
            QWidget.setTabOrder(card.menu_button, card.switch)
            QWidget.setTabOrder(card.switch, follower)
        QWidget.setTabOrder(self.add_button, self.target)
        self.updateGeometry()

    def _mark(self) -> None:
        for index, card in enumerate(self.cards):
            card.set_selected(index == self.selected)
        self.target.set_selected(self.selected is None)

    def _glyph(self, entry: PassEntry) -> str:
        spec = passes.get(entry.name)
        try:
            return spec.glyph(parse_options(spec.options, entry.options, entry.name))
        except UserError:
            return self.tr("needs a correction")

    def _badge(self, problems: list[Problem]) -> tuple[str, int, str]:
        stops = sum(problem.severity == "stop" for problem in problems)
        if stops:
            return "stop", stops, self.tr("%n problem(s), see below", "", stops)
        count = len(problems)
        return ("note", count, self.tr("%n note(s), see below", "", count)) if count else ("", 0, "")

    def _open_add_menu(self) -> None:
        menu = self.add_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.add_button.mapToGlobal(QPoint(0, self.add_button.height() + 4)))

    # Drag and drop --------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept cards."""
        if event.mimeData().hasFormat(MIME):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show where the card would go."""
        self._show_drop(self.slot_at(event.position().toPoint()))
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Forget the place."""
        self._show_drop(None)

    def dropEvent(self, event: QDropEvent) -> None:
        """Move the card."""
        index = int(bytes(event.mimeData().data(MIME).data()))
        slot = self.slot_at(event.position().toPoint())
        self._show_drop(None)
        event.acceptProposedAction()
        self.move_card(index, (slot if slot <= index else slot - 1) - index)

    def slot_at(self, point: QPoint) -> int:
        """The gap between cards nearest to `point`: 0 before the first, len(cards) after the last."""
        for index, card in enumerate(self.cards):
            box = card.geometry()
            if point.y() < box.bottom() + 4 and point.x() < box.center().x():
                return index
        return len(self.cards)

    def _show_drop(self, slot: int | None) -> None:
        """Mark the gap `slot`; None takes the mark away."""
        self._drop_line.setVisible(slot is not None and bool(self.cards))
        if slot is None or not self.cards:
            return
        last = slot >= len(self.cards)
        box = self.cards[-1 if last else slot].geometry()
        x = box.right() + 5 if last else max(0, box.left() - 7)
        self._drop_line.setGeometry(x, box.top(), 4, box.height())
        self._drop_line.raise_()
