"""The top of the window: menus, the model's name and Run; below, the tabs."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QFrame, QLabel, QMenuBar, QPushButton, QWidget

from gui.pages import catalog
from gui.theme.icons import app_icon
from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import column, row
from gui.widgets.text import ElidedLabel


class Header(QFrame):
    """Two rows: mark, menus, model, Run; tabs and tools.

    Attributes:
        menus: the menu bar.
        tabs: the tab buttons by page key.
        run: the Run button.

    Signals:
        page_wanted(str): a tab was pressed.
    """

    page_wanted = Signal(str)

    def __init__(self, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "bar")
        mark = QLabel()
        mark.setPixmap(app_icon().pixmap(20, 20))
        mark.setAccessibleName("Hasten")
        self.menus = QMenuBar()
        self.menus.setNativeMenuBar(False)
        self.model = ElidedLabel("", "muted", Qt.TextElideMode.ElideMiddle)
        self.model.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.run = button(self.tr("Run"), actions["run"].trigger, kind="primary", icon="play")
        self.run.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        top = row(mark, self.menus, spacing=8, margins=(16, 8, 16, 0))
        top.addWidget(self.model, 1)
        top.addSpacing(8)
        top.addWidget(self.run)
        self.tabs: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        strip = row(spacing=0, margins=(6, 0, 16, 0))
        for key, (title, _, has_tab) in catalog.ENTRIES.items():
            if has_tab:
                tab = button(QCoreApplication.translate("Page", title), kind="tab")
                tab.setCheckable(True)
                tab.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                tab.setObjectName(f"tab_{key}")
                tab.clicked.connect(lambda _=False, key=key: self.page_wanted.emit(key))
                self._group.addButton(tab)
                self.tabs[key] = tab
                strip.addWidget(tab)
        strip.addStretch(1)
        for icon, name in (("search", "palette"), ("settings", "settings"), ("theme", "theme")):
            text = actions[name].text().replace("&", "")
            keys = actions[name].shortcut().toString()
            strip.addWidget(icon_button(icon, f"{text} ({keys})", actions[name].trigger))
        self.setLayout(column(top, strip, spacing=0))

    def show_page(self, key: str) -> None:
        """Mark the tab of page `key`; pages without a tab leave none marked."""
        self._group.setExclusive(False)
        for name, tab in self.tabs.items():
            tab.setChecked(name == key)
        self._group.setExclusive(True)

    def show_model(self, name: str) -> None:
        """Show the open model's name."""
        self.model.setText(name)

    def show_run(self, enabled: bool, why_not: str) -> None:
        """Enable Run, or say in its tooltip why it cannot start."""
        self.run.setEnabled(enabled)
        self.run.setToolTip(why_not or self.tr("Run the recipe on the open model (Ctrl+R)"))
