"""The checkpoint page: left the blocks with their bytes or their time, right the facts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHeaderView,
    QSizePolicy,
    QStackedLayout,
    QStackedWidget,
    QTreeView,
    QWidget,
)

from gui.document.document import Document
from gui.item_models.blocks import BlocksModel
from gui.jobs.client import JobRunner
from gui.pages.base import Page
from gui.pages.checkpoint.facts import facts
from gui.pages.checkpoint.profile import ProfileView
from gui.settings.settings import Settings
from gui.translate import engine_text
from gui.widgets.bars import BarDelegate
from gui.widgets.buttons import button
from gui.widgets.empty import EmptyState
from gui.widgets.facts import Facts
from gui.widgets.frames import Card, clear, column, row, scrolled
from gui.widgets.note import Note
from gui.widgets.text import ElidedLabel, label


class CheckpointPage(Page):
    """What the open checkpoint is.

    Attributes:
        tree: the blocks with their bytes.
        profile: the measured blocks.
    """

    title = "Checkpoint"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.model, self.tree = BlocksModel(), QTreeView()
        self.tree.setModel(self.model)
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.tree.setItemDelegateForColumn(4, BarDelegate(self.tree))
        self.tree.setAccessibleName(self.tr("Blocks of the model"))
        self.tree.setIndentation(16)
        self.profile = ProfileView(document, jobs, settings)
        self._name, self._path = ElidedLabel("", "title"), ElidedLabel("", "caption", Qt.TextElideMode.ElideMiddle)
        self._facts, self._warnings = Facts(), column(spacing=8)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(
            EmptyState(
                "model",
                self.tr("No model is open"),
                self.tr("This page shows what a model is made of, and measures where its time goes."),
                self.tr("Choose a model"),
                lambda: self.navigate.emit("start"),
            )
        )
        self._stack.addWidget(self._content())
        document.checkpoint_changed.connect(self.refresh)
        self.refresh()

    def entered(self) -> None:
        """Free memory changes."""
        self._show_facts()

    def refresh(self) -> None:
        """Show the open checkpoint."""
        info = self.document.info
        self._stack.setCurrentIndex(0 if info is None else 1)
        self.model.show_info(info)
        if info is None:
            return
        self._name.setText(self.document.model_name)
        self._path.setText(info.path.replace(str(Path.home()), "~", 1))
        self._show_facts()
        header = self.tree.header()
        header.setStretchLastSection(True)
        for section in range(4):
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.expandToDepth(0)
        clear(self._warnings)
        for text in info.warnings:
            self._warnings.addWidget(Note(engine_text(text), "warning"))

    def start_profile(self) -> None:
        """Turn to the measured blocks and measure."""
        self._show_view(1)
        self.profile.start()

    def _show_facts(self) -> None:
        if self.document.info is not None:
            self._facts.show_facts(facts(self.document.info))

    def _content(self) -> QWidget:
        self._views = QStackedWidget()
        self._views.addWidget(self.tree)
        self._views.addWidget(self.profile)
        self._tabs = QButtonGroup(self)
        tabs = row(spacing=0, margins=(8, 0, 8, 0))
        for index, text in enumerate((self.tr("Weights"), self.tr("Measured time"))):
            tab = button(text, kind="tab")
            tab.setCheckable(True)
            tab.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tab.setChecked(index == 0)
            self._tabs.addButton(tab, index)
            tabs.addWidget(tab)
        tabs.addStretch(1)
        self._tabs.idClicked.connect(self._show_view)
        left = Card(kind="pane", spacing=0, margins=1)
        left.body.addLayout(tabs)
        left.body.addWidget(self._views, 1)
        side = QWidget()
        card = Card(label(self.tr("Facts"), "section"), self._facts, spacing=12, margins=16)
        side.setLayout(column(card, self._warnings, None, spacing=12))
        area = scrolled(side)
        area.setMinimumWidth(336)
        area.setMaximumWidth(380)
        area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        names = column(self._name, self._path, spacing=0)
        head = row(spacing=8)
        head.addLayout(names, 1)
        head.addWidget(
            button(
                self.tr("Profile"),
                self.start_profile,
                icon="gauge",
                tooltip=self.tr("Measure time, FLOPs and bytes of every block before anything is changed."),
            )
        )
        head.addWidget(button(self.tr("Choose what to change"), lambda: self.navigate.emit("pipeline"), kind="primary"))
        content = row(spacing=16)
        content.addWidget(left, 1)
        content.addWidget(area, 0)
        box = QWidget()
        layout = column(head, spacing=16, margins=24)
        layout.addLayout(content, 1)
        box.setLayout(layout)
        return box

    def _show_view(self, index: int) -> None:
        self._views.setCurrentIndex(index)
        self._tabs.button(index).setChecked(True)
