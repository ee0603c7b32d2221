"""Sentence embeddings from an encoder's hidden states, pooled the way the checkpoint asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.bench.texts import batches_of
from engine.metrics.base import Doubles
from engine.protocol.errors import UserError
from engine.runtimes.base import Floats, Ids, Session, TextBatch

NEIGHBOURS = 5  # nearest texts that are compared


@dataclass(frozen=True)
class Pooling:
    """How token states become one vector: the mean over real tokens, the first token, or the maximum."""

    mode: Literal["mean", "cls", "max"] = "mean"
    normalise: bool = True


def read_pooling(folder: Path) -> Pooling | None:
    """What the sentence-transformers' modules.json in `folder` says; None without one, or without what it points at.

    Raises UserError for a pooling that is not offered here.
    """
    listing = folder / "modules.json"
    if not listing.is_file():
        return None
    modules = json.loads(listing.read_text(encoding="utf-8"))
    mode: Literal["mean", "cls", "max"] = "mean"
    for module in modules:
        if module.get("type", "").endswith(".Pooling"):
            config = folder / str(module.get("path", "")) / "config.json"
            if not config.is_file():
                return None
            mode = _mode(json.loads(config.read_text(encoding="utf-8")), config)
    return Pooling(mode, any(module.get("type", "").endswith(".Normalize") for module in modules))


def pool(states: Floats, batch: TextBatch, pooling: Pooling) -> Doubles:
    """One vector a text from hidden `states` [B, T, H]: [B, H]."""
    mask = batch.attention_mask[:, :, None].astype(np.float64)
    x = states.astype(np.float64)
    if pooling.mode == "cls":
        vectors = x[:, 0]
    elif pooling.mode == "max":
        vectors = np.where(mask > 0, x, -np.inf).max(axis=1)
    else:
        vectors = (x * mask).sum(axis=1) / mask.sum(axis=1)
    return _unit(vectors) if pooling.normalise else vectors


def embed(
    session: Session, tokenizer: Any, texts: list[str], pooling: Pooling, progress: Callable[[int, int], None]
) -> Doubles:
    """Embeddings of `texts`, [N, H]. Texts of similar length share a batch, so that little is padded."""
    found: dict[int, Doubles] = {}
    for places, batch in batches_of(tokenizer, texts, session.context_length, session.padded):
        progress(len(found), len(texts))
        found.update(zip(places, pool(session.hidden(batch), batch, pooling), strict=True))
    return np.stack([found[place] for place in range(len(texts))])


def cosines(left: Doubles, right: Doubles) -> Doubles:
    """The cosine between rows of `left` and `right` [N, H]: [N]."""
    return np.asarray((_unit(left) * _unit(right)).sum(axis=1))


def nearest(vectors: Doubles, count: int) -> Ids:
    """For each of `vectors` [N, H] the rows of the `count` others (or all) nearest by cosine, nearest first: [N, K]."""
    unit = _unit(vectors)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1, kind="stable")[:, : min(count, len(vectors) - 1)].astype(np.int64)


def _unit(x: Doubles) -> Doubles:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12))


def _mode(config: dict[str, Any], where: Path) -> Literal["mean", "cls", "max"]:
    modes: dict[str, Literal["mean", "cls", "max"]] = {
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_cls_token": "cls",
        "pooling_mode_max_tokens": "max",
    }
    wanted = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    if len(wanted) == 1 and wanted[0] in modes:
        return modes[wanted[0]]
    raise UserError(
        f"The checkpoint pools its embeddings in a way that Hasten does not know: {', '.join(wanted) or 'none'}.",
        "Use a model with mean, first-token or maximum pooling.",
        where=str(where),
    )
