"""The Compare page: wiring between the jobs and its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSplitter, QStackedLayout, QWidget

from engine.bench.texts import builtin_prompts
from engine.compare.table import ChatAnswers, Comparison
from engine.metrics.base import DECODERS
from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Event, Measured, Progress, Token
from engine.protocol.job import AnyJob, ChatJob
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.pages.base import Page
from gui.pages.compare.candidates import Choices
from gui.pages.compare.graph_window import GraphWindow
from gui.pages.compare.head import Head
from gui.pages.compare.machines import show_beside
from gui.pages.compare.modules import ModulesView
from gui.pages.compare.options import MeasureOptions
from gui.pages.compare.pane import Pane
from gui.pages.compare.prompts import PromptList
from gui.pages.compare.results import Results
from gui.pages.compare.sampling import SamplingButton
from gui.pages.compare.save import save_differences
from gui.pages.compare.texts import TextsView
from gui.pages.compare.token_tip import legend
from gui.pages.compare.token_window import TokenWindow, token_job
from gui.pages.compare.turns import Turn
from gui.pages.compare.why import WhyView
from gui.settings.settings import Settings
from gui.widgets.buttons import button
from gui.widgets.empty import EmptyState
from gui.widgets.frames import clear, column, row
from gui.widgets.text import label

MOST_PANES = 4


class ComparePage(Page):
    """The verdict, the answers side by side, the charts and the measurements.

    Attributes:
        handle: the comparison or chat in progress, or the last one.
        conversation: what the user asked and what was answered.
        prompts: the built-in (or last compared) prompts with their answers.
        shown: the prompt on show, or -1 for the conversation.
        comparison: the finished comparison on show, or None.
    """

    title: ClassVar[str] = "Compare"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.handle: Handle | None = None
        self.conversation: list[Turn] = []
        self.prompts: list[Turn] = []
        self.shown = -1
        self.comparison: Comparison | None = None
        self.candidates: tuple[str, ...] = ()
        self._decoder = True
        self.panes: list[Pane] = []
        self._again: Callable[[], None] = self.measure
        self._build()
        document.candidates_changed.connect(self.entered)
        document.checkpoint_changed.connect(self.entered)

    # What other parts of the window may call ------------------------------------------------------------------

    def entered(self) -> None:
        """Show the document's candidates, or the open checkpoint and its latest run."""
        if self.busy:
            return
        choices = Choices(self.document)
        wanted = self.document.candidates or choices.default()
        self._stack.setCurrentIndex(int(bool(wanted)))
        if not wanted:
            self.candidates = ()
            return
        if wanted != self.candidates:
            self._set_candidates(wanted, choices)

    def measure(self) -> None:
        """Measure the candidates against the first one."""
        if self.busy or not self.candidates:
            return
        self.card.clear()
        try:
            job = self.options.job(self.candidates, self._decoder, self.head.wanted, self.settings.data.threads)
        except UserError as error:
            self._again = self.measure
            self.card.show_failure(Failure.of(error))
            return
        self.prompts = [Turn(text) for text in job.prompts]
        self.prompt_list.set_turns(self.prompts)
        self.comparison = None
        self.results.set_names([pane.name.currentText() for pane in self.panes])
        self.head.show_measuring()
        self._submit(job, self._on_compared, self.measure)

    def send(self) -> None:
        """Ask every candidate what stands in the prompt box."""
        text = self.prompt.text().strip()
        if text and not self.busy:
            self.prompt.clear()
            self.prompt.setFocus()
            self._ask(text)

    def stop(self) -> None:
        """Stop the measurement or the answers; what was written stays."""
        if self.handle is not None:
            self.jobs.cancel(self.handle)

    @property
    def busy(self) -> bool:
        """Whether a comparison or chat is queued or in progress."""
        return self.handle is not None and not self.handle.ended

    @property
    def _most_telling(self) -> int:
        """The first prompt that was answered differently, or the first."""
        return next((place for place, turn in enumerate(self.prompts) if turn.mark), 0 if self.prompts else -1)

    # The page -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.head = Head()
        self.options = MeasureOptions(self)
        for asked, does in (
            (self.head.measure, self.measure),
            (self.head.stop, self.stop),
            (self.head.options, self.options.open),
            (self.head.report, self._save_report),
            (self.head.machines, self._beside_machines),
        ):
            asked.connect(does)
        self.card = FailureCard("retry", "settings", "open_pipeline", "resume")
        self.card.remedy.connect(self._on_remedy)
        self.prompt_list = PromptList()
        self.prompt_list.setFixedWidth(224)
        self.prompt_list.chosen.connect(self._show)
        self._answers = QHBoxLayout()
        self._answers.setSpacing(12)
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText(self.tr("Ask both the same question"))
        self.prompt.setAccessibleName(self.tr("Prompt"))
        self.prompt.returnPressed.connect(self.send)
        self.sampling = SamplingButton()
        self.send_button = button(self.tr("Send to both"), self.send)
        self.new_button = button(self.tr("New chat"), self._new_chat, kind="quiet")
        self.new_button.setToolTip(self.tr("Forget the conversation and begin another"))
        self._prompt_row = QWidget()
        asking = row(spacing=8)
        asking.addWidget(self.prompt, 1)
        for tool in (self.send_button, self.sampling, self.new_button):
            asking.addWidget(tool)
        self._prompt_row.setLayout(asking)
        self._texts = QWidget()
        texts = row(spacing=12)
        texts.addLayout(self._answers, 1)
        texts.addWidget(self.prompt_list)
        self._legend = legend()
        self.texts_view = TextsView()
        for save in (self.prompt_list.save_button, self.texts_view.save_button):
            save.clicked.connect(self._save_differences)
        upper = column(texts, self._legend, self._prompt_row, spacing=8)
        upper.setStretch(0, 1)
        self._texts.setLayout(upper)
        self._no_text = label("", "muted", wrap=True)
        self.results = Results()
        self.results.cases.chosen.connect(self._show)
        self.results.graph.asked.connect(lambda it: GraphWindow(it.run, it.name, self.jobs, self).show())
        self.why = WhyView(self.document, self.jobs, self.settings)
        self.why.navigate.connect(self.navigate)
        self.results.add_tab(self.tr("Where and why"), self.why)
        self.modules = ModulesView(self.jobs, self.settings)
        self.results.add_tab(self.tr("Time by part"), self.modules)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        for part in (self._texts, self.texts_view, self.results):
            split.addWidget(part)
        for place, share in enumerate((5, 5, 4)):
            split.setStretchFactor(place, share)
        split.setSizes([310, 310, 260])
        page = QWidget()
        layout = column(self.head, self.card, self._no_text, spacing=8, margins=(24, 12, 24, 12))
        layout.addWidget(split, 1)
        page.setLayout(layout)
        empty = EmptyState(
            "compare",
            self.tr("Nothing to compare yet"),
            self.tr(
                "Run a recipe first. Original and result then answer the same prompts side by side, and are measured."
            ),
            self.tr("Go to Run"),
            lambda: self.navigate.emit("run" if self.document.checkpoint else "start"),
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(page)
        self._show_state()

    def _set_candidates(self, candidates: tuple[str, ...], choices: Choices) -> None:
        self.candidates = candidates[:MOST_PANES]
        self.conversation = []
        self.card.clear()
        clear(self._answers)
        self.panes = [Pane(place) for place in range(len(self.candidates))]
        pairs = choices.pairs()
        for place, (pane, reference) in enumerate(zip(self.panes, self.candidates, strict=True)):
            pane.set_choices(pairs, reference)
            pane.picked.connect(lambda picked, place=place: self._pick(place, picked))
            pane.view.picked.connect(lambda turn, token, place=place: self._follow(turn, token, place))
            self._answers.addWidget(pane, 1)
        task = choices.task(self.candidates[0]) or "text-generation"
        self._decoder = decoder = task in DECODERS
        self._texts.setVisible(decoder)
        self._no_text.setText(
            self.tr("This model writes no text: compared are how far its results agree and how long a request takes.")
        )
        self.results.show_live(decoder)
        self.options.show_task(task)
        names = [pane.name.currentText() for pane in self.panes]
        self.results.set_names(names)
        self.why.set_run(choices.record(self._run_of_candidates() or ""))
        self.modules.set_candidates(self.candidates, self._run_of_candidates())
        self.results.set_compiled([choices.compiled(*both) for both in zip(self.candidates, names, strict=True)])
        self.prompts = [Turn(text) for text in builtin_prompts()]
        self._show_comparison(choices.latest(self.candidates))
        self._show(self._most_telling if self.comparison is not None else -1)
        self._show_state()

    def _show_comparison(self, comparison: Comparison | None) -> None:
        self.comparison = comparison
        self.texts_view.set_comparison(comparison)
        self.texts_view.setVisible(self.texts_view.shown)
        self._no_text.setVisible(not self._decoder and not self.texts_view.shown)
        self.head.show_comparison(comparison)
        if comparison is not None:
            self.results.show_comparison(comparison)
            self.prompts = [Turn(text) for text in comparison.prompts]
            for place, turn in enumerate(self.prompts):
                answers = [c.answers[place] for c in comparison.candidates if place < len(c.answers)]
                turn.finish(answers, [diff for diff in comparison.diffs if diff.prompt == place])
        self.prompt_list.set_turns(self.prompts)

    def _pick(self, place: int, reference: str) -> None:
        if not self.busy and reference != self.candidates[place]:
            wanted = list(self.candidates)
            wanted[place] = reference
            self.document.set_candidates(*wanted)

    def _follow(self, turn: Turn, token: int, candidate: int) -> None:
        """Show where the error of a token of `candidate`'s answer grew, if one of the two sides is a run."""
        run = Choices(self.document).record(self.candidates[candidate or min(1, len(self.panes) - 1)])
        if run is not None and run.task == "text-generation" and not self.busy:
            job = token_job(run.id, self.conversation, turn, token, candidate, self.settings.data.threads)
            names = (self.panes[0].name.currentText(), run.name)
            TokenWindow(job, names, self.jobs, self).show()

    def _show(self, place: int) -> None:
        """Put prompt `place` (-1: the conversation) into the panes."""
        self.shown = place
        turns = self.conversation if place < 0 else [self.prompts[place]]
        for pane in self.panes:
            pane.view.names = tuple(own.name.currentText() for own in self.panes)
            pane.view.show_turns(list(turns))
            pane.figure.clear()
            if turns:
                pane.show_speed(turns[-1])
        self._legend.setVisible(any(turn.views(0) for turn in turns))
        self.prompt_list.select(place)
        if place >= 0 and not any(self.prompts[place].answers) and not self.busy:
            self.prompt.setText(self.prompts[place].prompt)

    # Jobs -----------------------------------------------------------------------------------------------------

    def _ask(self, text: str) -> None:
        histories = []
        for candidate in range(len(self.panes)):
            history = []
            for turn in self.conversation:
                history.append({"role": "user", "content": turn.prompt})
                history.append({"role": "assistant", "content": turn.text(candidate)})
            histories.append((*history, {"role": "user", "content": text}))
        self.conversation.append(Turn(text))
        self._show(-1)
        self.results.clear_live()
        job = ChatJob(
            candidates=self.candidates,
            histories=tuple(histories),
            max_new_tokens=self.sampling.length.value(),
            sampling=self.sampling.sampling,
        )
        self._submit(job, self._on_answered, lambda: self._ask_again(text))

    def _ask_again(self, text: str) -> None:
        self.conversation.pop()
        self._ask(text)

    def _submit(self, job: AnyJob, on_finished: Callable[[dict[str, Any]], None], again: Callable[[], None]) -> None:
        self.card.clear()
        self._again = again
        self.head.wait(behind=self.jobs.current is not None)
        self.handle = self.jobs.submit(job)
        self.handle.events.connect(self._on_events)
        self.handle.finished.connect(on_finished)
        self.handle.failed.connect(self._on_failed)
        self.handle.state_changed.connect(self._show_state)
        self._show_state()

    def _on_events(self, batch: list[Event]) -> None:
        tokens = [event for event in batch if isinstance(event, Token)]
        measured = [event for event in batch if isinstance(event, Measured)]
        progress = [event for event in batch if isinstance(event, Progress)]
        if tokens:
            self._on_tokens(tokens)
        if measured:
            self.results.add_measured(measured)
        if progress:
            self.head.show_progress(progress[-1])

    def _on_tokens(self, tokens: list[Token]) -> None:
        self.results.add_tokens(tokens)
        chat = self.handle is not None and isinstance(self.handle.job, ChatJob)
        by_prompt: dict[int, list[Token]] = {}
        for token in tokens:
            by_prompt.setdefault(token.prompt, []).append(token)
        for place, own in by_prompt.items():
            turn = self.conversation[-1] if chat else self.prompts[place]
            before = dict(turn.diverged)
            turn.add(own)
            shown = -1 if chat else place
            if shown != self.shown and own[0].index == 0:
                self._show(shown)
            elif shown == self.shown:
                for pane in self.panes:
                    pane.view.grow()
                    if turn.diverged != before:
                        pane.view.mark()
            if not chat:
                self.prompt_list.refresh(place, turn)
            for pane in self.panes:
                pane.show_speed(turn)

    def _on_compared(self, result: dict[str, Any]) -> None:
        self._show_comparison(Comparison.model_validate(result))
        self._show(self._most_telling)
        self._show_state()

    def _on_answered(self, result: dict[str, Any]) -> None:
        found = ChatAnswers.model_validate(result)
        turn = self.conversation[-1]
        turn.finish(found.answers, found.diffs)
        self.head.show_comparison(self.comparison)
        if self.shown < 0:
            self._show(-1)

    def _on_failed(self, failure: Failure) -> None:
        self.head.show_comparison(self.comparison)
        if failure.kind != "cancelled":
            self.card.show_failure(failure)

    def _show_state(self, _state: str = "") -> None:
        busy = self.busy
        self.head.show_state(busy, self.comparison is not None and bool(self._run_of_candidates()))
        self.send_button.setEnabled(not busy)
        self.new_button.setEnabled(not busy and bool(self.conversation))
        for pane in self.panes:
            pane.name.setEnabled(not busy)

    def _new_chat(self) -> None:
        self.conversation = []
        self._show(-1)
        self._show_state()
        self.prompt.setFocus()

    def _on_remedy(self, remedy: str) -> None:
        if remedy in ("retry", "resume"):
            self._again()
        else:
            self.navigate.emit({"settings": "settings", "open_pipeline": "pipeline"}[remedy])

    def _save_report(self) -> None:
        from gui.pages.history.export import ExportDialog

        if (run := self._run_of_candidates()) is not None:
            ExportDialog(run, self.jobs, self, format="report").exec()

    def _beside_machines(self) -> None:
        record = Choices(self.document).record(self._run_of_candidates() or "")
        if record is not None:
            self._attempt(lambda comparison: show_beside(record, comparison, self), self._beside_machines)

    def _save_differences(self) -> None:
        self._attempt(lambda comparison: save_differences(comparison, self), self._save_differences)

    def _attempt(self, work: Callable[[Comparison], object], again: Callable[[], None]) -> None:
        """Do something with the comparison on show; what hinders it is told."""
        self.card.clear()
        try:
            if self.comparison is not None:
                work(self.comparison)
        except UserError as error:
            self._again = again
            self.card.show_failure(Failure.of(error))

    def _run_of_candidates(self) -> str | None:
        """The last candidate that is a run: its folder holds the comparison."""
        choices = Choices(self.document)
        return next((reference for reference in reversed(self.candidates) if choices.record(reference)), None)
