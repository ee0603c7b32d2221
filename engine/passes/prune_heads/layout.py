"""Where attention heads lie in a checkpoint, and whether its configuration can say that there are fewer. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.passes.narrow.cuts import Cut, Slices, Unknown, by_block, with_values

# Model types whose code takes the size of a head from `head_dim`, each tried by a test.
_HEAD_DIM = frozenset(
    {
        "cohere", "ernie4_5", "exaone4", "gemma", "gemma2", "gemma3_text", "glm", "glm4", "granite",
        "hunyuan_v1_dense", "llama", "ministral", "mistral", "olmo", "phi3", "qwen2", "qwen3", "seed_oss",
        "smollm3", "starcoder2",
    }
)  # fmt: skip
_T5 = ("t5", "mt5", "umt5", "switch_transformers", "longt5")
_READER = "o_proj"


@dataclass(frozen=True)
class Heads:
    """The attention heads of every layer.

    Attributes:
        queries, keys: how many heads of either kind; `size`: of each.
        hidden: the model's width.
    """

    queries: int
    keys: int
    size: int
    hidden: int

    @property
    def shared(self) -> bool:
        """All queries read one key-value head, which stays whatever goes."""
        return self.keys == 1 < self.queries

    @property
    def units(self) -> int:
        """What can go by itself: a key-value head with the queries that read it, or a query where all read one."""
        return self.queries if self.shared else self.keys

    @property
    def together(self) -> int:
        """The query heads of a unit."""
        return self.queries // self.units

    def fits(self, kept: int) -> bool:
        """Transformers wants the width to be a multiple of the number of query heads."""
        return 0 < kept < self.units and self.hidden % (kept * self.together) == 0


def heads_of(info: CheckpointInfo) -> Heads:
    """The heads that `info`'s configuration tells of. Raises Unknown."""
    config = _config(info)
    kind = config.get("model_type") or info.model_type
    if kind in _T5:
        raise Unknown(
            f"{info.architecture} learns relative positions for each head's number, the same for all layers: heads of "
            "different numbers cannot go from each."
        )
    if kind not in _HEAD_DIM:
        raise Unknown(
            f"The configuration of {info.architecture} has no size of a head of its own; it follows from the number of "
            "heads, so that there cannot be fewer."
        )
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if kind == "phi3" and rope.get("short_factor"):
        raise Unknown("Where Phi-3 stretches positions, Transformers wants as many heads as fill the model's width.")
    queries = int(config["num_attention_heads"])
    keys = int(config.get("num_key_value_heads") or queries)
    return Heads(queries, keys, int(config.get("head_dim") or info.hidden_size // queries), info.hidden_size)


def cuts(info: CheckpointInfo, kept: int) -> list[Cut]:
    """The units of every layer's heads, of which `kept` stay. Raises Unknown."""
    heads = heads_of(info)
    found = []
    for tensors in by_block(info).values():
        for leaf in tensors:
            module, _, last = leaf.rpartition(".")
            parent, _, name = module.rpartition(".")
            if last == "weight" and name == _READER:
                place = f"{parent}."
                within = {key.removeprefix(place): t for key, t in tensors.items() if key.startswith(place)}
                found.append(_cut(info, heads, within, kept))
    if not found:
        raise Unknown(f"The attention heads of {info.architecture} cannot be told by their names.")
    return found


def fewer_config(info: CheckpointInfo, kept: int) -> dict[str, Any]:
    """config.json with so many units and the size of a head written out. Raises Unknown."""
    heads = heads_of(info)
    values = {
        "num_attention_heads": kept * heads.together,
        "num_key_value_heads": 1 if heads.shared else kept,
        "head_dim": heads.size,
    }
    return with_values(info.config, values, "num_attention_heads")


def _config(info: CheckpointInfo) -> dict[str, Any]:
    inner = info.config.get("text_config")
    return inner if isinstance(inner, dict) and inner.get("num_attention_heads") else info.config


def _cut(info: CheckpointInfo, heads: Heads, tensors: dict[str, TensorHeader], kept: int) -> Cut:
    """The cut of one attention, whose `tensors` are by their names in it."""
    span = heads.together * heads.size  # rows of the queries, and inputs of the reader, of one unit
    queries, keys = heads.queries * heads.size, heads.keys * heads.size
    makers: dict[str, tuple[int, tuple[tuple[int, int], ...]]] = {"q_proj": (queries, ((0, span),))}
    if not heads.shared:
        own = (0, heads.size)
        fused = ((0, span), (queries, heads.size), (queries + keys, heads.size))
        makers |= {"k_proj": (keys, (own,)), "v_proj": (keys, (own,)), "qkv_proj": (queries + 2 * keys, fused)}
    reader = tensors[f"{_READER}.weight"]
    if reader.shape[1] != queries:
        raise Unknown(f"“{reader.name}” has another shape than the configuration says.")
    slices = {reader.name: Slices(1, ((0, span),))}
    for leaf, tensor in tensors.items():
        module = leaf.partition(".")[0]
        if module in makers:
            if tensor.shape[0] != makers[module][0]:
                raise Unknown(f"“{tensor.name}” has another shape than the configuration says.")
            slices[tensor.name] = Slices(0, makers[module][1])
        elif module != _READER and not _unaffected(heads, module, tensor):
            raise Unknown(f"“{tensor.name}” belongs to all heads of {info.architecture} together.")
    bias = tensors.get(f"{_READER}.bias")
    return Cut(reader.name, bias.name if bias else None, heads.units, span, kept, slices)


def _unaffected(heads: Heads, module: str, tensor: TensorHeader) -> bool:
    """`tensor` is a norm of single heads, a table of positions, or makes the one key-value head that stays."""
    return tensor.shape == (heads.size,) or module == "rotary_emb" or (heads.shared and module in ("k_proj", "v_proj"))
