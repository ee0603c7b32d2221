"""Shapes of requests as people write them: “32,128x16,64x1,4”."""

from __future__ import annotations

from pydantic import ValidationError

from engine.protocol.errors import UserError
from engine.protocol.job import Grid


def read_grid(text: str | None) -> Grid | None:
    """Prompt lengths, new tokens and (optional) texts at once from “32,128x16,64x1,4”; None for no text.

    Raises UserError for anything else.
    """
    if text is None or not text.strip():
        return None
    try:
        parts = [tuple(int(number) for number in part.split(",")) for part in text.replace("×", "x").split("x")]
        if not 2 <= len(parts) <= 3:
            raise ValueError
        return Grid(prompt_tokens=parts[0], new_tokens=parts[1], batch=parts[2] if len(parts) == 3 else (1,))
    except (ValueError, ValidationError) as error:  # pydantic's is a ValueError, but says more
        raise UserError(
            f"“{text}” is no grid of prompt lengths and new tokens.",
            "Write up to eight whole numbers on either side of an x, such as 32,128x16,64.",
        ) from error
