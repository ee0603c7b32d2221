"""The cards of the pipeline: one per pass, one for the target."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QDrag, QKeyEvent, QMouseEvent, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QCheckBox, QFrame, QLabel, QMenu, QWidget

from gui.theme.icons import pixmap
from gui.theme.theme import follow_theme
from gui.widgets.buttons import icon_button
from gui.widgets.frames import column, row
from gui.widgets.text import ElidedLabel, label

MIME = "application/x-hasten-card"
FAMILY_ICONS = {
    "structure": "structure", "factor": "layers", "prune": "scissors", "quantize": "grid", "precision": "precision",
}  # fmt: skip
WIDTH, HEIGHT = 168, 124


def family_icon(family: str) -> str:
    """The icon of a pass family."""
    return FAMILY_ICONS.get(family, "spark")


class BaseCard(QFrame):
    """A card that can be selected by mouse and keyboard.

    Signals:
        chosen: the card was clicked or reached by keyboard.
    """

    chosen = Signal()

    def __init__(self, icon: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setFixedSize(WIDTH, HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._icon, self._picture = icon, QLabel()
        self._picture.setFixedSize(20, 20)
        self.title = ElidedLabel(title, "strong")
        self.title.setText(title)
        self.glyph = label("", wrap=True)
        self.glyph.setFixedHeight(36)
        self.glyph.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.badge = label("", "caption")
        self.badge_icon = QLabel()
        self.badge_icon.setFixedSize(14, 14)
        self._selected, self._severity = False, ""
        self._dimmed = False
        self.head = row(self._picture, self.title, spacing=6)
        self.foot = row(None, self.badge_icon, self.badge, spacing=4)
        self.setLayout(column(self.head, self.glyph, None, self.foot, spacing=6, margins=12))
        follow_theme(self, self._paint)

    def show_state(self, glyph: str, severity: str, count: int, badge: str, *, dimmed: bool = False) -> None:
        """Show the options in short, and how many notes there are: `severity` is "", "note" or "stop".

        `badge` says the count in words, for tooltip and screen readers.
        """
        self.glyph.setText(glyph)
        self.badge.setText(str(count) if count else "")
        for part in (self.badge, self.badge_icon):
            part.setToolTip(badge)
        self._severity, self._dimmed = severity, dimmed
        for part in (self.title, self.glyph):
            part.setEnabled(not dimmed)
        self.setAccessibleName(f"{self.title.text()}: {glyph} {badge}".strip())
        self._paint()

    def set_selected(self, selected: bool) -> None:
        """Mark the card as the one the inspector shows."""
        self._selected = selected
        self.setProperty("selected", selected)
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.chosen.emit()
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space select."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def _paint(self) -> None:
        ratio = self.devicePixelRatioF()
        self._picture.setPixmap(pixmap(self._icon, "muted" if self._dimmed else "accent", 20, ratio))
        if self._severity:
            name, token = ("problem", "bad") if self._severity == "stop" else ("info", "muted")
            self.badge_icon.setPixmap(pixmap(name, token, 14, ratio))
            self.badge.setProperty("role", "bad" if self._severity == "stop" else "caption")
            self.badge.style().unpolish(self.badge)
            self.badge.style().polish(self.badge)
        self.badge_icon.setVisible(bool(self._severity))


class PassCard(BaseCard):
    """A pass: switch, menu, and drag to another place.

    Signals:
        toggled(bool): switched on or off.
        removed: to be taken out.
        moved(int): to be moved by that many places.
    """

    toggled = Signal(bool)
    removed = Signal()
    moved = Signal(int)

    def __init__(self, index: int, icon: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(icon, title, parent)
        self.index = index
        self.switch = QCheckBox(self.tr("on"))
        self.switch.setToolTip(self.tr("A pass that is switched off stays in the recipe and does nothing."))
        self.switch.setAccessibleName(self.tr("%1 is on").replace("%1", title))
        self.switch.toggled.connect(self.toggled)
        self.menu_button = icon_button("more", self.tr("Move or remove %1").replace("%1", title), self._open_menu)
        self.foot.insertWidget(0, self.switch)
        self.foot.addWidget(self.menu_button)
        self._pressed: QPoint | None = None

    def show_enabled(self, enabled: bool) -> None:
        """Show the switch's state without emitting."""
        self.switch.blockSignals(True)
        self.switch.setChecked(enabled)
        self.switch.blockSignals(False)

    def menu(self) -> QMenu:
        """Move earlier, move later, remove."""
        menu = QMenu(self)
        entries = (
            (self.tr("Move earlier"), "Alt+Left", lambda: self.moved.emit(-1)),
            (self.tr("Move later"), "Alt+Right", lambda: self.moved.emit(1)),
            (self.tr("Remove"), "Del", self.removed.emit),
        )
        for text, keys, act in entries:
            action = QAction(f"{text}\t{keys}", menu)
            action.triggered.connect(lambda _=False, act=act: act())
            menu.addAction(action)
        return menu

    def _open_menu(self) -> None:
        self.chosen.emit()
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt and arrows move, Delete removes."""
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        earlier = (Qt.Key.Key_Left, Qt.Key.Key_Up)
        later = (Qt.Key.Key_Right, Qt.Key.Key_Down)
        if alt and event.key() in earlier:
            self.moved.emit(-1)
        elif alt and event.key() in later:
            self.moved.emit(1)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select, and remember where a drag may begin."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def _ghost(self) -> QPixmap:
        """The card as it is dragged, translucent so that the drop place shows."""
        solid = self.grab()
        ghost = QPixmap(solid.size())
        ghost.setDevicePixelRatio(solid.devicePixelRatio())
        ghost.fill(Qt.GlobalColor.transparent)
        painter = QPainter(ghost)
        painter.setOpacity(0.6)
        painter.drawPixmap(0, 0, solid)
        painter.end()
        return ghost

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin a drag once the mouse has moved far enough."""
        here = event.position().toPoint()
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        if (here - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        drag = QDrag(self)
        data = QMimeData()
        data.setData(MIME, str(self.index).encode())
        drag.setMimeData(data)
        drag.setPixmap(self._ghost())
        drag.setHotSpot(self._pressed)
        self._pressed = None
        drag.exec(Qt.DropAction.MoveAction)
