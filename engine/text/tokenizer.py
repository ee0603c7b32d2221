"""Load a checkpoint's own tokenizer, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.checkpoint.inspect import read_config
from engine.checkpoint.safety import runs_own_code
from engine.protocol.errors import UserError


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`: a transformers PreTrainedTokenizerBase. Nothing is fetched; code that the
    checkpoint brings is run only where the model needs it and the user has allowed it.

    Raises UserError when the folder has none, it cannot be read, or its code is not allowed.
    """
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt")):
        raise UserError(
            "The checkpoint has no tokenizer.",
            "Copy tokenizer.json and tokenizer_config.json of the original model into its folder.",
            where=str(folder),
            code="not_a_checkpoint",
        )
    own_code = (folder / "config.json").is_file() and runs_own_code(read_config(folder), folder)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=own_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UserError(
            f"The tokenizer cannot be read: {error}".rstrip(".") + ".",
            "Copy the tokenizer files of the original model into the folder again.",
            where=str(folder),
            code="not_a_checkpoint",
        ) from error
