"""Write docs/reference.md from the catalogues: `python -m docs.generate`. A test says when it is out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.export import catalog as formats
from engine.metrics import catalog as metrics
from engine.passes import catalog as passes
from engine.recipe.options import OptionField, Options, fields_of
from engine.runtimes import catalog as runtimes

PAGE = Path(__file__).with_name("reference.md")


def page() -> str:
    """The whole reference as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Made from the program's own declarations by `python -m docs.generate`; do not edit it by hand."
    yield ""
    yield "## Passes"
    for spec in passes.all_passes().values():
        yield from ("", f"### {spec.title} (`{spec.name}`)", "", spec.summary, "")
        yield f"Applies to: {', '.join(sorted(spec.tasks))}.  "
        if spec.must_precede:
            yield f"Comes before: {', '.join(sorted(spec.must_precede))}.  "
        if spec.paper:
            yield f"Source: {spec.paper}."
        yield from _table(spec.options)
    yield from ("", "## Runtimes")
    for runtime in runtimes.all_runtimes().values():
        yield from ("", f"### {runtime.title} (`{runtime.name}`)", "", runtime.summary)
        yield from _table(runtime.options)
    yield from ("", "## Metrics", "", "| name | unit | better | what it says |", "|---|---|---|---|")
    for metric in metrics.all_metrics().values():
        yield f"| `{metric.name}` {metric.title} | {metric.unit} | {metric.better} | {metric.help} |"
    yield from ("", "## Export formats", "", "| name | what is written |", "|---|---|")
    for kind in formats.all_formats().values():
        yield f"| `{kind.name}` | {kind.summary} |"


def _table(options: type[Options]) -> Iterator[str]:
    fields = list(fields_of(options))
    if not fields:
        yield from ("", "No options.")
        return
    yield from ("", "| option | default | allowed | what it does |", "|---|---|---|---|")
    for field in fields:
        default = "automatic" if field.default is None else _plain(field.default)
        unit = f" {field.unit}" if field.unit else ""
        yield f"| `{field.name}` {field.title} | {default}{unit} | {_allowed(field)} | {field.help}{_only(field)} |"


def _only(field: OptionField) -> str:
    if field.only_with is None:
        return ""
    other, values = field.only_with
    return f" Only with `{other}` {' or '.join(map(_plain, values))}."


def _allowed(field: OptionField) -> str:
    if field.choices:
        return ", ".join(str(choice) for choice in field.choices)
    if field.kind in ("int", "float"):
        low = "" if field.minimum is None else f"{field.minimum:g}"
        high = "" if field.maximum is None else f"{field.maximum:g}"
        return f"{low} … {high}"
    return {"bool": "yes, no", "texts": "a list of texts", "file": "a file"}.get(field.kind, "text")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in ((), ""):
        return "none"
    return str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
