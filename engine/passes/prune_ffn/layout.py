"""Where the neurons of feed-forward networks lie in a checkpoint, found by names and shapes. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.passes.narrow.cuts import Cut, Slices, Unknown, by_block, with_values
from engine.passes.targets import stores_inputs_first

# What reads the neurons, and what makes them: every known set of names beside it, the first that is there counts.
_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "down_proj": (("gate_up_proj",), ("gate_proj", "up_proj"), ("up_proj",)),  # Llama and most since, Phi-3, Nemotron
    "c_proj": (("c_fc",),),  # GPT-2, GPT-Neo, Starcoder 2
    "dense_4h_to_h": (("dense_h_to_4h",),),  # GPT-NeoX, Falcon
    "fc2": (("fc1",),),  # OPT, Phi, BART, Marian
    "fc_out": (("fc_in",),),  # GPT-J, CodeGen
    "output.dense": (("intermediate.dense",),),  # BERT and its kin
    "lin2": (("lin1",),),  # DistilBERT
    "wo": (("wi_0", "wi_1"), ("wi",)),  # T5
    "Wo": (("Wi",),),  # ModernBERT
}
# Where config.json says how wide they are; encoder-decoders of BART's kind say it of either half.
_KEYS = ("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", "d_ff", "hidden_dim", "encoder_ffn_dim",
         "decoder_ffn_dim")  # fmt: skip
# The key of those that leave it empty where the width is four times the model's.
_IMPLIED = {"gpt2": "n_inner", "gptj": "n_inner", "codegen": "n_inner", "gpt_bigcode": "n_inner",
            "gpt_neo": "intermediate_size", "falcon": "ffn_hidden_size"}  # fmt: skip


def widths(info: CheckpointInfo) -> dict[str, int]:
    """The neurons of a layer by the key of config.json that says so. Raises Unknown."""
    inner = info.config.get("text_config")
    config = inner if isinstance(inner, dict) and any(inner.get(key) for key in _KEYS) else info.config
    given = {key: config[key] for key in _KEYS if config.get(key) is not None}
    if not given and info.model_type in _IMPLIED:
        given = {_IMPLIED[info.model_type]: 4 * info.hidden_size}
    if not given:
        raise Unknown(f"The configuration of {info.architecture} has no place for another width of its layers.")
    if any(not isinstance(value, int) for value in given.values()):
        raise Unknown(f"The layers of {info.architecture} are not all of the same width.")
    return given


def cuts(info: CheckpointInfo, kept: Callable[[int], int]) -> list[Cut]:
    """The neurons of every layer, of which `kept(how many there are)` stay. Raises Unknown."""
    allowed = set(widths(info).values())
    found = []
    for tensors in by_block(info).values():
        networks = list(_networks(tensors))
        if len(networks) > 1:
            raise Unknown(f"{info.architecture} has more than one feed-forward network a layer.")
        found += [_cut(info, tensors, down, ups, kept) for down, ups in networks]
    if not found:
        raise Unknown(f"The feed-forward networks of {info.architecture} cannot be told by their names.")
    if {cut.units for cut in found} - allowed:
        raise Unknown(f"The layers of {info.architecture} are not all as wide as its configuration says.")
    return found


def _networks(tensors: dict[str, TensorHeader]) -> Iterator[tuple[str, list[str]]]:
    """What reads the neurons of a block, and what makes them: the names of modules."""
    for leaf, tensor in tensors.items():
        module = leaf.removesuffix(".weight")
        if leaf == module or len(tensor.shape) != 2:
            continue
        for down, families in _NAMES.items():
            if module == down or module.endswith(f".{down}"):
                parent = module.removesuffix(down)
                for ups in families:
                    if all(f"{parent}{up}.weight" in tensors for up in ups):
                        yield module, [f"{parent}{up}" for up in ups]
                        break


def narrower_config(info: CheckpointInfo, kept: Callable[[int], int]) -> dict[str, Any]:
    """config.json with the new widths. Raises Unknown."""
    values: Mapping[str, int] = {key: kept(width) for key, width in widths(info).items()}
    return with_values(info.config, values, next(iter(values)))


def _cut(
    info: CheckpointInfo, tensors: dict[str, TensorHeader], down: str, ups: list[str], kept: Callable[[int], int]
) -> Cut:
    out = 1 if stores_inputs_first(info) else 0
    reader = tensors[f"{down}.weight"]
    width = reader.shape[1 - out]
    slices = {reader.name: Slices(1 - out)}
    for up in ups:
        weight = tensors[f"{up}.weight"]
        halves, rest = divmod(weight.shape[out], width)
        if rest or halves not in (1, 2) or len(ups) * halves > 2:
            raise Unknown(f"“{weight.name}” has another shape than a feed-forward network's.")
        parts = tuple((half * width, 1) for half in range(halves))
        slices[weight.name] = Slices(out, parts)
        if bias := tensors.get(f"{up}.bias"):
            slices[bias.name] = Slices(0, parts)
    own = tensors.get(f"{down}.bias")
    return Cut(reader.name, own.name if own else None, width, 1, kept(width), slices)
