"""A row of tabs; those that have no room are in a menu at its end."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QLayout, QMenu, QPushButton, QWidget

from gui.widgets.buttons import button
from gui.widgets.frames import row


class TabRow(QWidget):
    """Buttons of which one is checked. It is always among those on show.

    Attributes:
        more: opens the menu of the others; hidden where all have room.

    Signals:
        chosen(int): the user chose the tab of this number.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.chosen)
        self._absent: set[int] = set()
        self.more = button(self.tr("More"), icon="chevron-down")
        self.more.setProperty("kind", "tab")
        self._menu = QMenu(self.more)
        self._menu.aboutToShow.connect(self._fill)
        self.more.clicked.connect(lambda: self._menu.exec(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        self._row = row(self.more, None, spacing=0)
        self._row.setSizeConstraint(
            QLayout.SizeConstraint.SetNoConstraint
        )  # `minimumSizeHint` says how narrow it may be
        self.setLayout(self._row)

    def add(self, title: str) -> int:
        """One more tab; its number, counted from 0."""
        tab, number = QPushButton(title), len(self._group.buttons())
        tab.setProperty("kind", "tab")
        tab.setCheckable(True)
        tab.setChecked(number == 0)
        self._group.addButton(tab, number)
        self._row.insertWidget(number, tab)
        self._arrange()
        return number

    def tab(self, number: int) -> QPushButton:
        """The button of tab `number`."""
        found = self._group.button(number)
        assert isinstance(found, QPushButton)
        return found

    def check(self, number: int) -> None:
        """Mark tab `number` as the one whose view is on show."""
        self.tab(number).setChecked(True)
        self._arrange()

    def offer(self, number: int, offered: bool) -> None:
        """Whether there is a tab `number` at all."""
        (self._absent.discard if offered else self._absent.add)(number)
        self._arrange()

    def left_out(self) -> list[int]:
        """The tabs that stand in the menu."""
        return [number for number in self._offered() if self.tab(number).isHidden()]

    def minimumSizeHint(self) -> QSize:
        """Room for the menu and the widest tab."""
        hint = super().minimumSizeHint()
        widest = max((self._width(number) for number in self._offered()), default=0)
        return QSize(widest + self.more.sizeHint().width(), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many as fit now."""
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """The style is known now, and with it how wide tabs are."""
        super().showEvent(event)
        self._arrange()

    def _offered(self) -> list[int]:
        return [number for number in range(len(self._group.buttons())) if number not in self._absent]

    def _width(self, number: int) -> int:
        return self.tab(number).sizeHint().width()

    def _arrange(self) -> None:
        offered, checked = self._offered(), self._group.checkedId()
        shown = set(offered)
        if self.isVisible() and sum(map(self._width, offered)) > self.width():
            shown = {checked} & shown
            room = self.width() - self.more.sizeHint().width() - sum(map(self._width, shown))
            for number in offered:
                room -= 0 if number in shown else self._width(number)
                if room < 0:
                    break
                shown.add(number)
        for number in range(len(self._group.buttons())):
            self.tab(number).setVisible(number in shown)
        self.more.setVisible(len(shown) < len(offered))

    def _fill(self) -> None:
        self._menu.clear()
        for number in self.left_out():
            self._menu.addAction(self.tab(number).text(), partial(self._choose, number))

    def _choose(self, number: int) -> None:
        self.check(number)
        self.tab(number).setFocus()
        self.chosen.emit(number)
