"""Where Hasten keeps its data. HASTEN_HOME moves all of it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The data folder (not created here)."""
    moved = os.environ.get("HASTEN_HOME")
    return Path(moved).expanduser() if moved else Path(platformdirs.user_data_dir("hasten", appauthor=False))


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


def resources() -> Path:
    """Icons, presets, built-in texts and translations that ship with Hasten."""
    return Path(__file__).resolve().parent.parent / "resources"
