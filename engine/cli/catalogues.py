"""Verbs that list what there is: passes, runtimes, metrics, formats, presets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output

if TYPE_CHECKING:
    from engine.recipe.options import OptionField, Options

Name = Annotated[str | None, typer.Argument(help="Show this one with its options.")]
Schema = Annotated[bool, typer.Option("--schema", help="Print the JSON schema of its options.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (passes, runtimes, metrics, formats, presets):
        app.command(verb.__name__)(verb)


def passes(name: Name = None, schema: Schema = False, json: output.Json = False) -> None:
    """List the passes, or one with its options."""
    from engine.passes import catalog

    specs = [catalog.get(name)] if name else list(catalog.all_passes().values())
    entries = [
        {
            "name": spec.name,
            "title": spec.title,
            "family": spec.family,
            "summary": spec.summary,
            "tasks": sorted(spec.tasks),
            "needs": sorted(spec.needs),
            "keeps_plain": spec.keeps_plain,
            "repeatable": spec.repeatable,
            "paper": spec.paper,
            "version": spec.version,
        }
        for spec in specs
    ]
    _show(entries, [spec.options for spec in specs], single=name is not None, schema=schema, as_json=json)


def runtimes(name: Name = None, schema: Schema = False, json: output.Json = False) -> None:
    """List the runtimes, or one with its options."""
    from engine.runtimes import catalog

    specs = [catalog.get(name)] if name else list(catalog.all_runtimes().values())
    entries = []
    for spec in specs:
        found = spec.availability()
        entries.append(
            {
                "name": spec.name,
                "title": spec.title,
                "summary": spec.summary,
                "tasks": sorted(spec.tasks),
                "usable": found.usable,
                "devices": list(found.devices),
                "library_version": found.version,
                "reason": found.reason,
                "remedy": found.remedy,
                "limits": found.limits,
                "refused": dict(found.refused),
            }
        )
    _show(entries, [spec.options for spec in specs], single=name is not None, schema=schema, as_json=json)


def metrics(name: Name = None, json: output.Json = False) -> None:
    """List the metrics, or one."""
    from engine.metrics import catalog

    specs = [catalog.get(name)] if name else list(catalog.all_metrics().values())
    entries = [
        {
            "name": spec.name,
            "title": spec.title,
            "summary": spec.help,
            "kind": spec.kind,
            "unit": spec.unit,
            "better": spec.better,
            "tasks": sorted(spec.tasks),
            "needs_reference": spec.needs_reference,
        }
        for spec in specs
    ]
    _show(entries, [None] * len(specs), single=name is not None, schema=False, as_json=json)


def formats(name: Name = None, json: output.Json = False) -> None:
    """List the export formats, or one."""
    from engine.export import catalog

    specs = [catalog.get(name)] if name else list(catalog.all_formats().values())
    entries = []
    for spec in specs:
        found = spec.availability()
        entry = {"name": spec.name, "title": spec.title, "summary": spec.summary, "usable": found.usable}
        entries.append(entry if found.usable else {**entry, "reason": found.reason, "remedy": found.remedy})
    _show(entries, [None] * len(specs), single=name is not None, schema=False, as_json=json)


def presets(name: Name = None, json: output.Json = False) -> None:
    """List the presets, or one as a recipe."""
    from engine.recipe import presets as ready

    found = [ready.get(name)] if name else ready.all_presets()
    if json:
        entries = [
            {
                "name": preset.name,
                "title": preset.title,
                "summary": preset.summary,
                "recipe": preset.recipe.model_dump(mode="json", by_alias=True),
            }
            for preset in found
        ]
        output.document(entries[0] if name else entries)
    elif name:
        print(found[0].recipe.to_yaml(), end="")
    else:
        output.table(("Preset", "What it does"), [(preset.name, preset.summary) for preset in found])


def _show(
    entries: list[dict[str, Any]], options: list[type[Options] | None], *, single: bool, schema: bool, as_json: bool
) -> None:
    if schema:
        schemas = {
            entry["name"]: kind.model_json_schema() for entry, kind in zip(entries, options, strict=True) if kind
        }
        output.document(next(iter(schemas.values())) if single else schemas)
        return
    if as_json:
        for entry, kind in zip(entries, options, strict=True):
            if kind is not None:
                entry["options"] = [_field(field) for field in _fields(kind)]
        output.document(entries[0] if single else entries)
        return
    if not single:
        output.table(("Name", "What it does"), [(entry["name"], entry["summary"]) for entry in entries])
        return
    output.facts((key.replace("_", " "), output.value(value)) for key, value in entries[0].items())
    kind = options[0]
    if kind is not None:
        rows = [(f.name, _default(f), _allowed(f), f.help) for f in _fields(kind)]
        if rows:
            output.table(("Option", "Default", "Allowed", "What it does"), rows)


def _fields(kind: type[Options]) -> list[OptionField]:
    from engine.recipe.options import fields_of

    return list(fields_of(kind))


def _field(field: OptionField) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(field)


def _default(field: OptionField) -> str:
    if field.default is None:
        return "automatic" if field.optional else ""
    if isinstance(field.default, bool):
        return output.value(field.default)
    if isinstance(field.default, (tuple, list)):
        return ", ".join(map(str, field.default)) or "none"
    return f"{field.default} {field.unit}".strip()


def _allowed(field: OptionField) -> str:
    if field.choices:
        return ", ".join(map(str, field.choices))
    if field.minimum is not None or field.maximum is not None:
        low = "" if field.minimum is None else f"{field.minimum:g}"
        high = "" if field.maximum is None else f"{field.maximum:g}"
        return f"{low} … {high}".strip()
    return {"bool": "yes, no", "texts": "a list of texts", "file": "a file"}.get(field.kind, field.kind)
