"""The right side of the pipeline: options of the selected card."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QGridLayout, QLabel, QWidget

from engine.intel import PLUGINS
from engine.passes import catalog as passes
from engine.recipe.options import OptionField
from engine.recipe.recipe import DEVICES
from engine.runtimes import catalog as runtimes
from engine.runtimes.base import Availability
from gui.document.document import Document
from gui.forms.editors import ChoiceEditor, Editor, IntEditor, TextEditor
from gui.forms.form import Form
from gui.translate import engine_text
from gui.widgets.frames import clear, column, line
from gui.widgets.note import Note
from gui.widgets.text import label


class Inspector(QWidget):
    """The form of one pass, or of the target with its runtime's options.

    Attributes:
        form: the generated form on show.
        target_form: the target's own fields while the target is on show, else None.
    """

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._shown: tuple[int | None, str] | None = None
        self.form: Form | None = None
        self.target_form: TargetForm | None = None
        self.setLayout(column(spacing=12, margins=16))

    def refresh(self, index: int | None) -> None:
        """Show card `index` (None: the target); a form already on show keeps its focus."""
        recipe = self._document.recipe
        name = recipe.target.runtime if index is None else recipe.passes[index].name
        if self._shown != (index, name) or self.form is None:
            stays = index is None and self._target_has_focus()
            self._shown = (index, name)
            self._rebuild(index, name)
            if stays and self.target_form is not None:
                self.target_form.editors["runtime"].input.setFocus()
        assert self.form is not None
        self.form.show_values(recipe.target.options if index is None else recipe.passes[index].options)
        if self.target_form is not None:
            self.target_form.refresh()

    def _target_has_focus(self) -> bool:
        focused = QApplication.focusWidget()
        return self.target_form is not None and focused is not None and self.target_form.isAncestorOf(focused)

    def _rebuild(self, index: int | None, name: str) -> None:
        box = self.layout()
        assert box is not None
        clear(box)
        self.target_form = None
        spec = runtimes.get(name) if index is None else passes.get(name)
        box.addWidget(label(self.tr("Target") if index is None else engine_text(spec.title), "section"))
        if index is None:
            self.target_form = TargetForm(self._document)
            box.addWidget(self.target_form)
            box.addWidget(line())
        box.addWidget(label(engine_text(spec.summary), "muted", wrap=True))
        self.form = Form(spec.options)
        self.form.edited.connect(
            lambda changed, values: self._document.set_options(index, values, changed=changed),
        )
        box.addWidget(self.form)
        if index is not None and passes.get(name).paper:
            box.addWidget(label(engine_text(passes.get(name).paper), "caption", wrap=True))
        box.addItem(column(None))


class TargetForm(QWidget):
    """Runtime with its availability, device, threads, replicas, split over GPUs, speculation."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)
        self._remedy: Note | None = None
        self._terms: dict[Editor, QLabel] = {}
        self._version = label("", "caption")
        titles = {name: engine_text(spec.title) for name, spec in runtimes.all_runtimes().items()}
        self.editors: dict[str, Editor] = {
            "runtime": self._add(
                self.tr("Runtime"),
                self.tr("The program that computes the model."),
                ChoiceEditor,
                kind="choice",
                choices=tuple(titles),
            ),
            "device": self._add(
                self.tr("Device"),
                self.tr(
                    "Where it computes: the processor, an NVIDIA graphics card (CUDA), or with OpenVINO Intel's "
                    "graphics or its unit for neural networks (NPU)."
                ),
                ChoiceEditor,
                kind="choice",
                choices=tuple(DEVICES),
            ),
            "threads": self._add(
                self.tr("Threads"),
                self.tr(
                    "Processor threads of each replica; automatic is what was measured to b"
                    "e best here, else one per physical core."
                ),
                IntEditor,
                kind="int",
                optional=True,
                minimum=1,
                maximum=1024,
            ),
            "replicas": self._add(
                self.tr("Replicas"),
                self.tr("Independent copies on this machine, each with its own threads: more requests at once."),
                IntEditor,
                kind="int",
                minimum=1,
                maximum=64,
            ),
            "split": self._add(
                self.tr("Split over GPUs"),
                self.tr("Balanced lays the layers over all graphics cards, for models that do not fit on one."),
                ChoiceEditor,
                kind="choice",
                choices=("none", "balanced"),
            ),
            "speculation": self._add(
                self.tr("Speculation"),
                self.tr(
                    "Tokens are guessed ahead and checked at once: the answer stays the same and may come sooner. "
                    "Prompt lookup guesses that the text repeats itself; original checks: this result guesses and the "
                    "original answers; draft model: another model guesses for this result."
                ),
                ChoiceEditor,
                kind="choice",
                choices=("none", "lookup", "original", "draft"),
            ),
            "draft": self._add(
                self.tr("Draft model"),
                self.tr("The checkpoint folder or run that guesses: a smaller model with the same vocabulary."),
                TextEditor,
                kind="text",
            ),
        }
        self._name_choices(titles)
        self.setLayout(column(self._grid, self._version, spacing=8))

    def refresh(self) -> None:
        """Show the recipe's target and whether its runtime can be used here."""
        target = self._document.recipe.target
        for name, editor in self.editors.items():
            editor.set_value(getattr(target, name))
        draft = self.editors["draft"]
        for part in (draft.widget, self._terms[draft]):
            part.setVisible(target.speculation == "draft")
        spec = runtimes.get(target.runtime)
        found = spec.availability()
        if self._remedy is not None:
            self._remedy.hide()
            self._remedy.deleteLater()
            self._remedy = None
        self._offer(found, target.device)
        if found.usable:
            self._version.setText(self.tr("Installed: %1").replace("%1", found.version or self.tr("yes")))
        else:
            self._remedy = Note(f"{engine_text(found.reason)} {engine_text(found.remedy)}", "warning")
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self._remedy)
        self._version.setVisible(found.usable)

    def _offer(self, found: Availability, chosen: str) -> None:
        """Let only those of Intel's devices be chosen that the runtime can use here; the others say why not."""
        box = self.editors["device"].input
        for i in range(box.count()):  # type: ignore[attr-defined]
            device = box.itemData(i)  # type: ignore[attr-defined]
            if device not in PLUGINS:
                continue  # NVIDIA's is offered for recipes of other machines too
            offered = device in found.devices or device == chosen
            reason = found.refused.get(device) or self.tr("OpenVINO alone computes there.")
            box.setItemData(i, None if offered else engine_text(reason), Qt.ItemDataRole.ToolTipRole)  # type: ignore[attr-defined]
            box.model().item(i).setEnabled(offered)  # type: ignore[attr-defined]

    def _add(self, title: str, help: str, editor_type: type[Editor], **declared: object) -> Editor:
        editor = editor_type(OptionField(name="", title=title, help=help, default=None, **declared))  # type: ignore[arg-type]
        editor.setParent(self)
        editor.edited.connect(lambda: self._on_edited(editor))
        term: QLabel = label(title)
        term.setBuddy(editor.input)
        self._terms[editor] = term
        for widget in (term, editor.widget):
            widget.setToolTip(help)
        editor.input.setAccessibleName(title)
        row = self._grid.rowCount()
        self._grid.addWidget(term, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(editor.widget, row, 1)
        return editor

    def _name_choices(self, titles: dict[str, str]) -> None:
        guesses = {
            "none": self.tr("none"),
            "lookup": self.tr("prompt lookup"),
            "original": self.tr("original checks"),
            "draft": self.tr("draft model"),
        }
        names = {**titles, **{key: engine_text(name) for key, name in DEVICES.items()}, **guesses}
        for key in ("runtime", "device", "speculation"):
            box = self.editors[key].input
            for i in range(box.count()):  # type: ignore[attr-defined]
                box.setItemText(i, names[box.itemData(i)])  # type: ignore[attr-defined]

    def _on_edited(self, editor: Editor) -> None:
        name = next(key for key, candidate in self.editors.items() if candidate is editor)
        self._document.set_target(name, editor.value())
