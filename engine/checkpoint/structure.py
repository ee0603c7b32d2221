"""Checkpoints whose layers have a form that Transformers lacks, as config.json describes them. Free of torch.

A layer M of low rank is stored as two linear layers one after the other, M.0 [rank, in] and M.1 [out, rank]; a bias
belongs to the second. config.json then names no architecture of its own, so that programs which do not know this form
refuse it instead of filling M with random numbers:

    {"model_type": "hasten", "base_config": {…}, "structure": {"low_rank": {"model.layers.0.mlp.up_proj": 96}}}

Inside Hasten a configuration is the base's, with the structure under "hasten" (`flat`); a Writer nests it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.protocol.errors import UserError

MODEL_TYPE = "hasten"
_OURS = "hasten"  # what config.json says beyond Transformers, in a base's configuration
_KEY = "structure"


def flat(config: dict[str, Any], where: str = "config.json") -> dict[str, Any]:
    """`config`, as stored, as Hasten uses it. Raises UserError (code "not_a_checkpoint") for a damaged structure."""
    if config.get("model_type") != MODEL_TYPE:
        return config
    base, structure = config.get("base_config"), config.get(_KEY)
    ranks = structure.get("low_rank") if isinstance(structure, dict) else None
    whole = isinstance(ranks, dict) and all(type(rank) is int and rank > 0 for rank in ranks.values())
    if not isinstance(base, dict) or not isinstance(structure, dict) or not whole or len(structure) > 1:
        raise UserError(
            "config.json describes layers of a form that this version of Hasten does not know.",
            "Open it with the version of Hasten that wrote it, and merge it into a plain checkpoint there.",
            where=where,
            code="not_a_checkpoint",
        )
    return {**base, _OURS: {**(base.get(_OURS) or {}), _KEY: structure}}


def nested(config: dict[str, Any]) -> dict[str, Any]:
    """`config`, as Hasten uses it, as it is stored: the inverse of `flat`."""
    ours = dict(config.get(_OURS) or {})
    structure = ours.pop(_KEY, None)
    if structure is None:
        return config
    base = {key: value for key, value in config.items() if key != _OURS}
    if ours:
        base[_OURS] = ours
    return {"model_type": MODEL_TYPE, "base_config": base, _KEY: structure}


def low_rank(config: dict[str, Any]) -> dict[str, int]:
    """The rank of every layer that is stored as two factors, by the layer's name in the checkpoint."""
    structure = (config.get(_OURS) or {}).get(_KEY) or {}
    return dict(structure.get("low_rank") or {})


def with_low_rank(config: dict[str, Any], ranks: Mapping[str, int]) -> dict[str, Any]:
    """`config` saying that these layers, and no others, are of low rank."""
    ours = {key: value for key, value in (config.get(_OURS) or {}).items() if key != _KEY}
    if ranks:
        ours[_KEY] = {"low_rank": dict(sorted(ranks.items()))}
    changed = {key: value for key, value in config.items() if key != _OURS}
    return {**changed, _OURS: ours} if ours else changed
