"""Options as data: every field has a title, a one-sentence help, bounds, a unit and a default.

The editor's forms, the command line's flags, the JSON schema and the reference pages all come from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticUndefined

from engine.protocol.errors import UserError


class Options(BaseModel):
    """Base of every option set: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)


def option(
    default: Any,
    title: str,
    help: str,
    *,
    unit: str = "",
    advanced: bool = False,
    file: str = "",
    **bounds: Any,
) -> Any:
    """A field of an Options model.

    Args:
        default: the value when the user says nothing.
        title: the field's term, as a label.
        help: one sentence in plain words; becomes the tooltip.
        unit: shown behind the value ("%", "GiB", "tokens").
        advanced: folded away in the form.
        file: a file filter ("Text (*.txt *.jsonl)") if the value is a path the user picks.
        bounds: pydantic's ge, gt, le, lt, min_length, max_length.
    """
    return Field(
        default,
        title=title,
        description=help,
        json_schema_extra={"unit": unit, "advanced": advanced, "file": file},
        **bounds,
    )


@dataclass(frozen=True)
class OptionField:
    """One field of an option set, ready for a form, a flag or a page.

    Attributes:
        kind: "bool", "int", "float", "choice", "text", "texts" (a tuple of strings) or "file".
        choices: the allowed values of a choice, in order.
        optional: None is allowed (shown as "automatic").
    """

    name: str
    title: str
    help: str
    kind: str
    default: Any
    unit: str = ""
    advanced: bool = False
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    file: str = ""


def fields_of(options: type[Options]) -> Iterator[OptionField]:
    """The fields of an option set in order of declaration, from its JSON schema."""
    schema = options.model_json_schema()
    for name, spec in schema.get("properties", {}).items():
        variants = [v for v in spec.get("anyOf", [spec]) if v.get("type") != "null"]
        body = {**variants[0], **{k: v for k, v in spec.items() if k != "anyOf"}}
        choices = tuple(body.get("enum", ()))
        kind = {"boolean": "bool", "integer": "int", "number": "float", "array": "texts"}.get(
            str(body.get("type")), "text"
        )
        if "const" in body:
            choices = (body["const"],)
        if choices:
            kind = "choice"
        elif body.get("file"):
            kind = "file"
        default = options.model_fields[name].default
        yield OptionField(
            name=name,
            title=spec.get("title", name),
            help=spec.get("description", ""),
            kind=kind,
            default=None if default is PydanticUndefined else default,
            unit=spec.get("unit", ""),
            advanced=spec.get("advanced", False),
            optional=any(v.get("type") == "null" for v in spec.get("anyOf", [])),
            minimum=body.get("minimum", body.get("exclusiveMinimum")),
            maximum=body.get("maximum", body.get("exclusiveMaximum")),
            choices=choices,
            file=spec.get("file", ""),
        )


def parse_options(kind: type[Options], values: dict[str, Any], where: str) -> Any:
    """`values` as an instance of `kind`. Raises UserError naming the key, what is wrong and what is allowed."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or where
        allowed = ", ".join(kind.model_fields)
        if first["type"] == "extra_forbidden":
            raise UserError(
                f"“{where}” has no option “{key}”.",
                f"Use one of: {allowed}.",
                where=f"{where}.{key}",
                code="bad_recipe",
            ) from error
        raise UserError(
            f"Option “{key}” of “{where}” cannot be {first['input']!r}: {first['msg'].lower()}.",
            "Correct the value; “hasten passes NAME --schema” lists what is allowed.",
            where=f"{where}.{key}",
            code="bad_recipe",
        ) from error
