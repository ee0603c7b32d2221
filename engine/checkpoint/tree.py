"""A checkpoint as a readable tree of blocks, with parameters and bytes, for window and command line. Free of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.checkpoint.info import CheckpointInfo, TensorHeader

# Last part of a module's name -> what people call it. Transformers' names first, llama.cpp's below.
TITLES: dict[str, str] = {
    "embed_tokens": "Token embedding", "wte": "Token embedding", "word_embeddings": "Token embedding",
    "wpe": "Position embedding", "position_embeddings": "Position embedding", "embeddings": "Embeddings",
    "token_type_embeddings": "Segment embedding", "layers": "Layers", "h": "Layers", "layer": "Layers",
    "block": "Layers", "blocks": "Layers", "encoder": "Encoder", "decoder": "Decoder", "shared": "Token embedding",
    "self_attn": "Attention", "attn": "Attention", "attention": "Attention", "mlp": "Feed-forward",
    "feed_forward": "Feed-forward", "q_proj": "Query", "k_proj": "Key", "v_proj": "Value", "o_proj": "Output",
    "qkv_proj": "Query, key, value", "query": "Query", "key": "Key", "value": "Value", "gate_proj": "Gate",
    "up_proj": "Up", "down_proj": "Down", "gate_up_proj": "Gate, up", "c_attn": "Query, key, value",
    "c_proj": "Output", "c_fc": "Up", "output": "Output", "intermediate": "Intermediate", "dense": "Dense",
    "experts": "Experts", "self": "Query, key, value",
    "input_layernorm": "Norm before attention", "post_attention_layernorm": "Norm before feed-forward",
    "ln_1": "Norm before attention", "ln_2": "Norm before feed-forward", "ln_f": "Final norm", "norm": "Final norm",
    "final_layer_norm": "Final norm",
    "LayerNorm": "Norm", "layer_norm": "Norm", "q_norm": "Query norm", "k_norm": "Key norm",
    "lm_head": "Output head", "pooler": "Pooler", "classifier": "Classifier", "score": "Classifier",
    "token_embd": "Token embedding", "output_norm": "Final norm", "blk": "Layers", "attn_q": "Query",
    "attn_k": "Key", "attn_v": "Value", "attn_output": "Output", "ffn_gate": "Gate", "ffn_up": "Up",
    "ffn_down": "Down", "attn_norm": "Norm before attention", "ffn_norm": "Norm before feed-forward",
}  # fmt: skip
# The order in which data flows; files list names alphabetically.
_ORDER = (
    "Token embedding", "Position embedding", "Segment embedding", "Embeddings", "Encoder", "Decoder", "Layers",
    "Norm before attention", "Attention", "Query, key, value", "Query", "Key", "Value", "Query norm", "Key norm",
    "Intermediate", "Output", "Norm before feed-forward", "Feed-forward", "Gate", "Gate, up", "Up", "Down", "Experts",
    "Dense", "Norm", "Final norm", "Pooler", "Classifier", "Output head",
)  # fmt: skip
_LEAVES = re.compile(
    r"weight|bias|SCB|q(weight|zeros)|scales|g_idx|weight_(packed|scale|scale_inv|shape|zero_point|g_idx|format)"
    r"|(input|activation|output|k|v)_scale|input_zero_point|absmax|quant_map|nested_\w+|quant_state|bitsandbytes__\w+"
)


@dataclass(frozen=True)
class Node:
    """A block of the model, or a layer's part.

    Attributes:
        name: full module name ("model.layers.0.self_attn"); "" for the whole model.
        title: as people read it ("Attention").
        parameters: model parameters inside, packed ones counted unpacked.
        bytes: stored bytes inside.
        dtypes: stored types inside, largest share first.
        children: the blocks inside, in the model's order.
    """

    name: str
    title: str
    parameters: int
    bytes: int
    dtypes: tuple[str, ...]
    children: tuple[Node, ...] = ()


def tree(info: CheckpointInfo) -> Node:
    """The block tree of `info`. Wrappers with a single child ("model") are skipped; layers keep their numbers."""
    root: dict[str, object] = {}
    for tensor in info.tensors:
        parts = tensor.name.split(".")
        while len(parts) > 1 and _LEAVES.fullmatch(parts[-1]):
            parts.pop()
        place = root
        for part in parts:
            place = place.setdefault(part, {})  # type: ignore[assignment]
        place.setdefault("", []).append(tensor)  # type: ignore[attr-defined]
    return _node(info, "", info.architecture, root)[0]


def lines(node: Node, *, depth: int = 3) -> list[tuple[int, Node]]:
    """`node` and what is inside, down to `depth`, each with its indentation: how a terminal lists it."""
    found = [(0, node)]
    if depth > 0:
        for child in node.children:
            found += [(level + 1, inner) for level, inner in lines(child, depth=depth - 1)]
    return found


def _node(info: CheckpointInfo, name: str, title: str, place: dict[str, object]) -> tuple[Node, dict[str, int]]:
    """The node of `place` and its bytes by dtype."""
    own: list[TensorHeader] = place.get("", [])  # type: ignore[assignment]
    share: dict[str, int] = {}
    for tensor in own:
        share[tensor.dtype] = share.get(tensor.dtype, 0) + tensor.bytes
    children: list[Node] = []
    for key in place:
        if not key:
            continue
        full = f"{name}.{key}" if name else key
        child, inside = _node(info, full, _title(key, title), place[key])  # type: ignore[arg-type]
        # A wrapper such as "model" says nothing: its contents stand in its place.
        wrapper = not name and key not in TITLES and child.children
        children += child.children if wrapper else (child,)
        for dtype, size in inside.items():
            share[dtype] = share.get(dtype, 0) + size
    node = Node(
        name=name,
        title=title,
        parameters=sum(map(info.parameters_of, own)) + sum(child.parameters for child in children),
        bytes=sum(share.values()),
        dtypes=tuple(sorted(share, key=lambda dtype: -share[dtype])),
        children=tuple(sorted(children, key=_position)),
    )
    return node, share


def _position(node: Node) -> tuple[int, int]:
    number = node.name.rpartition(".")[2]
    if number.isdigit():
        return 0, int(number)
    return (_ORDER.index(node.title) if node.title in _ORDER else _ORDER.index("Dense")), 0


def _title(key: str, parent: str) -> str:
    if key.isdigit():
        return f"Layer {key}" if parent == "Layers" else f"{parent} {key}"
    return TITLES.get(key, key)
