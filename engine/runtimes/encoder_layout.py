"""Where the encoders keep their weights: the modules of each model type, under Transformers' names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Layout:
    """Module names of one model type, whole for `embeddings` and the heads, inside a layer for the rest.

    Attributes:
        layer: the name of layer {}.
        token_types: there is a token type embedding.
        offset_positions: positions count from padding_idx + 1, as RoBERTa's do.
        classifier, tagger: the last product of a text classifier, and the only one of a token classifier.
        pooler_activation: the operator between pooler and classifier, “Tanh” or “Relu”.
    """

    embeddings: str
    layer: str
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention_output: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    output_norm: str = "output.LayerNorm"
    token_types: bool = True
    offset_positions: bool = False
    pooler: str = ""
    pooler_activation: str = "Tanh"
    classifier: str = "classifier"
    tagger: str = "classifier"
    vocabulary_dense: str = "cls.predictions.transform.dense"
    vocabulary_norm: str = "cls.predictions.transform.LayerNorm"
    vocabulary_output: str = "cls.predictions.decoder"

    def layers(self, config: Any) -> int:
        """Layers of the encoder."""
        return int(config.num_hidden_layers)

    def heads(self, config: Any) -> int:
        """Attention heads of a layer."""
        return int(config.num_attention_heads)

    def width(self, config: Any) -> int:
        """The hidden width H."""
        return int(config.hidden_size)

    def activation(self, config: Any) -> str:
        """The activation between the two products of the feed-forward part."""
        return str(getattr(config, "hidden_act", None) or getattr(config, "activation", "gelu"))


_BERT = Layout("embeddings", "encoder.layer.{}")
_DISTILBERT = Layout(
    "embeddings",
    "transformer.layer.{}",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attention_output="attention.out_lin",
    attention_norm="sa_layer_norm",
    up="ffn.lin1",
    down="ffn.lin2",
    output_norm="output_layer_norm",
    token_types=False,
    pooler="pre_classifier",
    pooler_activation="Relu",
    vocabulary_dense="vocab_transform",
    vocabulary_norm="vocab_layer_norm",
    vocabulary_output="vocab_projector",
)


def layout_of(model: Any) -> Layout:
    """The layout of Transformers model `model`, with the prefix that its class puts before the encoder."""
    kind = model.config.model_type
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    layout = _DISTILBERT if kind == "distilbert" else _BERT
    if kind == "bert":
        layout = replace(layout, pooler=f"{prefix}pooler.dense")
    elif kind == "roberta":
        layout = replace(
            layout,
            offset_positions=True,
            pooler="classifier.dense",
            classifier="classifier.out_proj",
            vocabulary_dense="lm_head.dense",
            vocabulary_norm="lm_head.layer_norm",
            vocabulary_output="lm_head.decoder",
        )
    return replace(layout, embeddings=prefix + layout.embeddings, layer=prefix + layout.layer)
