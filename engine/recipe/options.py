"""Options as data: every field has a title, a one-sentence help, bounds, a unit and a default.

The editor's forms, the command line's flags, the JSON schema and the reference pages all come from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticUndefined

from engine.protocol.errors import UserError

OnlyWith = Mapping[str, tuple[str, tuple[Any, ...]]]


class Options(BaseModel):
    """Base of every option set: frozen, and unknown keys are refused.

    Attributes:
        only_with: options that have an effect only with certain values of another one: name -> (the other, values).
    """

    only_with: ClassVar[OnlyWith] = {}

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
        only_with: the other option and its values with which this one has an effect; None: always.
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
    only_with: tuple[str, tuple[Any, ...]] | None = None


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
            only_with=options.only_with.get(name),
        )


# Pydantic's names of what is wrong, where its own words are those of a Python programmer.
_FAULTS = {
    "tuple_type": "a list is needed",
    "list_type": "a list is needed",
    "dict_type": "a mapping of keys to values is needed",
    "model_type": "a mapping of keys to values is needed",
    "model_attributes_type": "a mapping of keys to values is needed",
    "string_type": "a text is needed",
    "bool_type": "yes or no is needed",
    "bool_parsing": "yes or no is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
}


def fault(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, to follow its name: "cannot be 9: input should be …" or "is missing"."""
    if error["type"] == "missing":
        return "is missing"
    return f"cannot be {error['input']!r}: {_FAULTS.get(error['type'], error['msg'].lower())}"


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
            f"Option “{key}” of “{where}” {fault(first)}.",
            "Correct the value; “hasten passes NAME --schema” lists what is allowed.",
            where=f"{where}.{key}",
            code="bad_recipe",
        ) from error
