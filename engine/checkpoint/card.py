"""A checkpoint's licence, from its model card's front matter or its licence file."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

# The words by which a licence's text is known -> SPDX identifier.
_TEXTS = (
    ("Apache License", "apache-2.0"),
    ("Apache-2.0", "apache-2.0"),
    ("MIT License", "mit"),
    ("Permission is hereby granted, free of charge", "mit"),
    ("BSD 3-Clause", "bsd-3-clause"),
    ("GNU AFFERO GENERAL PUBLIC", "agpl-3.0"),
    ("GNU LESSER GENERAL PUBLIC", "lgpl-3.0"),
    ("GNU GENERAL PUBLIC", "gpl-3.0"),
    ("LLAMA 2 COMMUNITY", "llama2"),
    ("LLAMA 3", "llama3"),
    ("Gemma Terms of Use", "gemma"),
    ("CC-BY-4.0", "cc-by-4.0"),
)
_LOOK = 4000  # characters of a file that are looked at


def licence(folder: Path) -> str | None:
    """The licence that the checkpoint in `folder` names, in the hub's short form where known; None if it says nothing.

    A licence file whose text is not recognised answers "see <its name>".
    """
    return _from_card(folder / "README.md") or _from_file(folder)


def _from_card(card: Path) -> str | None:
    match = re.match(r"---\n(.*?)\n---", _start(card), re.DOTALL)
    if match is None:
        return None
    try:
        front = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return None  # a badly written card says nothing
    if not isinstance(front, dict):
        return None
    said = front.get("license")
    if said == "other":
        said = front.get("license_name") or said
    if isinstance(said, list):
        said = ", ".join(map(str, said))
    return str(said) if said else None


def _from_file(folder: Path) -> str | None:
    files = sorted(path for path in folder.iterdir() if re.match(r"(licen[cs]e|copying)", path.name, re.IGNORECASE))
    for path in files:
        text = _start(path)
        for words, name in _TEXTS:
            if words.lower() in text.lower():
                return name
    return f"see {files[0].name}" if files else None


def _start(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LOOK).replace("\r\n", "\n")
