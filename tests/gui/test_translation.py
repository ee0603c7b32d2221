"""Every text can be translated, and English counts properly."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from engine import paths
from gui.app import translate

GUI = Path(__file__).resolve().parents[2] / "gui"


def test_english_counts(qapp: QApplication) -> None:
    installed = translate(qapp, "en")
    try:
        assert QCoreApplication.translate("Board", "%n thread(s)", "", 1) == "1 thread"
        assert QCoreApplication.translate("Board", "%n thread(s)", "", 2) == "2 threads"
    finally:
        for translator in installed:
            qapp.removeTranslator(translator)


def test_every_counted_text_has_its_english_forms() -> None:
    tree = ElementTree.parse(paths.resources() / "translations" / "hasten_en.ts")
    known = {message.findtext("source") for message in tree.iter("message")}
    for form in tree.iter("numerusform"):
        assert form.text
    for path in GUI.rglob("*.py"):
        for text in re.findall(r'tr\(\s*"([^"]*%n[^"]*)"', path.read_text(encoding="utf-8")):
            assert text in known, f"{path.name}: run resources/translations/update.py for {text!r}"


def test_labels_and_buttons_are_never_given_bare_text() -> None:
    bare = re.compile(r'\b(?:label|button|icon_button|setText|setToolTip|setPlaceholderText|addAction)\("[A-Z][a-z]+ ')
    for path in GUI.rglob("*.py"):
        assert not bare.findall(path.read_text(encoding="utf-8")), path
