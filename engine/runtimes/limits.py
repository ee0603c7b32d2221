"""What ends a text and how long it may get, from a checkpoint folder's JSON files: the same for every runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.checkpoint.structure import flat
from engine.protocol.errors import UserError

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


def answer_start(folder: Path) -> tuple[int, ...]:
    """The ids that an encoder-decoder's answer begins with, unwritten: its start token, then one that is always first.

    Raises UserError where the configuration names no start token.
    """
    settings = (_read(folder / "generation_config.json"), _read(folder / "config.json"))
    start = _first(settings, "decoder_start_token_id", "bos_token_id")
    if start is None:
        raise UserError(
            "The model's configuration does not say which token an answer starts with.",
            "Add “decoder_start_token_id” to its config.json.",
            where=str(folder / "config.json"),
        )
    forced = _first(settings, "forced_bos_token_id")
    return (start,) if forced is None else (start, forced)


def never_written(folder: Path) -> tuple[int, ...]:
    """The ids that a model's configuration forbids in answers: Marian's padding, which would often win."""
    found: set[int] = set()
    for settings in (_read(folder / "generation_config.json"), _read(folder / "config.json")):
        found |= {int(word[0]) for word in settings.get("bad_words_ids") or () if len(word) == 1}
        found |= {int(token) for token in settings.get("suppress_tokens") or ()}
    return tuple(sorted(found))


def context_length(folder: Path) -> int:
    """The longest sequence in tokens that the model's positions allow; 2048 where the configuration does not say."""
    config = _read(folder / "config.json")
    for source in (config, config.get("text_config") or {}):
        for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
            if source.get(key):
                reserved = (source.get("pad_token_id") or 0) + 1 if config.get("model_type") in _OFFSET_POSITIONS else 0
                return int(source[key]) - reserved
    return _UNKNOWN_LENGTH


def _first(settings: tuple[dict[str, Any], ...], *keys: str) -> int | None:
    """The first of `keys` that one of `settings` has."""
    return next((int(part[key]) for key in keys for part in settings if part.get(key) is not None), None)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    data = json.loads(path.read_text(encoding="utf-8"))
    return flat(data, str(path)) if isinstance(data, dict) else {}
