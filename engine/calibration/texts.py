"""Calibration text: the user's own, or the built-in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.paths import resources
from engine.protocol.errors import UserError

# More than this is not looked at: sampling needs far less, and tokenising it would take minutes.
_MOST_CHARACTERS = 8_000_000


def builtin() -> Path:
    """The text that ships with Hasten: about 2,500 words of English prose, dialogue, lists and code."""
    return resources() / "calibration.txt"


def read_text(path: str) -> str:
    """The text of a .txt or .jsonl file; an empty `path` takes the built-in one.

    A line of .jsonl is an object with "text" or "content", or with "messages" of which each has a "content".
    Raises UserError if the file cannot be read or holds no text.
    """
    file = Path(path).expanduser() if path else builtin()
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "The calibration text cannot be read.", "Choose a UTF-8 text or .jsonl file.", where=str(file)
        ) from error
    if file.suffix == ".jsonl":
        text = "\n\n".join(_documents(text, file))
    if not text.strip():
        raise UserError("The calibration text is empty.", "Choose a file with text in it.", where=str(file))
    return text


def _documents(text: str, file: Path) -> list[str]:
    documents = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or (number == len(lines) > 1 and len(text) == _MOST_CHARACTERS):
            continue
        try:
            documents.append(_content(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"Line {number} of the calibration text is not a JSON object with “text”, “content” or “messages”.",
                "Correct that line, or choose a plain text file.",
                where=f"{file}, line {number}",
            ) from error
    return documents


def _content(entry: Any) -> str:
    if "messages" in entry:
        return "\n".join(str(message["content"]) for message in entry["messages"])
    return str(entry["text"] if "text" in entry else entry["content"])
