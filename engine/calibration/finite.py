"""What is no number is refused, with the name of where it stands."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.protocol.errors import UserError


def require_finite(weight: Tensor, name: str) -> None:
    """Raise UserError if `weight`, called `name`, holds values that are not numbers."""
    if not torch.isfinite(weight).all():
        raise UserError(
            f"The weight “{name}” holds values that are not numbers.",
            "Use the checkpoint in its original number format, or leave that layer out.",
            where=name,
        )


def require_numbers(moment: Tensor, where: str) -> None:
    """Raise UserError if `moment`, of what layer `where` is given, is not finite."""
    if not torch.isfinite(moment).all():
        raise UserError(
            "On the calibration text the model computes values that are not numbers.",
            "Use the checkpoint in its original number format, or a method that needs no calibration text.",
            where=where,
        )
