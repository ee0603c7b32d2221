"""Where one token's error grew: both models followed through their layers, in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QDialog, QHeaderView, QWidget

from engine.compare.evidence import TokenView
from engine.compare.format import format_number, format_percent
from engine.compare.token_trace import TokenLayer, TokenTrace
from engine.protocol.job import TokenJob
from gui.item_models.rows import Column, RowsModel
from gui.jobs.client import JobRunner
from gui.numbers import MISSING
from gui.pages.compare.token_tip import choices_table, visible
from gui.pages.compare.turns import Turn
from gui.widgets.bars import SHARE, BarDelegate
from gui.widgets.frames import Card, column, row
from gui.widgets.tables import sortable_table
from gui.widgets.text import label
from gui.widgets.work import Work

ERROR_BAR, GROWTH_BAR = 3, 5


def token_job(
    run: str, conversation: Sequence[Turn], turn: Turn, token: int, candidate: int, threads: int | None
) -> TokenJob:
    """The job that follows `token` of what `candidate` answered in `turn`, after the turns before it if it is one of
    `conversation`."""
    history = []
    for earlier in conversation[: conversation.index(turn)] if turn in conversation else ():
        history.append({"role": "user", "content": earlier.prompt})
        history.append({"role": "assistant", "content": earlier.text(candidate)})
    return TokenJob(
        run=run,
        history=(*history, {"role": "user", "content": turn.prompt}),
        answer=tuple(one.id for one in turn.answer(candidate)[: token + 1]),
        place=token,
        threads=threads,
    )


class TokenWindow(QDialog):
    """Follows the token of `job` for the models called `names`. Closing it stops that.

    Attributes:
        found: the trace on show, or None.
        model: the layers' model.
        work: the job that follows it.
    """

    def __init__(self, job: TokenJob, names: tuple[str, str], jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: TokenTrace | None = None
        self._job, self._names = job, names
        self.work = Work(jobs, self.start, self)
        self.work.progress.cancelled.connect(self.reject)
        self.work.finished.connect(self._on_found)
        self.finished.connect(lambda _: self.work.cancel())
        self.setWindowTitle(self.tr("Where this token's error grew"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1040, 560)
        self.answer, self.told = label("", "section", wrap=True), label("", "muted", wrap=True)
        self.choices = label("", wrap=True)
        self.choices.setTextFormat(Qt.TextFormat.RichText)
        self.choices.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.model = _Layers()
        self.view, _ = sortable_table(self.model, self.tr("Errors of the layers at this token"))
        self.view.verticalHeader().setDefaultSectionSize(24)
        self.view.setItemDelegateForColumn(ERROR_BAR, BarDelegate(self.view))
        self.view.setItemDelegateForColumn(GROWTH_BAR, BarDelegate(self.view, "accent"))
        sides = row(spacing=12)
        sides.addWidget(Card(self.view, kind="pane", margins=4), 1)
        beside = Card(self.choices, None, kind="pane", margins=12)
        beside.setFixedWidth(288)
        sides.addWidget(beside)
        self._body = QWidget()
        body = column(self.answer, self.told, sides, spacing=8)
        body.setStretch(2, 1)
        self._body.setLayout(body)
        layout = column(self.work.progress, self.work.failure, self._body, spacing=8, margins=16)
        layout.setStretch(2, 1)
        layout.setAlignment(self.work.progress, Qt.AlignmentFlag.AlignTop)
        self.setLayout(layout)
        self.start()

    def start(self) -> None:
        """Follow the token."""
        self._body.hide()
        self.work.submit(self._job, self.tr("Following the token through both models"))

    def _on_found(self, result: dict[str, Any]) -> None:
        found = self.found = TokenTrace.model_validate(result)
        self.model.show_trace(found)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for bar in (ERROR_BAR, GROWTH_BAR):
            header.setSectionResizeMode(bar, QHeaderView.ResizeMode.Stretch)
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.answer.setText(self._answer(found))
        text = self.tr(
            "KL divergence here: %1 nats. Both models read %2 tokens before this one, and computed in float32 from "
            "their checkpoints, without the runtime's own rounding."
        )
        kl = format_number(found.kl_divergence_nats)
        self.told.setText(text.replace("%1", kl).replace("%2", str(found.tokens)))
        left, right = found.original, found.result
        view = TokenView(own=right.probability, other=left.probability, own_top=right.top, other_top=left.top)
        self.choices.setText(choices_table(view, found.token, 1, self._names))
        self._body.show()
        self.view.setFocus()

    def _answer(self, found: TokenTrace) -> str:
        """Where the error grew most."""
        named = self.tr("Token %1: “%2”").replace("%1", str(found.place + 1)).replace("%2", visible(found.token))
        worst = found.worst
        if worst is None:
            return f"{named} · {self.tr('both models compute the same')}"
        text = self.tr("the error grew most in %1, by %2").replace("%1", self.model.title(worst))
        return f"{named} · {text.replace('%2', format_percent(worst.growth))}"


class _Layers(RowsModel[TokenLayer]):
    """Rows of layers with bars for their errors."""

    def __init__(self) -> None:
        super().__init__(())
        self._most = {ERROR_BAR: 1e-30, GROWTH_BAR: 1e-30}

    def show_trace(self, found: TokenTrace) -> None:
        """Show the layers of `found`, in the model's order."""
        for bar in self._most:
            self._most[bar] = max([1e-30, *(self._value(layer, bar) for layer in found.layers)])
        self.reset(found.layers, self._columns())

    def title(self, layer: TokenLayer) -> str:
        """A layer as people call it."""
        return (
            self.tr("Embedding") if layer.index is None else self.tr("Layer %1").replace("%1", str(layer.index))
        )  # fmt: skip

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The bars' shares beside the usual roles."""
        if role == SHARE and index.isValid() and index.column() in self._most:
            value = self._value(self.rows[index.row()], index.column())
            return value / self._most[index.column()] if value > 0 else None
        return super().data(index, role)

    @staticmethod
    def _value(layer: TokenLayer, bar: int) -> float:
        return layer.error if bar == ERROR_BAR else layer.growth

    def _own_error(self, layer: TokenLayer) -> str:
        if layer.own_error is not None:
            return format_percent(layer.own_error)
        return MISSING if layer.index is None else self.tr("dropped")

    def _columns(self) -> tuple[Column[TokenLayer], ...]:
        return (
            Column(self.tr("Layer"), self.title, sort=lambda layer: -1 if layer.index is None else layer.index),
            Column(
                self.tr("Own error"),
                self._own_error,
                sort=lambda layer: layer.own_error or 0.0,
                number=True,
                help=self.tr("How far its output is from the original's at this token, given what it is given there"),
            ),
            Column(
                self.tr("Accumulated"),
                lambda layer: format_percent(layer.error),
                sort=lambda layer: layer.error,
                number=True,
                help=self.tr("The same, given what the layers before it make of the text now"),
            ),
            Column("", lambda layer: "", sort=lambda layer: layer.error),
            Column(
                self.tr("Grew by"),
                lambda layer: format_percent(layer.growth, sign=True),
                sort=lambda layer: layer.growth,
                number=True,
                help=self.tr("How much more the accumulated error is than before the layer"),
            ),
            Column("", lambda layer: "", sort=lambda layer: layer.growth),
        )
