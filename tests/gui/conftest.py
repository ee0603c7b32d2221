"""Fixtures of the window's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.inspect import inspect
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.settings.settings import Settings
from gui.theme.icons import install_stylesheet_icons
from gui.theme.theme import theme
from tests.helpers.window import ScriptedClient


@pytest.fixture(scope="session")
def llama_info(tiny_llama: Path) -> CheckpointInfo:
    """The headers of the random Llama."""
    return inspect(tiny_llama)


@pytest.fixture
def styled(qapp: object) -> None:
    """The light theme in force."""
    install_stylesheet_icons()
    theme().start("light")


@pytest.fixture
def document(qapp: object) -> Document:
    """Nothing open."""
    return Document()


@pytest.fixture
def settings(qapp: object) -> Settings:
    """Default settings in the test's own data folder."""
    return Settings()


@pytest.fixture
def client() -> ScriptedClient:
    """The engine's stand-in."""
    return ScriptedClient()


@pytest.fixture
def jobs(qtbot: QtBot, client: ScriptedClient) -> Iterator[JobRunner]:
    """A job queue that talks to `client`."""
    runner = JobRunner(connect=lambda: client)
    yield runner
    runner.close()
