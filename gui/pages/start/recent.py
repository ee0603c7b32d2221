"""The checkpoints opened lately."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from gui.document.names import model_name
from gui.settings.settings import Settings
from gui.theme.icons import set_icon
from gui.widgets.frames import clear, column
from gui.widgets.text import ElidedLabel, label


class RecentItem(QPushButton):
    """One checkpoint: name and folder.

    Signals:
        forget: take it off the list.
    """

    forget = Signal()

    def __init__(self, path: str) -> None:
        super().__init__()
        self.setProperty("kind", "row")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(48)
        name = ElidedLabel(model_name(path))
        folder = ElidedLabel("", "caption", Qt.TextElideMode.ElideMiddle)
        folder.setText(path.replace(str(Path.home()), "~", 1))
        for part in (name, folder):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        set_icon(self, "model", "muted")
        self.setLayout(column(name, folder, spacing=0, margins=(40, 4, 12, 4)))
        self.setAccessibleName(f"{model_name(path)}, {path}")
        self.setToolTip(path)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to forget it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Remove from this list")).triggered.connect(lambda _=False: self.forget.emit())
        menu.popup(event.globalPos() + QPoint(0, 4))


class Recent(QWidget):
    """The list, the latest first.

    Signals:
        chosen(str): open this folder.
    """

    chosen = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._list = column(spacing=4)
        self.setLayout(column(label(self.tr("Recent"), "section"), self._list, None, spacing=8))
        settings.changed.connect(self._on_setting)
        self.refresh()

    def _on_setting(self, name: str) -> None:
        if name == "recent":
            self.refresh()

    def refresh(self) -> None:
        """Show the settings' list; folders that are gone are left out."""
        clear(self._list)
        found = [path for path in self._settings.data.recent if Path(path).exists()]
        for path in found:
            item = RecentItem(path)
            item.clicked.connect(lambda _=False, path=path: self.chosen.emit(path))
            item.forget.connect(lambda path=path: self._settings.forget_recent(path))
            self._list.addWidget(item)
        self.setVisible(bool(found))
