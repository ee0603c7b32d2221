"""Where Hasten keeps its data. HASTEN_HOME moves all of it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The data folder (not created here)."""
    moved = os.environ.get("HASTEN_HOME")
    if moved:
        return Path(moved).expanduser()
    try:
        return Path(_pointer().read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return Path(platformdirs.user_data_dir("hasten", appauthor=False))


def move_home(folder: Path) -> None:
    """Keep data in `folder` from the next start on. HASTEN_HOME goes before it. Nothing is copied."""
    _pointer().parent.mkdir(parents=True, exist_ok=True)
    _pointer().write_text(f"{folder.resolve()}\n", encoding="utf-8")


def _pointer() -> Path:
    """The file that names another data folder."""
    return Path(platformdirs.user_config_dir("hasten", appauthor=False)) / "home"


def runs() -> Path:
    """Finished runs, one folder each."""
    return home() / "runs"


def stages() -> Path:
    """The stage cache: intermediate checkpoints by key."""
    return home() / "cache" / "stages"


def artefacts() -> Path:
    """The artefact cache: built models by key."""
    return home() / "cache" / "artefacts"


def models() -> Path:
    """Checkpoints that Hasten fetched or converted."""
    return home() / "models"


def sample() -> Path:
    """The sample checkpoint. The folder exists only when complete."""
    return models() / "SmolLM2-135M-Instruct"


def resources() -> Path:
    """Icons, presets, built-in texts and translations that ship with Hasten."""
    return Path(__file__).resolve().parent.parent / "resources"
