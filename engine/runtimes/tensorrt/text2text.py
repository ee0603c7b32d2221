"""The two plain graphs of an encoder-decoder (T5, mT5, BART, Marian): the prompt's, read once, and the answer's.

Shape letters: B texts, S prompt tokens, T new tokens of the answer, P those of its past, H heads, D head width, V
vocabulary.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn
from transformers import Cache, EncoderDecoderCache

from engine.runtimes.tensorrt.graph import CACHE, TEXTS, cache_layers, exported
from engine.runtimes.tensorrt.limits import cache_names
from engine.runtimes.text2text_layout import layout_of

Pair = tuple[Tensor, Tensor]


class PromptReader(nn.Module):
    """input_ids and attention_mask [B, S] -> keys and values of the prompt [B, H, S, D] for each decoder layer."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self._layout = model, layout_of(model)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        """The outputs as one flat tuple."""
        read = self.model.get_encoder()(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        of = self._layout.decoder
        made = [
            self.model.get_submodule(name)(read).unflatten(-1, (of.heads, of.width)).transpose(1, 2)
            for index in range(of.layers)
            for name in self._layout.cross_products(index)
        ]
        return tuple(made)


class AnswerWriter(nn.Module):
    """input_ids [B, T], the prompt's attention_mask [B, S], and pairs of keys and values, a pair a layer: the prompt's
    [B, H, S, D] and the answer's [B, H, P, D] -> float32 logits [B, T, V], the answer's keys and values
    [B, H, P + T, D]."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, cross: list[Pair], past: list[Pair]) -> Any:
        """The outputs as one flat tuple."""
        answer = cache_layers(past)
        cache = EncoderDecoderCache(Cache(layers=answer), Cache(layers=cache_layers(cross)))
        cache.is_updated = dict.fromkeys(range(len(cross)), True)  # the prompt's half is full: nothing adds to it
        shape = (*attention_mask.shape, self.model.config.d_model)
        unread = attention_mask.new_zeros(shape, dtype=self.model.dtype)  # only its shape is looked at
        output = self.model(
            encoder_outputs=(unread,), attention_mask=attention_mask, decoder_input_ids=input_ids,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        return (output.logits.float(), *(part for layer in answer for part in (layer.keys, layer.values)))


def prompt_graph(twin: Any) -> ir.Model:
    """The graph of Transformers encoder-decoder `twin` that reads prompts.

    Inputs: input_ids and attention_mask; outputs: cross_keys_0, cross_values_0, … of each decoder layer.
    """
    twin.set_attn_implementation("eager")
    made = cache_names("cross", layout_of(twin).decoder.layers)
    return exported(PromptReader(twin), _prompts(), (TEXTS, TEXTS), ["input_ids", "attention_mask"], made)


def answer_graph(twin: Any) -> ir.Model:
    """The graph of Transformers encoder-decoder `twin` that writes answers.

    Inputs: input_ids, attention_mask, cross_keys_0, cross_values_0, …, past_keys_0, …; outputs: logits and
    present_keys_0, …
    """
    twin.set_attn_implementation("eager")
    cross = sample_cross(twin)
    past = [(keys[:, :, :3].clone(), values[:, :, :3].clone()) for keys, values in cross]
    each = [(CACHE, CACHE)] * len(cross)
    return exported(
        AnswerWriter(twin),
        (torch.zeros((2, 4), dtype=torch.int64), _prompts()[1], cross, past),
        (TEXTS, TEXTS, each, each),
        ["input_ids", "attention_mask", *cache_names("cross", len(cross)), *cache_names("past", len(cross))],
        ["logits", *cache_names("present", len(cross))],
    )


def sample_cross(twin: Any) -> list[Pair]:
    """Keys and values of two prompts, in the shapes and types that the model really has."""
    with torch.no_grad():
        made = PromptReader(twin)(*_prompts())
    return list(zip(made[::2], made[1::2], strict=True))


def _prompts() -> tuple[Tensor, Tensor]:
    """Ids and mask of two prompts of seven tokens, one of them padded, so that the mask stays in the graph."""
    mask = torch.ones((2, 7), dtype=torch.int64)
    mask[1, -1] = 0
    return torch.ones_like(mask), mask
