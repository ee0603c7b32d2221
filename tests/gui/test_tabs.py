"""Tabs that have no room are reached through the menu at the end of their row."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from gui.widgets.tabs import TabRow

pytestmark = pytest.mark.usefixtures("styled")


@pytest.fixture
def tabs(qtbot: QtBot) -> TabRow:
    made = TabRow()
    qtbot.addWidget(made)
    for number in range(6):
        made.add(f"Question {number}")
    made.resize(1200, 40)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_all_stand_in_the_row_where_there_is_room(tabs: TabRow) -> None:
    assert tabs.left_out() == []
    assert tabs.more.isHidden()


def test_the_rest_is_in_the_menu_and_the_chosen_one_in_the_row(qtbot: QtBot, tabs: TabRow) -> None:
    tabs.resize(400, 40)
    left = tabs.left_out()
    assert left
    assert left == list(range(6 - len(left), 6))
    assert tabs.more.geometry().right() <= 400
    with qtbot.waitSignal(tabs.chosen) as chosen:
        QTimer.singleShot(0, lambda: _choose_last(tabs))
        tabs.more.click()
    assert chosen.args == [5]
    assert tabs.tab(5).isVisible()
    assert tabs.tab(5).isChecked()
    assert tabs.more.geometry().right() <= 400
    assert 5 not in tabs.left_out()


def test_what_is_not_offered_is_nowhere(tabs: TabRow) -> None:
    tabs.offer(3, False)
    tabs.resize(300, 40)
    assert 3 not in tabs.left_out()
    assert tabs.tab(3).isHidden()
    tabs.resize(1200, 40)
    assert tabs.tab(3).isHidden()
    tabs.offer(3, True)
    assert tabs.tab(3).isVisible()


def _choose_last(tabs: TabRow) -> None:
    menu = QApplication.activePopupWidget() or tabs.more.findChild(QMenu)
    assert isinstance(menu, QMenu)
    menu.actions()[-1].trigger()
    menu.close()
