"""Headlines and remedies by failure code: declared data, no widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from engine.protocol.errors import Failure, FailureCode
from gui.translate import QT_TRANSLATE_NOOP

Remedy = Literal[
    "settings",
    "choose_folder",
    "convert_pickle",
    "trust_code",
    "free_space",
    "open_pipeline",
    "retry",
    "resume",
    "copy",
]


@dataclass(frozen=True)
class Text:
    """What a card says above the cause, and the remedies it offers, the best first."""

    headline: str
    remedies: tuple[Remedy, ...]


_CONTEXT = "failures"

REMEDY_LABELS: dict[Remedy, str] = {
    "settings": QT_TRANSLATE_NOOP("failures", "Open Settings"),
    "choose_folder": QT_TRANSLATE_NOOP("failures", "Choose another folder…"),
    "convert_pickle": QT_TRANSLATE_NOOP("failures", "Convert it safely"),
    "trust_code": QT_TRANSLATE_NOOP("failures", "Trust this code…"),
    "free_space": QT_TRANSLATE_NOOP("failures", "Free space in History"),
    "open_pipeline": QT_TRANSLATE_NOOP("failures", "Change the pipeline"),
    "retry": QT_TRANSLATE_NOOP("failures", "Run again"),
    "resume": QT_TRANSLATE_NOOP("failures", "Resume"),
    "copy": QT_TRANSLATE_NOOP("failures", "Copy details"),
}

TEXTS: dict[FailureCode, Text] = {
    "user": Text(QT_TRANSLATE_NOOP("failures", "This needs a change first"), ("retry",)),
    "not_a_checkpoint": Text(QT_TRANSLATE_NOOP("failures", "This is not a model folder"), ("choose_folder",)),
    "missing_shard": Text(
        QT_TRANSLATE_NOOP("failures", "A part of the weights is missing"), ("retry", "choose_folder")
    ),
    "corrupt_shard": Text(QT_TRANSLATE_NOOP("failures", "A weight file is damaged"), ("choose_folder", "retry")),
    "pickle_only": Text(
        QT_TRANSLATE_NOOP("failures", "These weights are in a format that can run code"),
        ("convert_pickle", "choose_folder"),
    ),
    "remote_code": Text(
        QT_TRANSLATE_NOOP("failures", "This model brings its own program code"), ("choose_folder", "trust_code")
    ),
    "unsupported_architecture": Text(
        QT_TRANSLATE_NOOP("failures", "This architecture is not supported"), ("choose_folder", "open_pipeline")
    ),
    "unsupported_quantization": Text(
        QT_TRANSLATE_NOOP("failures", "This kind of quantized model is not supported"), ("choose_folder",)
    ),
    "disk_full": Text(QT_TRANSLATE_NOOP("failures", "The disk is full"), ("free_space", "settings", "resume")),
    "not_writable": Text(QT_TRANSLATE_NOOP("failures", "That place cannot be written"), ("settings", "retry")),
    "not_enough_memory": Text(
        QT_TRANSLATE_NOOP("failures", "There is not enough memory"), ("open_pipeline", "resume", "choose_folder")
    ),
    "worker_died": Text(QT_TRANSLATE_NOOP("failures", "The engine stopped in the middle of its work"), ("resume",)),
    "bad_recipe": Text(QT_TRANSLATE_NOOP("failures", "The recipe needs a correction"), ("open_pipeline",)),
    "bad_order": Text(QT_TRANSLATE_NOOP("failures", "These steps do not fit together"), ("open_pipeline",)),
    "runtime_unavailable": Text(
        QT_TRANSLATE_NOOP("failures", "That runtime cannot be used here"), ("open_pipeline", "settings")
    ),
    "network": Text(QT_TRANSLATE_NOOP("failures", "The network did not answer"), ("retry", "settings")),
    "not_found": Text(QT_TRANSLATE_NOOP("failures", "That could not be found"), ("choose_folder", "retry")),
    "bug": Text(QT_TRANSLATE_NOOP("failures", "Hasten made a mistake"), ("resume", "copy")),
    "cancelled": Text(QT_TRANSLATE_NOOP("failures", "Stopped"), ("resume",)),
}


def headline(failure: Failure) -> str:
    """The card's first line, translated."""
    return QCoreApplication.translate(_CONTEXT, TEXTS[failure.code].headline)


def remedies(failure: Failure, offered: frozenset[Remedy]) -> tuple[Remedy, ...]:
    """The remedies for `failure` that the place showing it can carry out, the best first."""
    return tuple(r for r in TEXTS[failure.code].remedies if r in offered)


def label(remedy: Remedy) -> str:
    """The button's words, translated."""
    return QCoreApplication.translate(_CONTEXT, REMEDY_LABELS[remedy])


def details(failure: Failure) -> str:
    """Everything known, for the folded part and the clipboard; the user's home folder is written as ~."""
    from pathlib import Path

    lines = [f"{failure.code}: {failure.cause}", failure.remedy]
    if failure.where:
        lines.append(failure.where)
    if failure.traceback:
        lines += ["", failure.traceback]
    return "\n".join(lines).replace(str(Path.home()), "~")
