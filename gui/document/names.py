"""What a checkpoint is called."""

from __future__ import annotations

from pathlib import Path


def model_name(path: str) -> str:
    """The name for people of the checkpoint at `path`."""
    folder = Path(path)
    # A hub snapshot lies in models--<owner>--<name>/snapshots/<commit>.
    for parent in folder.parents:
        if parent.name.startswith("models--"):
            return parent.name.removeprefix("models--").replace("--", "/", 1).rpartition("/")[2]
    return folder.name or path
