"""JSON lines: the only module that turns messages into bytes and back."""

from __future__ import annotations

import json
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
    """`message` as one UTF-8 line, newline included. Non-finite floats travel as null."""
    return json.dumps(message.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode_event(line: bytes) -> Event:
    """The event in `line`. Raises ProtocolError."""
    return _decode(_event, line)  # type: ignore[no-any-return]


def decode_request(line: bytes) -> AnyJob | Cancel:
    """The job or cancel request in `line`. Raises ProtocolError."""
    return _decode(_request, line)  # type: ignore[no-any-return]


def _decode(adapter: TypeAdapter[Any], line: bytes) -> Any:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        raise ProtocolError(f"{line[:200]!r}: {error.errors(include_url=False)[:1]}") from error
