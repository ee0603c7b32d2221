"""Bring the translation files up to date: python resources/translations/update.py

Collects every text of gui/ and of the engine's catalogues, merges them into hasten_*.ts (finished work is kept) and
compiles hasten_*.qm. To begin a language, add its name to LANGUAGES. hasten_en holds the plural forms only.
Needs the tools that come with PySide6 (pyside6-lupdate, pyside6-lrelease).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LANGUAGES = ("en", "zh_CN")

_HELPER = re.compile(r'def _tr\(text: str.*?QCoreApplication\.translate\("(\w+)"', re.DOTALL)


def page_titles() -> Iterator[str]:
    """The texts of the tabs."""
    from gui.pages.catalog import ENTRIES

    for title, _, _ in ENTRIES.values():
        yield title


def engine_texts() -> Iterator[str]:
    """Titles, summaries and helps that the catalogues declare, tasks, and the fixed sentences of checks."""
    from typing import get_args

    from engine.checkpoint.info import Task
    from engine.checkpoint.tree import TITLES
    from engine.compare.conditions import ENDED
    from engine.compare.conditions import titles as condition_titles
    from engine.compare.machines import APART, OTHER_CHECKPOINT, OTHER_RECIPE
    from engine.export.catalog import all_formats
    from engine.export.logs import NOTHING
    from engine.export.specs import TWO_PROGRAMS
    from engine.intel import NONE
    from engine.metrics.catalog import all_metrics
    from engine.passes.catalog import all_passes
    from engine.recipe.options import fields_of
    from engine.recipe.presets import all_presets
    from engine.recipe.recipe import DEVICES
    from engine.runtimes.catalog import all_runtimes

    for spec in (*all_passes().values(), *all_runtimes().values()):
        yield from (spec.title, spec.summary)
        for field in fields_of(spec.options):
            yield from (field.title, field.help, field.unit, field.file, *map(str, field.choices))
    for a_pass in all_passes().values():
        yield from a_pass.refusals.values()
    for preset in all_presets():
        yield from (preset.title, preset.summary)
    for metric in all_metrics().values():
        yield from (metric.title, metric.help)
    for export in all_formats().values():
        yield from (export.title, export.summary)
    yield from condition_titles()
    yield from ENDED.values()
    yield from (TWO_PROGRAMS, NOTHING, APART, OTHER_CHECKPOINT, OTHER_RECIPE)
    yield from get_args(Task)
    yield from TITLES.values()
    yield from DEVICES.values()
    yield from NONE.values()
    for path in sorted((ROOT / "engine").rglob("*.py")):
        yield from _sentences(ast.parse(path.read_text(encoding="utf-8")))


def _sentences(module: ast.Module) -> Iterator[str]:
    """Literal texts of problems, fixes, availabilities and warnings in `module`; composed ones stay English."""
    for call in ast.walk(module):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name not in ("Problem", "Fix", "Availability", "CheckpointInfo", "stop", "append"):
            continue
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            for part in value.elts if isinstance(value, ast.Tuple) else [value]:
                text = part.value if isinstance(part, ast.Constant) else None
                if isinstance(text, str) and " " in text and (name != "append" or re.match(r"[A-Z].*\.$", text)):
                    yield text


def sources(folder: Path) -> list[str]:
    """Copies of the window's modules in `folder`, with their own short helpers written out for lupdate."""
    found = []
    for path in sorted((ROOT / "gui").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        helper = _HELPER.search(text)
        if helper:
            text = re.sub(r"(?<!def )\b_tr\(", f'QCoreApplication.translate("{helper[1]}", ', text)
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
        found.append(str(copy))
    listed = folder / "engine_texts.py"
    lines = [f'QCoreApplication.translate("engine", {text!r})' for text in dict.fromkeys(engine_texts()) if text]
    lines += [f'QCoreApplication.translate("Page", {title!r})' for title in page_titles()]
    listed.write_text("\n".join(lines), encoding="utf-8")
    return [*found, str(listed)]


def main() -> None:
    """Update and compile every language."""
    sys.path.insert(0, str(ROOT))
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        files = sources(Path(folder))
        for language in LANGUAGES:
            target = HERE / f"hasten_{language}.ts"
            options = ["-locations", "none", "-no-obsolete", "-source-language", "en", "-target-language", language]
            if language == "en":
                options.append("-pluralonly")
            subprocess.run([tools / "pyside6-lupdate", *files, *options, "-ts", target], check=True)
            subprocess.run([tools / "pyside6-lrelease", target, "-qm", target.with_suffix(".qm")], check=True)


if __name__ == "__main__":
    main()
