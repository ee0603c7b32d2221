"""Token ids inside configurations and tokenizer files: which are named there, and the same with other ids. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
SIZES = ("vocab_size", "decoder_vocab_size", "n_vocab", "padded_vocab_size")
_LISTS = ("suppress_tokens", "begin_suppress_tokens")  # tokens that are never to be written
_SEQUENCES = ("bad_words_ids", "force_words_ids")
_PARTS = ("text_config", "encoder", "decoder")


def named(config: Json) -> set[int]:
    """The ids to which `config` (config.json or generation_config.json) gives a meaning: they must stay."""
    found: set[int] = set()
    for key, value in config.items():
        if _names_tokens(key):
            found.update(_flat(value))
        elif key == "forced_decoder_ids":
            found.update(pair[1] for pair in value or () if isinstance(pair[1], int))
        elif key == "force_words_ids":
            found.update(_flat(value))
        elif key in _PARTS and isinstance(value, dict):
            found |= named(value)
    return found


def renamed(config: Json, ids: Mapping[int, int], sizes: tuple[int, int] | None = None) -> Json:
    """`config` with the ids of `ids` (old -> new); what is told of tokens that are gone is left out.

    An id that no token had keeps its number. `sizes`: the old and the new number of tokens.
    """
    changed: Json = {}
    for key, value in config.items():
        if sizes and key in SIZES and value == sizes[0]:
            value = sizes[1]
        elif _names_tokens(key):
            value = _replaced(value, ids)
        elif key in _LISTS and value:
            value = [ids[one] for one in value if one in ids]
        elif key in _SEQUENCES and value:
            value = [_replaced(one, ids) for one in value if ids.keys() >= set(_flat(one))]
        elif key == "sequence_bias" and isinstance(value, list):
            value = [[_replaced(one, ids), bias] for one, bias in value if ids.keys() >= set(one)]
        elif key == "forced_decoder_ids" and value:
            value = [[place, _replaced(one, ids)] for place, one in value]
        elif key in _PARTS and isinstance(value, dict):
            value = renamed(value, ids, sizes)
        changed[key] = value
    return changed


def tokenizer_with(document: Json, model: Json, ids: Mapping[int, int]) -> Json:
    """tokenizer.json `document` with another `model`, and the ids of `ids` (old -> new) everywhere else."""
    padding = document.get("padding")
    return {
        **document,
        "model": model,
        "added_tokens": [{**token, "id": ids[token["id"]]} for token in document.get("added_tokens") or ()],
        "post_processor": _processor(document.get("post_processor"), ids),
        "padding": {**padding, "pad_id": ids.get(padding["pad_id"], padding["pad_id"])} if padding else padding,
    }


def tokenizer_config_with(config: Json, ids: Mapping[int, int]) -> Json:
    """tokenizer_config.json with the ids of `ids` (old -> new) for the tokens that it describes by number."""
    described = config.get("added_tokens_decoder")
    if not described:
        return config
    kept = {str(ids[int(old)]): token for old, token in described.items() if int(old) in ids}
    return {**config, "added_tokens_decoder": kept}


def _processor(part: Any, ids: Mapping[int, int]) -> Any:
    if not isinstance(part, dict):
        return part
    kind = part.get("type")
    if kind == "Sequence":
        return {**part, "processors": [_processor(one, ids) for one in part["processors"]]}
    if kind == "TemplateProcessing":
        special = {
            name: {**one, "ids": [ids[old] for old in one["ids"]]} for name, one in part["special_tokens"].items()
        }
        return {**part, "special_tokens": special}
    if kind in ("BertProcessing", "RobertaProcessing"):
        return {**part, **{key: [part[key][0], ids[part[key][1]]] for key in ("sep", "cls")}}
    return part


def _names_tokens(key: str) -> bool:
    return key.endswith(("_token_id", "_token_ids"))


def _flat(value: Any) -> list[int]:
    if isinstance(value, list):
        return [one for part in value for one in _flat(part)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _replaced(value: Any, ids: Mapping[int, int]) -> Any:
    if isinstance(value, list):
        return [_replaced(one, ids) for one in value]
    return ids.get(value, value) if isinstance(value, int) and not isinstance(value, bool) else value
