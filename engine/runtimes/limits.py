"""What ends a text and how long it may get, from a checkpoint folder's JSON files: the same for every runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# These embed positions from padding_idx + 1 on, so their tables are longer than the longest text.
_OFFSET_POSITIONS = {"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "longformer", "mpnet", "data2vec-text"}
_UNKNOWN_LENGTH = 2048


def ending_tokens(folder: Path) -> frozenset[int]:
    """The ids that end a text: of generation_config.json, else config.json, else the tokenizer. May be empty."""
    for name in ("generation_config.json", "config.json"):
        data = _read(folder / name)
        value = data.get("eos_token_id")
        if value is None:
            value = (data.get("text_config") or {}).get("eos_token_id")
        if value is not None:
            return frozenset(int(token) for token in (value if isinstance(value, list) else [value]))
    word = _read(folder / "tokenizer_config.json").get("eos_token")
    word = word.get("content") if isinstance(word, dict) else word
    added = _read(folder / "tokenizer.json").get("added_tokens") or []
    return frozenset(int(token["id"]) for token in added if word is not None and token.get("content") == word)


def context_length(folder: Path) -> int:
    """The longest sequence in tokens that the model's positions allow; 2048 where the configuration does not say."""
    config = _read(folder / "config.json")
    for source in (config, config.get("text_config") or {}):
        for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
            if source.get(key):
                reserved = (source.get("pad_token_id") or 0) + 1 if config.get("model_type") in _OFFSET_POSITIONS else 0
                return int(source[key]) - reserved
    return _UNKNOWN_LENGTH


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    data = json.loads(path.read_text(encoding="utf-8"))
    return data if isinstance(data, dict) else {}
