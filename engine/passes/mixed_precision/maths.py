"""What float16 can hold, and what must stay in float32."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

FLOAT16_MAX = float(torch.finfo(torch.float16).max)  # 65504
# Activations on other texts are larger than on the calibration text: half the range is kept in reserve.
ACTIVATION_LIMIT = FLOAT16_MAX / 2


def largest(values: Iterable[object]) -> float:
    """The largest magnitude in floating-point tensors among `values`, nested in tuples or not; 0 if there is none."""
    most = 0.0
    for value in values:
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
            finite = value.detach().abs()
            # An attention mask marks hidden places with the type's lowest number; that is no activation.
            finite = finite[finite < torch.finfo(value.dtype).max]
            most = max(most, float(finite.max()) if finite.numel() else 0.0)
        elif isinstance(value, (tuple, list)):
            most = max(most, largest(value))
    return most


def outermost(modules: Mapping[str, str]) -> dict[str, str]:
    """`modules` (name -> type) without those inside another one of them."""
    return {
        name: dtype
        for name, dtype in modules.items()
        if not any(name.startswith(other + ".") for other in modules if other != name)
    }
