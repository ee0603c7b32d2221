"""A run as a command line and as a Python script. Free of torch: the window copies both to the clipboard."""

from __future__ import annotations

import ast
import shlex

from engine.export.base import ExportContext
from engine.recipe import presets
from engine.recipe.recipe import Recipe

_SCRIPT = '''"""Run a Hasten recipe on a checkpoint: python {file} [CHECKPOINT]"""

import sys

from engine.protocol.job import RunJob
from engine.recipe.recipe import Recipe
from engine.worker.client import WorkerClient

CHECKPOINT = {checkpoint!r}

RECIPE = """\\
{recipe}"""


def main() -> None:
    """Run the recipe, tell its progress, print where the result lies."""
    checkpoint = sys.argv[1] if len(sys.argv) > 1 else CHECKPOINT
    client = WorkerClient()
    try:
        for event in client.run(RunJob(checkpoint=checkpoint, recipe=Recipe.from_yaml(RECIPE))):
            if event.type == "stage":
                print(event.name, event.state, file=sys.stderr)
            elif event.type == "failed":
                raise SystemExit(f"{{event.failure.cause}} {{event.failure.remedy}}")
            elif event.type == "finished":
                print(event.result["run"], event.result["artefact"])
    finally:
        client.close()


if __name__ == "__main__":
    main()
'''


def as_command_line(checkpoint: str, recipe: Recipe) -> str:
    """Shell lines that run `recipe` on `checkpoint`: by preset where it is one, else with the recipe written first.

    For POSIX shells; `shlex` quotes what needs it.
    """
    for preset in presets.all_presets():
        if preset.recipe.to_yaml() == recipe.to_yaml():
            return f"hasten run {shlex.quote(checkpoint)} --preset {shlex.quote(preset.name)}\n"
    text = recipe.to_yaml()
    end = "RECIPE"
    while end in text.splitlines():
        end += "_"
    return f"cat > recipe.yaml <<'{end}'\n{text}{end}\nhasten run {shlex.quote(checkpoint)} --recipe recipe.yaml\n"


def as_python(checkpoint: str, recipe: Recipe, file: str = "run.py") -> str:
    """A Python script that runs `recipe` on `checkpoint` (or on its argument) and prints the run and its folder."""
    text = recipe.to_yaml().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return _SCRIPT.format(checkpoint=checkpoint, recipe=text, file=file)


def write(context: ExportContext) -> None:
    """Write the run as a script; its recipe is read back from the script's own syntax tree."""
    source = as_python(context.run.checkpoint, context.run.recipe, context.destination.name)
    context.destination.write_text(source, encoding="utf-8")
    if recipe_in(context.destination.read_text(encoding="utf-8")) != context.run.recipe:
        raise RuntimeError("the script holds another recipe than the run")


def recipe_in(source: str) -> Recipe:
    """The recipe that a script of `as_python` holds."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RECIPE":
            return Recipe.from_yaml(ast.literal_eval(node.value))
    raise ValueError("the script holds no recipe")
