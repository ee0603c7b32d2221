"""Names tell where a node belongs; the graph tells it of those without a name."""

from __future__ import annotations

import pytest

from engine.compare.modules import BETWEEN, SHARED, Half, Kind, Place, attribute, place_of


@pytest.mark.parametrize(
    ("name", "layer", "kind"),
    [
        ("model.layers.3.self_attn.q_proj.weight", 3, "attention"),
        ("/model/layers.3/attn/qkv_proj/MatMul", 3, "attention"),
        ("/model/layers.3/post_attention_layernorm/SkipLayerNorm", 3, "norm"),
        ("/model/layers.3/mlp/act_fn/Mul/QuickGeluFusion/", 3, "mlp"),
        ("/model/layers.30/final_norm_layernorm/SkipLayerNorm", None, "norm"),
        ("/model/embed_tokens/Gather", None, "embedding"),
        ("lm_head", None, "head"),
        ("model.norm/normal", None, "norm"),
        ("transformer.h.11.mlp.c_fc", 11, "mlp"),
        ("transformer.wpe.weight", None, "embedding"),
        ("encoder.layer.0.attention.output.LayerNorm", 0, "attention"),
        ("encoder.layer.0.output.dense", 0, "mlp"),
        ("encoder.layer.0.qkv_bias", 0, "layer"),
        ("model.decoder.layers.2.fc1.weight", 2, "mlp"),
        ("gpt_neox.embed_out.weight", None, "head"),
    ],
)
def test_a_name_tells_the_place(name: str, layer: int | None, kind: Kind) -> None:
    assert place_of(name) == Place(layer=layer, kind=kind)


@pytest.mark.parametrize(
    ("name", "half", "layer", "kind"),
    [
        ("encoder.block.1.layer.0.SelfAttention.q", "encoder", 1, "attention"),
        ("decoder.block.1.layer.1.EncDecAttention.k", "decoder", 1, "cross"),  # the prompt's, in the encoder's graph
        ("decoder.block.1.layer.1.layer_norm.weight", "decoder", 1, "norm"),
        ("model.model.decoder.layers.2.encoder_attn.q_proj", "decoder", 2, "cross"),
        ("model.decoder.layers.2.encoder_attn_layer_norm", "decoder", 2, "norm"),
        ("shared.weight", "encoder", None, "embedding"),
    ],
)
def test_a_name_tells_the_half(name: str, half: Half, layer: int | None, kind: Kind) -> None:
    assert place_of(name, "encoder") == Place(layer=layer, kind=kind, half=half)
    assert place_of(name) == Place(layer=layer, kind=kind)


def test_a_half_is_listed_behind_the_other() -> None:
    places = [BETWEEN, Place(kind="embedding", half="decoder"), Place(half="encoder"), Place(layer=3, half="encoder")]
    assert sorted(places, key=lambda place: place.order) == [places[3], places[2], places[1], places[0]]
    assert attribute([None], [()], "encoder") == [Place(half="encoder")]


@pytest.mark.parametrize(
    "name", ["LayerNormalization_8", "/model/attn_mask_reformat/attn_mask_subgraph/Sub", "number_0.5"]
)
def test_a_name_that_tells_nothing_has_none(name: str) -> None:
    assert place_of(name) is None


def test_what_has_no_name_counts_to_what_it_serves() -> None:
    attention, norm, mlp = (Place(layer=1, kind=kind) for kind in ("attention", "norm", "mlp"))
    other = Place(layer=2, kind="attention")
    known = [None, None, attention, Place(layer=1, kind="layer"), attention, None, norm, mlp, None, other]
    sources = [
        (),      # 0 the mask, for both attentions
        (),      # 1 what the first product alone reads
        (1,),    # 2 query
        (2, 0),  # 3 attention itself, of which the name tells the layer only
        (3,),    # 4 output product
        (4,),    # 5 the sum that norm and the next sum read
        (5,),    # 6 norm
        (6,),    # 7 MLP
        (7, 5),  # 8 the next sum, which the next layer alone reads
        (8, 0),  # 9
    ]  # fmt: skip
    found = attribute(known, sources)
    assert found[0] == SHARED
    assert found[1] == found[3] == attention
    assert found[5] == Place(layer=1, kind="layer")
    assert found[8] == other
    assert attribute([None], [()]) == [SHARED]
