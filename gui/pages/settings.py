"""The settings page: every change takes effect and is kept at once, unless it says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QMessageBox, QWidget

from engine import paths
from engine.recipe.options import OptionField
from gui.document.document import Document
from gui.forms.editors import ChoiceEditor, Editor, FloatEditor, IntEditor, TextEditor
from gui.jobs.client import JobRunner
from gui.pages.base import Page
from gui.pages.tuning import TuningView
from gui.settings.settings import Settings
from gui.settings.token import has_token, store_token
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.text import ElidedLabel, label

_WIDTH = 720


class SettingsPage(Page):
    """Appearance, computing, storage, the hub.

    Attributes:
        editors: the editors by setting.
    """

    title = "Settings"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.editors: dict[str, Editor] = {}
        inner = QWidget()
        cards = column(
            label(self.tr("Settings"), "title"),
            self._appearance(),
            self._computing(),
            self._storage(),
            self._hub(),
            None,
            spacing=16,
        )
        middle = QWidget()
        middle.setLayout(cards)
        middle.setMaximumWidth(_WIDTH)
        inner.setLayout(row(middle, margins=24))
        self.setLayout(column(scrolled(inner)))
        settings.changed.connect(self._on_changed)

    def entered(self) -> None:
        """A token or a measurement may have come from elsewhere."""
        self._show_token()
        self.tuning.refresh()

    # Cards ----------------------------------------------------------------------------------------------------

    def _appearance(self) -> Card:
        theme = ChoiceEditor(self._field(self.tr("Theme"), "choice", choices=("system", "light", "dark")))
        names = {"system": self.tr("as the system"), "light": self.tr("light"), "dark": self.tr("dark")}
        for i, text in enumerate(names.values()):
            theme._box.setItemText(i, text)
        files = (paths.resources() / "translations").glob("hasten_*.qm")
        found = sorted({path.stem.removeprefix("hasten_") for path in files} - {"en"})
        language = ChoiceEditor(self._field(self.tr("Language"), "choice", choices=("", "en", *found)))
        shown = {"": self.tr("as the system"), "en": "English", "zh_CN": "简体中文"}
        for i, code in enumerate(("", "en", *found)):
            language._box.setItemText(i, shown.get(code, code))
        return self._card(
            self.tr("Appearance"),
            ("theme", theme, ""),
            ("language", language, self.tr("Takes effect at the next start.")),
        )

    def _computing(self) -> Card:
        field = self._field(self.tr("Threads"), "int", optional=True, minimum=1, maximum=1024)
        help_text = self.tr(
            "For profiles and comparisons. Automatic is what was measured to be best here, else one per physical core."
        )
        price = self._field(self.tr("Price of an hour"), "float", minimum=0, maximum=100_000)
        price_help = self.tr(
            "What an hour of this machine costs, in any currency: comparisons then tell the cost of a million tokens."
        )
        entries = (("threads", IntEditor(field), help_text), ("price_per_hour", FloatEditor(price), price_help))
        card = self._card(self.tr("Computing"), *entries)
        self.tuning = TuningView(self.jobs)
        card.body.addWidget(self.tuning)
        return card

    def _storage(self) -> Card:
        field = self._field(self.tr("Stage cache"), "float", minimum=0, maximum=100_000, unit="GiB")
        card = self._card(
            self.tr("Storage"),
            (
                "stage_quota_gib",
                FloatEditor(field),
                self.tr("Stages are kept up to this size, so that a changed recipe re-runs only what changed."),
            ),
        )
        where = ElidedLabel("", "muted")
        where.setText(str(paths.home()))
        change = button(self.tr("Change…"), self._change_home)
        show = button(self.tr("Show"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.home()))))
        line = row(label(self.tr("Data folder")), where, show, change, spacing=12)
        line.setStretch(1, 1)
        card.body.addLayout(line)
        self._home_note = label("", "caption", wrap=True)
        card.body.addWidget(self._home_note)
        if os.environ.get("HASTEN_HOME"):
            change.setEnabled(False)
            self._home_note.setText(self.tr("The environment variable HASTEN_HOME decides it."))
        else:
            self._home_note.setText(self.tr("Runs, models and caches lie here."))
        return card

    def _hub(self) -> Card:
        endpoint = TextEditor(self._field(self.tr("Address"), "text"))
        endpoint._box.setPlaceholderText("https://huggingface.co")
        card = self._card(
            self.tr("Model hub"),
            ("hub_endpoint", endpoint, self.tr("A mirror's address, if you use one. Takes effect at the next start.")),
        )
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setAccessibleName(self.tr("Access token"))
        self._keep = button(self.tr("Keep"), self._store_token)
        self._forget = button(self.tr("Forget"), self._forget_token, kind="danger")
        line = row(label(self.tr("Access token")), self.token, self._keep, self._forget, spacing=12)
        line.setStretch(1, 1)
        card.body.addLayout(line)
        self._token_note = label("", "caption", wrap=True)
        card.body.addWidget(self._token_note)
        self._show_token()
        return card

    def _card(self, title: str, *entries: tuple[str, Editor, str]) -> Card:
        card = Card(label(title, "section"), spacing=12, margins=24)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        for line, (name, editor, help_text) in enumerate(entries):
            self.editors[name] = editor
            editor.setParent(self)
            editor.set_value(getattr(self.settings.data, name))
            editor.edited.connect(lambda name=name, editor=editor: self._on_edited(name, editor))
            editor.input.setAccessibleName(editor.field.title)
            term = label(editor.field.title)
            term.setBuddy(editor.input)
            grid.addWidget(term, 3 * line, 0)
            grid.addWidget(editor.widget, 3 * line, 1)
            if help_text:
                grid.addWidget(label(help_text, "caption", wrap=True), 3 * line + 1, 0, 1, 2)
            grid.setRowMinimumHeight(3 * line + 2, 4)
        card.body.addLayout(grid)
        return card

    # Changes --------------------------------------------------------------------------------------------------

    def _on_edited(self, name: str, editor: Editor) -> None:
        value = editor.value()
        self.settings.set(name, "" if value is None and name in ("language", "hub_endpoint") else value)

    def _on_changed(self, name: str) -> None:
        if name in self.editors:
            self.editors[name].set_value(getattr(self.settings.data, name))

    def _change_home(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose a data folder"), str(paths.home()))
        if folder:
            paths.move_home(Path(folder))
            text = self.tr("From the next start on: %1. What lies in the old folder stays there.")
            self._home_note.setText(text.replace("%1", folder))

    def _store_token(self) -> None:
        try:
            store_token(self.token.text())
        except OSError as error:
            QMessageBox.warning(
                self, self.tr("Access token"), self.tr("The token cannot be kept: %1.").replace("%1", str(error))
            )
            return
        self.token.clear()
        self._show_token()

    def _forget_token(self) -> None:
        store_token("")
        self._show_token()

    def _show_token(self) -> None:
        known = has_token()
        self._forget.setEnabled(known)
        self.token.setPlaceholderText(self.tr("a token is kept") if known else "hf_…")
        self._token_note.setText(
            self.tr("Needed only for models that ask for an agreement. It is kept where huggingface_hub looks for it.")
        )

    @staticmethod
    def _field(title: str, kind: str, **declared: object) -> OptionField:
        return OptionField(name="", title=title, help="", kind=kind, default=None, **declared)  # type: ignore[arg-type]
