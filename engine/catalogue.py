"""How catalogues work: explicit tuples of "module:attribute" strings, resolved on use."""

from __future__ import annotations

import importlib
from typing import Any, TypeVar

from engine import heap

T = TypeVar("T")


def load(entry: str) -> Any:
    """The object that "module:attribute" names. A bad entry raises ImportError or AttributeError: it is a bug."""
    module, _, attribute = entry.partition(":")
    with heap.growing():
        return getattr(importlib.import_module(module), attribute)


def resolve(entry: str, kind: type[T]) -> T:
    """The object that `entry` names, checked to be a `kind`."""
    found = load(entry)
    if not isinstance(found, kind):
        raise TypeError(f"{entry} is a {type(found).__name__}, not a {kind.__name__}")
    return found
