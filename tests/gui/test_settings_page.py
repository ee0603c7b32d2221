"""Settings take effect and are kept; the token is readable by the user alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine import paths
from engine.parallel import tuning
from engine.protocol.events import Event, Log
from engine.protocol.job import AnyJob
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.pages.settings import SettingsPage
from gui.settings import token
from gui.settings.settings import Settings
from tests.engine.parallel.test_tuning import found
from tests.helpers.window import ScriptedClient, finished


@pytest.fixture
def page(
    qtbot: QtBot,
    styled: None,
    document: Document,
    jobs: JobRunner,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> SettingsPage:
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "hub" / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    made = SettingsPage(document, jobs, settings)
    qtbot.addWidget(made)
    return made


def test_every_editor_changes_its_setting(page: SettingsPage) -> None:
    for name, value in {"theme": "dark", "threads": 3, "stage_quota_gib": 5.0, "hub_endpoint": "https://x"}.items():
        page.editors[name].set_value(value)
        page.editors[name].edited.emit()
        assert getattr(Settings().data, name) == value


def test_the_engine_obeys_the_stage_quota(page: SettingsPage) -> None:
    from engine import settings as engine_settings

    page.settings.set("stage_quota_gib", 7.5)
    assert engine_settings.read().stage_quota_gib == 7.5


def test_measuring_the_machine_shows_what_holds_and_what_disturbed_it(
    page: SettingsPage, client: ScriptedClient, qtbot: QtBot
) -> None:
    view = page.tuning
    assert view.text.text().startswith("Measures which number")
    assert view.forget_button.isHidden()

    def measured(job: AnyJob) -> list[Event]:
        tuning.keep(found())
        return [Log(level="notice", text="Something disturbed it."), finished()]

    client.answers["tune_machine"] = measured
    view.start_button.click()
    qtbot.waitUntil(lambda: not view.forget_button.isHidden())
    assert view.text.text().startswith("Transformers: ")
    assert view.text.text().endswith("with huge memory pages, 1.50 (1.40–1.60) times as fast as the default.")
    assert view.notices.text() == "Something disturbed it."
    view.forget_button.click()
    assert tuning.read() is None
    assert view.text.text().startswith("Measures which number")


def test_a_measurement_of_the_machine_can_be_cancelled(
    page: SettingsPage, client: ScriptedClient, qtbot: QtBot
) -> None:
    page.show()
    page.tuning.start_button.setFocus()
    qtbot.waitUntil(page.tuning.start_button.hasFocus)
    page.tuning.start_button.click()
    qtbot.waitUntil(lambda: bool(client.jobs))
    assert page.tuning.start_button.isHidden()
    assert page.tuning.work.progress.cancel.hasFocus()
    page.tuning.work.progress.cancelled.emit()
    assert not page.tuning.start_button.isHidden()
    assert page.tuning.start_button.hasFocus()
    assert page.tuning.work.progress.isHidden()


def test_a_token_is_kept_for_the_user_alone_and_forgotten(page: SettingsPage) -> None:
    page.token.setText("hf_example")
    page._keep.click()
    path = token.token_path()
    assert path.read_text() == "hf_example"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert page.token.text() == ""
    page._forget.click()
    assert not path.exists()


def test_the_data_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    paths.move_home(tmp_path / "elsewhere")
    assert paths.home() != tmp_path / "elsewhere"
    monkeypatch.delenv("HASTEN_HOME")
    assert paths.home() == tmp_path / "elsewhere"
