"""Recipes that ship with Hasten: YAML files in resources/presets, their summary in the leading comment."""

from __future__ import annotations

from dataclasses import dataclass

from engine import paths
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A recipe on offer.

    Attributes:
        name: the file's name without ".yaml"; what `--preset` takes.
        title: the recipe's own name, for people.
        summary: the file's leading comment, as one paragraph.
        recipe: what it does.
    """

    name: str
    title: str
    summary: str
    recipe: Recipe


def names() -> list[str]:
    """The names of all presets."""
    return sorted(path.stem for path in (paths.resources() / "presets").glob("*.yaml"))


def get(name: str) -> Preset:
    """The preset called `name`. Raises UserError listing the known ones."""
    path = paths.resources() / "presets" / f"{name}.yaml"
    if name not in names():
        raise UserError(
            f"There is no preset “{name}”.", f"Use one of: {', '.join(names())}.", where=name, code="bad_recipe"
        )
    text = path.read_text(encoding="utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# ").rstrip())
    recipe = Recipe.from_yaml(text, where=path.name)
    return Preset(name, recipe.name or name, " ".join(comment), recipe)


def all_presets() -> list[Preset]:
    """Every preset, by name."""
    return [get(name) for name in names()]
