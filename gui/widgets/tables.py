"""Tables that sort: by a click on a header, or by the keyboard from the menu of the column that has the focus."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QCoreApplication, QSortFilterProxyModel, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QTableView

from gui.item_models.rows import SORT_ROLE
from gui.theme.theme import follow_theme, theme


def sortable_table(model: QAbstractItemModel, name: str) -> tuple[QTableView, QSortFilterProxyModel]:
    """A table of `model`, called `name` by screen readers, and the proxy that sorts and filters it."""
    view = QTableView()
    proxy = QSortFilterProxyModel(view)
    proxy.setSourceModel(model)
    proxy.setSortRole(SORT_ROLE)
    proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    view.setModel(proxy)
    view.setAccessibleName(name)
    view.setSortingEnabled(True)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.horizontalHeader().setHighlightSections(False)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
    for text, keys, order in (
        (_tr("Sort by this column"), "Ctrl+Shift+Down", Qt.SortOrder.AscendingOrder),
        (_tr("Sort by this column, largest first"), "Ctrl+Shift+Up", Qt.SortOrder.DescendingOrder),
    ):
        action = QAction(text, view)
        action.setShortcut(keys)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(
            lambda _=False, order=order: view.sortByColumn(max(0, view.currentIndex().column()), order)
        )
        view.addAction(action)
    follow_theme(view, lambda: _style(view))
    return view, proxy


def _style(view: QTableView) -> None:
    """Room around the cells; the sort arrow stands before the title, never on it."""
    arrows = "".join(
        f'QHeaderView::{way}-arrow {{ image: url("icons:{theme().tokens.name}/chevron-{way}.svg"); width: 10px;'
        " subcontrol-origin: padding; subcontrol-position: center left; left: 2px; }"
        for way in ("up", "down")
    )
    view.setStyleSheet(
        "QTableView::item { padding: 0 6px 0 11px; } QHeaderView::section { padding-left: 14px; }" + arrows
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("Tables", text)
