"""Settings that the engine itself obeys, in settings.json of the data folder. Keys of others are left alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import paths
from engine.protocol.errors import UserError

GIB = 1 << 30


class Settings(BaseModel):
    """What the engine obeys.

    Attributes:
        stage_quota_gib: how much the caches of stages and built models may hold together, in GiB; the least recently
            used go first.
        price_per_hour: what an hour of this machine costs, in any currency; 0 where nobody has said.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage_quota_gib: float = Field(20.0, ge=0.0)
    price_per_hour: float = Field(0.0, ge=0.0)

    @property
    def stage_quota_bytes(self) -> int:
        """The quota in bytes."""
        return int(self.stage_quota_gib * GIB)


def read() -> Settings:
    """The settings, defaults where nothing is set. Raises UserError when the file is damaged."""
    try:
        return Settings.model_validate(_document())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UserError(
            f"The setting “{'.'.join(str(part) for part in first['loc'])}” cannot be {first['input']!r}.",
            "Correct or delete it.",
            where=str(_file()),
        ) from error


def write(**changes: Any) -> Settings:
    """Change some settings; the new whole. Raises UserError when a value is not allowed."""
    data = {**_document(), **changes}
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{error.errors(include_url=False)[0]['msg']}.", "Choose another value.") from error
    _file().parent.mkdir(parents=True, exist_ok=True)
    draft = _file().with_suffix(f".tmp-{os.getpid()}")
    draft.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, _file())
    return settings


def _file() -> Path:
    return paths.home() / "settings.json"


def _document() -> dict[str, Any]:
    try:
        data = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError("The settings file is not valid JSON.", "Correct or delete it.", where=str(_file())) from error
    return data if isinstance(data, dict) else {}
