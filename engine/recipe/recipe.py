"""The recipe: a YAML file a person can write, and the object that editor, command line and scripts edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.protocol.errors import UserError

VERSION: Final = 1
Device = Literal["cpu", "cuda", "intel-gpu", "intel-npu"]
DEVICES: Final[dict[str, str]] = {"cpu": "CPU", "cuda": "CUDA", "intel-gpu": "Intel GPU", "intel-npu": "Intel NPU"}


class PassEntry(BaseModel):
    """One pass of a recipe. `options` holds only what differs from the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    name: str = Field(alias="pass", serialization_alias="pass")
    enabled: bool = True
    options: dict[str, Any] = {}


class Target(BaseModel):
    """Where and how the result runs.

    Attributes:
        runtime: a name of the runtime catalogue.
        options: that runtime's options.
        device: the processor, an NVIDIA GPU, or one of Intel's (OpenVINO alone computes on those); DEVICES names them.
        threads: threads per replica; None leaves it to the measured default (one per physical core).
        replicas: independent copies on this machine, each with its own `threads`.
        split: lay the layers over several GPUs ("balanced") or keep them on one ("none").
        speculation: what guesses tokens ahead, for the model to check several at once: nothing ("none"), the text's
            own repetitions ("lookup"), the model in `draft` ("draft"), or the recipe's result, for the original to
            check ("original": the answers are then the original's own).
        draft: the checkpoint folder or run that drafts; it must share the model's vocabulary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: str = "transformers"
    options: dict[str, Any] = {}
    device: Device = "cpu"
    threads: int | None = Field(None, ge=1, le=1024)
    replicas: int = Field(1, ge=1, le=64)
    split: Literal["none", "balanced"] = "none"
    speculation: Literal["none", "lookup", "draft", "original"] = "none"
    draft: str = ""

    @property
    def passes_on(self) -> Literal["cpu", "cuda"]:
        """Where the passes before it compute, which torch does."""
        return "cuda" if self.device == "cuda" else "cpu"


class Recipe(BaseModel):
    """A flat, ordered list of passes, then a target. Immutable: edits make a new recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = VERSION
    name: str = ""
    passes: tuple[PassEntry, ...] = ()
    target: Target = Target()

    @property
    def active(self) -> tuple[PassEntry, ...]:
        """The passes that are switched on, in order."""
        return tuple(entry for entry in self.passes if entry.enabled)

    def to_yaml(self) -> str:
        """The recipe as YAML, defaults left out."""
        data = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return yaml.safe_dump({"version": VERSION, **data}, sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str, where: str = "recipe") -> Recipe:
        """Parse YAML. Raises UserError with the key and line concerned."""
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f"{where}, line {mark.line + 1}" if mark else where
            raise UserError(
                f"The recipe is not valid YAML: {getattr(error, 'problem', error)}.",
                "Correct that line, or start from a preset.",
                where=line,
                code="bad_recipe",
            ) from error
        return cls.parse(data, where)

    @classmethod
    def parse(cls, data: Any, where: str = "recipe") -> Recipe:
        """Validate plain data and every option set in it. Raises UserError with code "bad_recipe"."""
        from engine.recipe.migrations import migrate
        from engine.recipe.options import fault
        from engine.recipe.validate import check_options

        try:
            recipe = cls.model_validate(migrate(data, where))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            cause = (
                f"The recipe has an unknown key “{key}”."
                if first["type"] == "extra_forbidden"
                else f"“{key}” in the recipe {fault(first)}."
            )
            raise UserError(
                cause,
                "Remove or correct it; docs/recipe.md lists the keys.",
                where=f"{where}: {key}",
                code="bad_recipe",
            ) from error
        check_options(recipe, where)
        return recipe

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """The recipe in file `path`. Raises UserError."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"The recipe file cannot be read: {error}.", "Choose another file.", where=str(path), code="bad_recipe"
            ) from error
        return cls.from_yaml(text, where=path.name)
