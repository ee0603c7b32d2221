"""Every way to a model: sample, folder, file, hub, recent; and what is said when it does not open."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine.protocol.errors import Failure
from engine.protocol.events import Failed, Progress
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.pages.start import StartPage
from gui.settings.settings import Settings
from tests.helpers.window import ScriptedClient, finished


@pytest.fixture
def page(qtbot: QtBot, styled: None, document: Document, jobs: JobRunner, settings: Settings) -> StartPage:
    made = StartPage(document, jobs, settings)
    qtbot.addWidget(made)
    made.resize(1280, 640)
    made.show()
    return made


def test_the_sample_is_fetched_with_progress_and_opened(
    page: StartPage, client: ScriptedClient, tiny_llama: Path, qtbot: QtBot
) -> None:
    progress = Progress(done=46_500_000, total=93_000_000, unit="B", text="Downloading the sample", eta_seconds=3)
    client.answer("sample", progress, finished(path=str(tiny_llama)))
    with qtbot.waitSignal(page.navigate) as signal:
        qtbot.mouseClick(page.sample, Qt.MouseButton.LeftButton)
    assert signal.args == ["checkpoint"]
    assert page.document.checkpoint == str(tiny_llama)
    assert page.settings.data.recent == [str(tiny_llama)]
    assert page.progress.isHidden()
    assert page.progress.text.text() == "Downloading the sample"
    assert page.progress.amount.text().startswith("44.3 MiB of 88.7 MiB")


def test_a_download_can_be_cancelled(page: StartPage, client: ScriptedClient, qtbot: QtBot) -> None:
    page.opener.open("someone/model")
    assert page.progress.isVisible()
    qtbot.waitUntil(lambda: bool(client.jobs))
    assert client.jobs[0].repo == "someone/model"
    qtbot.mouseClick(page.progress.cancel, Qt.MouseButton.LeftButton)
    assert page.progress.isHidden()
    assert page.failure.isHidden()
    assert page.opener.handle is None


def test_a_gguf_file_is_imported(
    page: StartPage, client: ScriptedClient, tiny_llama: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    client.answer("import", finished(path=str(tiny_llama), notices=["Unpacked to float32."]))
    with qtbot.waitSignal(page.opener.opened):
        page.opener.open(str(tmp_path / "model.gguf"))
    assert client.jobs[0].source.endswith("model.gguf")
    assert page.opener.notices == ["Unpacked to float32."]


def test_a_folder_that_is_no_checkpoint_shows_cause_and_remedy(page: StartPage, tmp_path: Path) -> None:
    page.opener.open(str(tmp_path))
    assert page.failure.isVisible()
    assert page.failure.failure.kind == "user"
    assert page.failure.findChild(QPushButton, "choose_folder") is not None
    assert page.document.info is None


def test_a_pickle_checkpoint_is_converted_on_request(
    page: StartPage, client: ScriptedClient, tiny_llama: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    page.opener.open(str(tmp_path))
    assert page.failure.failure.code == "pickle_only"
    client.answer("import", finished(path=str(tiny_llama), notices=[]))
    with qtbot.waitSignal(page.opener.opened):
        page.failure.findChild(QPushButton, "convert_pickle").click()
    assert client.jobs[0].convert_pickle
    assert page.failure.isHidden()


def test_recent_checkpoints_open_and_vanished_ones_are_not_shown(
    page: StartPage, tiny_llama: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    page.settings.add_recent(str(tmp_path / "gone"))
    page.settings.add_recent(str(tiny_llama))
    items = [item for item in page.recent.findChildren(QPushButton) if item.isVisibleTo(page)]
    assert len(items) == 1
    with qtbot.waitSignal(page.opener.opened):
        items[0].click()


def test_hub_search_lists_models_and_downloads(
    page: StartPage, client: ScriptedClient, tiny_llama: Path, qtbot: QtBot
) -> None:
    found = {"id": "someone/small", "downloads": 1200, "likes": 3, "task": "text-generation", "bytes": 540_000_000}
    client.answer("hub_search", finished(models=[found]))
    client.answer("hub_download", finished(path=str(tiny_llama)))
    page.hub.field.setText("small")
    qtbot.keyClick(page.hub.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.hub.results.count() > 1)
    take = next(b for b in page.hub.findChildren(QPushButton) if b.accessibleName() == "Download someone/small")
    with qtbot.waitSignal(page.opener.opened):
        take.click()
    assert client.jobs[-1].repo == "someone/small"


def test_hub_without_network_offers_to_try_again(page: StartPage, client: ScriptedClient, qtbot: QtBot) -> None:
    failure = Failure(kind="user", cause="The hub did not answer.", remedy="Check the network.", code="network")
    client.answer("hub_search", Failed(failure=failure))
    page.hub.suggest("SmolLM2")
    qtbot.waitUntil(page.hub.failure.isVisible)
    client.answer("hub_search", finished(models=[]))
    page.hub.failure.findChild(QPushButton, "retry").click()
    qtbot.waitUntil(lambda: "No model" in page.hub.state.text())
    assert page.hub.failure.isHidden()
