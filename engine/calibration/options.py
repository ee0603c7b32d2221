"""The options of every pass that measures on calibration text. No torch."""

from __future__ import annotations

from typing import Any

from engine.checkpoint.info import CheckpointInfo
from engine.recipe.options import Options, option


def samples(default: int) -> Any:
    """An option: how many windows of text a model is shown."""
    return option(
        default, "Samples", "More samples measure more surely and take longer.", unit="windows", advanced=True,
        ge=1, le=4096,
    )  # fmt: skip


def damping() -> Any:
    """An option: how much is added to the diagonal of what is measured of inputs, of its mean."""
    return option(
        0.01,
        "Damping",
        "How little the calibration text is trusted: larger is safer when it is short or unlike the real use.",
        advanced=True, ge=0.0001, le=10.0,
    )  # fmt: skip


class CalibrationOptions(Options):
    """Which text the model is shown, how much of it, and from where."""

    text: str = option(
        "",
        "Calibration text",
        "A .txt or .jsonl file like what the model will be used for; left empty, the built-in English text is shown.",
        advanced=True,
        file="Text (*.txt *.jsonl)",
    )
    samples: int = samples(16)
    tokens: int = option(
        256, "Length of a sample", "Tokens in each sample.", unit="tokens", advanced=True, ge=8, le=8192
    )
    seed: int = option(0, "Seed", "The same seed picks the same samples.", advanced=True, ge=0)


def activation_bytes(info: CheckpointInfo, options: CalibrationOptions) -> int:
    """Bytes of float32 activations that a walk through the model holds at once, about eight hidden widths a token."""
    return min(options.samples, WINDOWS_AT_ONCE) * options.tokens * info.hidden_size * 4 * 8


# Windows that go through the model together; bounds the memory of activations.
WINDOWS_AT_ONCE = 16

# Where blocks are gone through one after another, what a block answers to all windows is kept in memory up to this.
ANSWERS_IN_MEMORY = 512 * 2**20
