"""Small changes to a recipe, written as `pass.option=value`: what `hasten run --set` takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe, Target


def apply(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """`recipe` with every setting applied in turn, then validated.

    A setting is `PASS.option=value` (`PASS#2.option=value` for the second of that name, `PASS.enabled=false` to
    switch it off), `target.field=value`, or `RUNTIME.option=value`. Values are written as in YAML.

    Raises UserError (code "bad_recipe") for a form that is not understood, a pass that the recipe lacks, and whatever
    Recipe.parse refuses.
    """
    data = recipe.model_dump(mode="json", by_alias=True)
    for setting in settings:
        _apply(data, setting)
    return Recipe.parse(data, where="--set")


def _apply(data: dict[str, Any], setting: str) -> None:
    path, equals, text = setting.partition("=")
    place, dot, option = path.strip().partition(".")
    if not equals or not dot or not place or not option:
        raise UserError(
            f"“{setting}” is not of the form pass.option=value.",
            "Write for example --set quantize.bits=4 or --set target.threads=2.",
            where=setting,
            code="bad_recipe",
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(
            f"The value in “{setting}” is not valid YAML.", "Quote it.", where=setting, code="bad_recipe"
        ) from error
    target = data["target"]
    if place == "target":
        if option == "runtime" and value != target["runtime"]:
            target["options"] = {}  # another runtime's options mean nothing to this one
        if option in Target.model_fields:
            target[option] = value
        else:
            target["options"][option] = value
        return
    if place == target["runtime"]:
        target["options"][option] = value
        return
    entry = _entry(data["passes"], place, setting)
    if option == "enabled":
        entry["enabled"] = value
    else:
        entry["options"][option] = value


def _entry(passes: list[dict[str, Any]], place: str, setting: str) -> dict[str, Any]:
    name, mark, number = place.partition("#")
    same = [entry for entry in passes if entry["pass"] == name]
    position = int(number) if number.isdigit() else 1
    if not same or (mark and not number.isdigit()) or not 1 <= position <= len(same):
        known = ", ".join([*dict.fromkeys(entry["pass"] for entry in passes), "target"])
        raise UserError(f"The recipe has no pass “{place}”.", f"It has: {known}.", where=setting, code="bad_recipe")
    return same[position - 1]
