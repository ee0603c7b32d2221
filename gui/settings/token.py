"""The hub's access token, kept where huggingface_hub looks for it, readable by the user alone."""

from __future__ import annotations

import os
from pathlib import Path


def token_path() -> Path:
    """huggingface_hub's token file."""
    from huggingface_hub import constants

    return Path(constants.HF_TOKEN_PATH)


def has_token() -> bool:
    """Whether a token is stored or set in the environment."""
    from huggingface_hub import get_token

    return bool(get_token())


def store_token(token: str) -> None:
    """Keep `token`, file mode 600; an empty one deletes it. Raises OSError when the place cannot be written."""
    path = token_path()
    if not token.strip():
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(token.strip())
    partial.replace(path)
