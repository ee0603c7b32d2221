"""Contexts for operations that report progress."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.passes.base import StepContext


@dataclass
class Heard:
    """What an operation reported."""

    steps: list[tuple[float, float, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def context(self) -> StepContext:
        return StepContext(step=lambda *report: self.steps.append(report), notice=self.notices.append)
