"""What the checks of several runtimes say alike: a refusal of the target, and its remedies."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from engine.recipe.recipe import Recipe
from engine.recipe.validate import Fix, Problem, set_options


def stop(text: str, fix: Fix | None = None) -> Problem:
    """A problem of the target card that prevents the run."""
    return Problem(None, "stop", text, fix)


def absent(packages: Iterable[str]) -> tuple[str, ...]:
    """Those of `packages` that cannot be imported here; none of them is imported."""
    return tuple(name for name in packages if importlib.util.find_spec(name) is None)


def build_limits(title: str, missing: Iterable[str]) -> str:
    """What the runtime `title` cannot do for want of the packages `missing`; empty where none is missing."""
    names = ", ".join(missing)
    return f"Building for {title} needs {names}: run “python3 start.py setup”." if names else ""


def quantize_fix(**values: object) -> Fix:
    """Change every quantize card of the recipe."""

    def apply(recipe: Recipe) -> Recipe:
        for index, entry in enumerate(recipe.passes):
            if entry.name == "quantize":
                recipe = set_options(recipe, index, **values)
        return recipe

    words = " and ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())
    return Fix(f"Quantise with {words}", apply)
