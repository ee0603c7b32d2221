"""Which of a model's modules a node of a compiled graph works for. Free of torch and of the compilers."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["embedding", "attention", "cross", "mlp", "norm", "layer", "head", "shared", "between"]
# Which half of an encoder-decoder; "" for a model of one half.
Half = Literal["", "encoder", "decoder"]

_LISTS = frozenset({"layers", "layer", "h", "block", "blocks"})
_HEADS = frozenset(
    {
        "lm_head", "classifier", "pre_classifier", "score", "cls", "pooler", "embed_out", "qa_outputs", "predictions",
        "vocab_transform", "vocab_layer_norm", "vocab_projector",
    }
)  # fmt: skip
_MLP = ("mlp", "ffn", "feed_forward", "feedforward", "intermediate", "output", "moe", "experts", "dense", "ff")
_CROSS = frozenset({"EncDecAttention", "encoder_attn"})
_HALVES: dict[Half, str] = {"": "", "encoder": "Encoder", "decoder": "Decoder"}
_TITLES: dict[Kind, str] = {
    "embedding": "Embedding",
    "attention": "Attention",
    "cross": "Attention to the prompt",
    "mlp": "MLP",
    "norm": "Norms",
    "layer": "Between its parts",
    "head": "Output head",
    "shared": "Shared by all layers",
    "between": "Outside of all parts",
}

_ORDER: tuple[Kind, ...] = ("embedding", "norm", "attention", "cross", "mlp", "layer", "head", "shared", "between")


class Place(BaseModel):
    """A part of a model that is the same in every runtime.

    Attributes:
        layer: the layer's number, from 0; None for what lies before, behind or beside the layers.
        kind: what the part is. "cross": a decoder's attention to what its encoder read. "layer": of a layer, but of
            none of its parts (residual sums). "shared": of no single layer (masks, positions). "between": time in which
            the runtime computed no part.
        half: of an encoder-decoder, which counts the layers of each from 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: int | None = None
    kind: Kind = "shared"
    half: Half = ""

    @property
    def title(self) -> str:
        """As people know it."""
        return self.titled(_TITLES[self.kind])

    def titled(self, *part: str) -> str:
        """`part` behind the names of half and layer."""
        layer = () if self.layer is None else (f"Layer {self.layer}",)
        return " · ".join(filter(None, (_HALVES[self.half], *layer, *part)))

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts places as a token goes through them."""
        half = len(_HALVES) if self.kind == "between" else list(_HALVES).index(self.half)
        if self.layer is None:
            return (half, 0 if self.kind == "embedding" else 1 << 30, _ORDER.index(self.kind))
        return (half, 1 + self.layer, _ORDER.index(self.kind))


SHARED = Place()
BETWEEN = Place(kind="between")


def place_of(name: str, half: Half = "") -> Place | None:
    """Where the module, weight or node called `name` belongs; None where the name does not tell.

    `half` of an encoder-decoder computes it; the name may tell that it is a module of the other (what an encoder's
    graph makes of the prompt for the decoder's attention).

    Understands Transformers' names ("model.layers.3.self_attn.q_proj") and those made of them
    ("/model/layers.3/attn/q_proj/MatMul").
    """
    parts = [part for part in re.split(r"[/.]", name) if part]
    if half:
        told: tuple[Half, ...] = ("encoder", "decoder")
        half = next((one for one in told if one in parts[:3]), half)
    if len(parts) < 2 and name not in _HEADS:
        return None
    for index, part in enumerate(parts[1:], 1):
        if part.isdigit() and parts[index - 1] in _LISTS:
            rest = parts[index + 1 :]
            if rest and rest[0].startswith("final_norm"):  # the builder counts it as one layer more
                return Place(kind="norm", half=half)
            return Place(layer=int(part), kind=next(filter(None, map(_kind_inside, rest)), "layer"), half=half)
    kind = next(filter(None, map(_kind_outside, parts)), None)
    return None if kind is None else Place(kind=kind, half=half)


def _kind_inside(word: str) -> Kind | None:
    """What a part of a layer is, by one word of its name."""
    low = word.lower()
    if "norm" in low or low.startswith("ln_"):
        return "norm"
    if word in _CROSS:
        return "cross"
    if "attn" in low or "attention" in low:
        return "attention"
    return "mlp" if any(known in low for known in _MLP) or re.fullmatch(r"fc\d|w\d", low) else None


def _kind_outside(word: str) -> Kind | None:
    low = word.lower()
    if low in _HEADS:
        return "head"
    if ("emb" in low and "rot" not in low) or low in ("wte", "wpe", "shared"):
        return "embedding"
    return "norm" if low.startswith("ln_") or re.search(r"(^|_|layer)norm", low) else None


def attribute(known: Sequence[Place | None], sources: Sequence[Sequence[int]], half: Half = "") -> list[Place]:
    """The place of every node of a graph (of `half` of a model), of which `known` ones are told by name or weight.

    `sources` are the nodes that each node reads, by number; nodes are in an order in which sources come first. A node
    of which nothing tells the part counts to the one part that its result goes to; where that goes to several (the sum
    that a layer hands on), to its layer or the one that it comes from; else to the part that it comes from, or to none.
    """
    parts = [place if place is not None and place.kind != "layer" else None for place in known]
    above: list[frozenset[Place]] = []
    below: list[set[Place]] = [set() for _ in parts]
    for read in sources:
        above.append(frozenset(place for source in read for place in _seen(parts[source], above[source])))
    for node in range(len(parts) - 1, -1, -1):
        for source in sources[node]:
            below[source] |= _seen(parts[node], below[node])
    none = Place(half=half)
    return [part or _between(known[node], above[node], below[node]) or none for node, part in enumerate(parts)]


def _seen(place: Place | None, beyond: Set[Place]) -> Set[Place]:
    """What is seen looking at a node: its part, or what lies beyond one that has none."""
    return beyond if place is None else {place}


def _between(told: Place | None, above: Set[Place], below: Set[Place]) -> Place | None:
    if len(below) == 1:
        return next(iter(below))
    last = max((place for place in above if place.layer is not None), key=lambda place: place.order, default=None)
    if told is not None or (last and below):
        return told or (last and last.model_copy(update={"kind": "layer"}))
    return next(iter(above)) if len(above) == 1 else None
