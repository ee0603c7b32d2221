"""JSON lines: the only module that turns messages into bytes and back."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from engine.protocol.events import Event
from engine.protocol.job import AnyJob

PROTOCOL = 1


class Cancel(BaseModel):
    """Ask the worker to stop job `cancel`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cancel: str


_event: TypeAdapter[Event] = TypeAdapter(Event)
_request: TypeAdapter[AnyJob | Cancel] = TypeAdapter(AnyJob | Cancel)


class ProtocolError(ValueError):
    """A line that is not a message of this protocol version."""


def encode(message: BaseModel) -> bytes:
    """`message` as one UTF-8 line, newline included.

    Non-finite floats travel as "NaN", "Infinity" and "-Infinity"; a float field turns them back into numbers.
    """
    data = message.model_dump(mode="json", by_alias=True)
    try:
        text = dumps(data)
    except ValueError:
        text = dumps(spelled(data))
    return text.encode() + b"\n"


def dumps(data: Any) -> str:
    """`data` as one line of standard JSON. Raises ValueError on non-finite floats."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def decode_event(line: bytes) -> Event:
    """The event in `line`. Raises ProtocolError."""
    return _decode(_event, line)  # type: ignore[no-any-return]


def decode_request(line: bytes) -> AnyJob | Cancel:
    """The job or cancel request in `line`. Raises ProtocolError."""
    return _decode(_request, line)  # type: ignore[no-any-return]


def spelled(value: Any) -> Any:
    """Plain data with non-finite floats as "NaN", "Infinity" and "-Infinity", which standard JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return value


def _decode(adapter: TypeAdapter[Any], line: bytes) -> Any:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        raise ProtocolError(f"{line[:200]!r}: {error.errors(include_url=False)[:1]}") from error
