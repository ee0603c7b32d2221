"""What can be set, with defaults, and how older files are brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION: Final = 1
RECENT_LIMIT = 12

# STEPS[n] turns a version-n document into version n+1.
STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class SettingsData(BaseModel):
    """The settings file.

    Attributes:
        theme: follow the system, or always light or dark.
        language: "" follows the system; else a locale name ("zh_CN").
        threads: default threads for profiles and comparisons; None is one per physical core.
        recent: checkpoint folders, the latest first.
        stage_quota_gib: how much the stage cache may keep, in GiB.
        price_per_hour: what an hour of this machine costs, in any currency; 0 where nobody has said.
        hub_endpoint: another address of the model hub; "" is the usual one.
        window: the window's geometry and state, base64.
        last_folder: where file dialogs open.
    """

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    version: Literal[1] = VERSION
    theme: Literal["system", "light", "dark"] = "system"
    language: str = ""
    threads: int | None = Field(None, ge=1, le=1024)
    recent: list[str] = []
    stage_quota_gib: float = Field(20.0, ge=0, le=100_000)
    price_per_hour: float = Field(0.0, ge=0, le=100_000)
    hub_endpoint: str = ""
    window: str = ""
    last_folder: str = ""


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """`data` in the current version."""
    version = data.get("version", VERSION)
    while version < VERSION:
        data = {**STEPS[version](data), "version": version + 1}
        version += 1
    return data
