"""The readable block tree."""

from __future__ import annotations

from pathlib import Path

from engine.checkpoint.info import CheckpointInfo, GridScheme, TensorHeader
from engine.checkpoint.inspect import inspect
from engine.checkpoint.tree import lines, tree


def test_blocks_in_the_order_of_the_data(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    root = tree(info)
    assert [child.title for child in root.children] == ["Token embedding", "Layers", "Final norm"]
    layers = root.children[1]
    assert [layer.title for layer in layers.children] == ["Layer 0", "Layer 1", "Layer 2"]
    assert [part.title for part in layers.children[0].children] == [
        "Norm before attention", "Attention", "Norm before feed-forward", "Feed-forward",
    ]  # fmt: skip
    query = layers.children[0].children[1].children[0]
    assert (query.name, query.title, query.parameters) == ("model.layers.0.self_attn.q_proj", "Query", 256 * 256)
    assert query.children == ()


def test_sums_hold_on_every_level(tiny_bert: Path) -> None:
    info = inspect(tiny_bert)
    root = tree(info)
    assert (root.parameters, root.bytes, root.dtypes) == (info.parameters, info.bytes, ("F32",))
    for _, node in lines(root, depth=9):
        if node.children:
            assert sum(child.parameters for child in node.children) == node.parameters


def test_packed_layers_count_their_weights() -> None:
    grid = GridScheme(bits=4, group_size=32, symmetric=True, modules=("model.layers.0.mlp.up_proj",))
    names = {"weight_packed": ("I32", (64, 8)), "weight_scale": ("F16", (64, 2)), "weight_shape": ("I64", (2,))}
    tensors = tuple(
        TensorHeader(name=f"model.layers.0.mlp.up_proj.{leaf}", dtype=dtype, shape=shape)
        for leaf, (dtype, shape) in names.items()
    )
    info = CheckpointInfo(
        path="", architecture="LlamaForCausalLM", model_type="llama", task="text-generation", config={},
        tensors=tensors, grids=(grid,),
    )  # fmt: skip
    root = tree(info)
    assert root.parameters == info.parameters == 64 * 64
    assert root.dtypes == ("I32", "F16", "I64")
