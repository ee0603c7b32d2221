"""Bring recipes written by older versions up to date, one step a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.protocol.errors import UserError

# STEPS[n] turns a version-n document into version n+1.
STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def migrate(data: Any, where: str) -> dict[str, Any]:
    """`data` in the current version. Raises UserError if it is not a mapping or comes from the future."""
    from engine.recipe.recipe import VERSION

    if not isinstance(data, dict):
        raise UserError(
            "The recipe is not a mapping of keys to values.",
            "Start it with “version: 1” and “passes:”.",
            where=where,
            code="bad_recipe",
        )
    version = data.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION or version < 1:
        raise UserError(
            f"The recipe says version {version!r}; this Hasten reads up to {VERSION}.",
            "Update Hasten, or write the recipe for this version.",
            where=where,
            code="bad_recipe",
        )
    document: dict[str, Any] = data
    while version < VERSION:
        document = {**STEPS[version](document), "version": version + 1}
        version += 1
    return document
