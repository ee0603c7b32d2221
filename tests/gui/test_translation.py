"""Every text can be translated, English counts properly, and Chinese is complete and shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtGui import QAction, QFontDatabase, QTextLayout
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pytestqt.qtbot import QtBot

from engine import paths
from engine.checkpoint.info import CheckpointInfo
from engine.metrics.catalog import all_metrics
from engine.passes.catalog import all_passes
from engine.runtimes.catalog import all_runtimes
from gui.app import translate
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.main_window import MainWindow
from gui.pages import catalog
from gui.pages.settings import SettingsPage
from gui.settings.settings import Settings
from gui.translate import engine_text

GUI = Path(__file__).resolve().parents[2] / "gui"
UPDATE = "run resources/translations/update.py"
Message = tuple[str, str, list[str]]  # context, source, translations


def messages(language: str) -> list[Message]:
    """What hasten_<language>.ts holds; an unfinished translation is the empty text."""
    found = []
    tree = ElementTree.parse(paths.resources() / "translations" / f"hasten_{language}.ts")
    for context in tree.iter("context"):
        for message in context.iter("message"):
            entry = message.find("translation")
            assert entry is not None
            forms = [form.text or "" for form in entry.iter("numerusform")] or [entry.text or ""]
            texts = [""] if entry.get("type") == "unfinished" else forms
            found.append((context.findtext("name") or "", message.findtext("source") or "", texts))
    return found


@pytest.fixture
def english(qapp: QApplication) -> Iterator[None]:
    yield from _spoken(qapp, "en")


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    yield from _spoken(qapp, "zh_CN")


def _spoken(app: QApplication, language: str) -> Iterator[None]:
    before = QLocale()
    installed = translate(app, language)
    yield
    for translator in installed:
        app.removeTranslator(translator)
    QLocale.setDefault(before)


def test_english_counts(english: None) -> None:
    assert QCoreApplication.translate("Board", "%n thread(s)", "", 1) == "1 thread"
    assert QCoreApplication.translate("Board", "%n thread(s)", "", 2) == "2 threads"


def test_every_counted_text_has_its_english_forms() -> None:
    known = {source for _, source, forms in messages("en") if all(forms)}
    for path in GUI.rglob("*.py"):
        for text in re.findall(r'tr\(\s*"([^"]*%n[^"]*)"', path.read_text(encoding="utf-8")):
            assert text in known, f"{path.name}: {UPDATE} for {text!r}"


def test_labels_and_buttons_are_never_given_bare_text() -> None:
    bare = re.compile(r'\b(?:label|button|icon_button|setText|setToolTip|setPlaceholderText|addAction)\("[A-Z][a-z]+ ')
    for path in GUI.rglob("*.py"):
        assert not bare.findall(path.read_text(encoding="utf-8")), path


def test_chinese_is_complete_and_keeps_every_placeholder() -> None:
    for context, source, forms in messages("zh_CN"):
        for form in forms:
            assert form, f"{context}: {source!r} is not translated"
            placeholders = [sorted(re.findall(r"%[1-9n]|\{\w*\}", text)) for text in (source, form)]
            assert placeholders[0] == placeholders[1], (source, form)
            assert source.endswith("…") == form.endswith("…"), (source, form)
            assert not re.search("[!！]", form), form


def test_chinese_knows_what_the_catalogues_declare() -> None:
    known = {(context, source) for context, source, _ in messages("zh_CN")}
    texts = {title for title, _, _ in catalog.ENTRIES.values()}
    assert {("Page", text) for text in texts} <= known
    specs = [*all_passes().values(), *all_runtimes().values(), *all_metrics().values()]
    assert {("engine", spec.title) for spec in specs} <= known, UPDATE


def test_the_compiled_file_is_up_to_date(chinese: None) -> None:
    for context, source, forms in messages("zh_CN"):
        if "%n" not in source:
            assert QCoreApplication.translate(context, source) == forms[0], UPDATE
    assert QCoreApplication.translate("HistoryPage", "%n runs", "", 3) == "3 次运行"
    assert engine_text("Perplexity") == "困惑度"


def test_every_page_is_shown_in_chinese(
    qtbot: QtBot,
    chinese: None,
    styled: None,
    document: Document,
    jobs: JobRunner,
    settings: Settings,
    llama_info: CheckpointInfo,
) -> None:
    window = MainWindow(settings, document, jobs)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    titles = [tab.text() for tab in window.header.tabs.values()]
    assert titles == ["开始", "检查点", "流水线", "运行", "对比", "历史"]
    left = {source.replace("&", "") for _, source, forms in messages("zh_CN") if source not in forms}
    for opened in (None, llama_info):
        if opened is not None:
            window.document.set_info(opened)
            window.document.add_pass("quantize")
        for key in catalog.ENTRIES:
            window.go(key)
            widgets = [*window.findChildren(QLabel), *window.findChildren(QAbstractButton)]
            shown = {(widget.text() or widget.accessibleName()).replace("&", "") for widget in widgets}
            shown |= {action.text().replace("&", "") for action in window.findChildren(QAction)}
            assert not shown & left, key
    page = window.pages["settings"]
    assert isinstance(page, SettingsPage)
    language = page.editors["language"]
    language.set_value("zh_CN")
    language.edited.emit()
    assert Settings().data.language == "zh_CN"
    window.close()


def test_every_chinese_character_has_its_own_glyph(qapp: QApplication) -> None:
    if not QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese):
        pytest.skip("no Chinese font is installed")
    signs = "".join(sorted({sign for _, _, forms in messages("zh_CN") for sign in "".join(forms) if sign >= "一"}))
    layout = QTextLayout(signs, qapp.font())
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    glyphs = [(run.rawFont().familyName(), glyph) for run in layout.glyphRuns() for glyph in run.glyphIndexes()]
    assert len(set(glyphs)) == len(signs)
    assert all(glyph for _, glyph in glyphs)
