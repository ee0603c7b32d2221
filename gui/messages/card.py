"""The card that shows a failure where it happened: cause, remedy buttons, details folded away."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.errors import Failure
from gui.messages import failures
from gui.messages.failures import Remedy
from gui.theme.theme import font


class FailureCard(QFrame):
    """Hidden until `show_failure`.

    Attributes:
        offered: the remedies that the place showing the card can carry out; copying needs no one's help.

    Signals:
        remedy(str): the user chose this remedy (see gui.messages.failures.Remedy).
    """

    remedy = Signal(str)

    def __init__(self, *offered: Remedy, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.offered: frozenset[Remedy] = frozenset(offered)
        self.failure: Failure | None = None
        self.setProperty("kind", "problem")
        self.setAccessibleName(self.tr("What went wrong, and what to do"))
        self._headline, self._cause, self._remedy = QLabel(), QLabel(), QLabel()
        self._headline.setProperty("role", "section")
        for label in (self._headline, self._cause, self._remedy):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setFont(font("caption", mono=True))
        self._details.setAccessibleName(self.tr("Details"))
        self._details.setMinimumHeight(96)
        self._details.setMaximumHeight(220)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(4)
        for part in (self._headline, self._cause, self._remedy):
            layout.addWidget(part)
        layout.addSpacing(8)
        layout.addLayout(self._buttons)
        layout.addWidget(self._details)
        self.hide()

    def show_failure(self, failure: Failure) -> None:
        """Show `failure` with the remedies that are offered here."""
        self.failure = failure
        self._headline.setText(failures.headline(failure))
        self._cause.setText(f"{failure.cause} ({failure.where})" if _adds_place(failure) else failure.cause)
        self._remedy.setText(failure.remedy)
        self._details.setPlainText(failures.details(failure))
        self._details.hide()
        self._fill_buttons(failure)
        self.show()

    def focus(self) -> None:
        """Give the first remedy the keyboard."""
        first = self._buttons.itemAt(0)
        if first is not None and (widget := first.widget()) is not None:
            widget.setFocus()

    def clear(self) -> None:
        """Hide the card: the failure is over."""
        self.failure = None
        self.hide()

    def _fill_buttons(self, failure: Failure) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, choice in enumerate(failures.remedies(failure, self.offered - {"copy"})):
            button = QPushButton(failures.label(choice))
            button.setObjectName(choice)
            if place == 0 and choice != "trust_code":
                button.setProperty("kind", "primary")
            button.clicked.connect(lambda _=False, choice=choice: self._choose(choice))
            self._buttons.addWidget(button)
        self._buttons.addStretch()
        if failure.kind == "cancelled":
            return
        fold = QPushButton(self.tr("Details"))
        fold.setProperty("kind", "quiet")
        fold.setCheckable(True)
        fold.toggled.connect(self._details.setVisible)
        copy = QPushButton(failures.label("copy"))
        copy.setObjectName("copy")
        copy.setProperty("kind", "quiet")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._details.toPlainText()))
        self._buttons.addWidget(fold)
        self._buttons.addWidget(copy)

    def _choose(self, choice: Remedy) -> None:
        if choice != "trust_code" or self._confirm_trust():
            self.remedy.emit(choice)

    def _confirm_trust(self) -> bool:
        answer = QMessageBox.question(
            self,
            self.tr("Trust this code?"),
            self.tr(
                "This model brings its own Python code. It will run with all your rights: it can read, change and "
                "send your files. Say yes only if you know and trust who wrote it."
            ),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        return answer == QMessageBox.StandardButton.Yes


def _adds_place(failure: Failure) -> bool:
    return failure.where is not None and failure.where not in failure.cause and len(failure.where) < 200
