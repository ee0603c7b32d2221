"""What the depth pruning pass offers, refuses and predicts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from engine.calibration.options import WINDOWS_AT_ONCE, CalibrationOptions, activation_bytes
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.limits import SHARD_BYTES
from engine.checkpoint.structure import low_rank
from engine.passes.base import PassSpec
from engine.passes.targets import block_of, largest_block_bytes, largest_bytes
from engine.recipe.options import option
from engine.recipe.validate import Fix, Problem, set_options, without

LAYER_KEYS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


class PruneDepthOptions(CalibrationOptions):
    """Which layers go."""

    layers: int = option(2, "Layers to drop", "How many layers are removed.", ge=1, le=512)
    judge: Literal["influence", "stretch", "perplexity"] = option(
        "influence",
        "Judge layers by",
        "“influence”: how far each turns what the model holds of the text; “stretch”: the same over neighbours that go "
        "together; “perplexity”: how much worse the model predicts the text without it, which takes longer.",
    )
    named: str = option(
        "",
        "Drop exactly these",
        "Numbers of layers, counted from 0, such as “20, 21, 25-27”; left empty, they are found by measuring.",
    )
    keep_first: int = option(
        1, "Keep the first", "Layers at the beginning that always stay.", unit="layers", ge=0, le=512, advanced=True
    )
    keep_last: int = option(
        1, "Keep the last", "Layers at the end that always stay.", unit="layers", ge=0, le=512, advanced=True
    )


def stack_of(info: CheckpointInfo) -> str | None:
    """The prefix of the numbered layers ("model.layers"): the stack with as many members as the model has layers."""
    members: dict[str, set[int]] = {}
    for tensor in info.tensors:
        if part := block_of(tensor.name):
            members.setdefault(part[0], set()).add(part[1])
    return next((stack for stack, found in members.items() if found == set(range(info.layers))), None)


def named_layers(text: str) -> tuple[int, ...]:
    """The numbers in “20, 21, 25-27”, sorted. Raises ValueError."""
    found: set[int] = set()
    for part in filter(None, re.split(r"[,;\s]+", text.replace("–", "-"))):
        first, dash, last = part.partition("-")
        found.update(range(int(first), int(last if dash else first) + 1))
    return tuple(sorted(found))


def check(info: CheckpointInfo, options: PruneDepthOptions, index: int) -> Iterator[Problem]:
    """Refuse what would leave no model, or one that Transformers cannot describe."""
    away = Fix("Remove this pass", without(index))
    if stack_of(info) is None:
        yield Problem(index, "stop", f"The layers of {info.architecture} cannot be told apart by their names.", away)
        return
    if info.grids:
        yield Problem(index, "stop", "The weights are integers already: layers can be dropped only before that.", away)
        return
    if low_rank(info.config):  # which names layers by number
        yield Problem(index, "stop", "The layers are of low rank already: some can be dropped only before that.", away)
        return
    if info.config.get("mlp_only_layers") or (info.config.get("first_k_dense_replace") or 0) > 0:
        text = f"{info.architecture} mixes dense and expert layers by number: none can be dropped."
        yield Problem(index, "stop", text, away)
        return
    if options.named:
        yield from _check_named(info, options, index)
        return
    if options.judge == "perplexity" and info.task != "text-generation":
        influence = Fix("Judge by influence", lambda r: set_options(r, index, judge="influence"))
        yield Problem(index, "stop", "Only a model that writes text has a perplexity.", influence)
        return
    room = info.layers - options.keep_first - options.keep_last
    if options.layers > room or options.layers >= info.layers:
        most = min(room, info.layers - 1)
        fix = Fix(f"Drop {most}", lambda r: set_options(r, index, layers=most)) if most > 0 else away
        text = f"{options.layers} of {info.layers} layers cannot be dropped: {max(most, 0)} may go."
        yield Problem(index, "stop", text, fix)


def _check_named(info: CheckpointInfo, options: PruneDepthOptions, index: int) -> Iterator[Problem]:
    clear = Fix("Find them by measuring", lambda r: set_options(r, index, named=""))
    try:
        named = named_layers(options.named)
    except ValueError:
        yield Problem(index, "stop", f"“{options.named}” is not a list of layer numbers such as “3, 7-9”.", clear)
        return
    if named and named[-1] >= info.layers:
        text = f"There is no layer {named[-1]}: they are numbered 0 to {info.layers - 1}."
        yield Problem(index, "stop", text, clear)
    elif not named or len(named) >= info.layers:
        yield Problem(index, "stop", "At least one layer must go and one must stay.", clear)


def predict(info: CheckpointInfo, options: PruneDepthOptions) -> CheckpointInfo:
    """The layout with fewer layers. Layers found by measuring are taken to be of the usual, equal size."""
    dropped = named_layers(options.named)
    if not dropped:
        end = info.layers - options.keep_last
        dropped = tuple(range(end - options.layers, end))
    names = renumbering(info, dropped)
    tensors = [t.model_copy(update={"name": names[t.name]}) for t in info.tensors if t.name in names]
    return info.with_tensors(tensors, config=shorter_config(info.config, dropped))


def renumbering(info: CheckpointInfo, dropped: Sequence[int]) -> dict[str, str]:
    """Old name -> new name of every tensor that stays."""
    stack = stack_of(info)
    kept = [layer for layer in range(info.layers) if layer not in set(dropped)]
    place = {layer: position for position, layer in enumerate(kept)}
    names = {}
    for tensor in info.tensors:
        part = block_of(tensor.name)
        if part is None or part[0] != stack:
            names[tensor.name] = tensor.name
        elif part[1] in place:
            names[tensor.name] = f"{stack}.{place[part[1]]}.{part[2]}"
    return names


def shorter_config(config: dict[str, Any], dropped: Sequence[int]) -> dict[str, Any]:
    """`config` with fewer layers; every list with one entry a layer loses those of the dropped ones."""
    inner = config.get("text_config")
    if isinstance(inner, dict) and any(inner.get(key) for key in LAYER_KEYS):
        return {**config, "text_config": shorter_config(inner, dropped)}
    count = next(int(config[key]) for key in LAYER_KEYS if config.get(key))
    gone = set(dropped)
    changed: dict[str, Any] = {}
    for key, value in config.items():
        if key in LAYER_KEYS and value == count:
            changed[key] = count - len(gone)
        elif isinstance(value, list) and len(value) == count and key != "architectures":
            changed[key] = [item for layer, item in enumerate(value) if layer not in gone]
        else:
            changed[key] = value
    if isinstance(changed.get("max_window_layers"), int):
        changed["max_window_layers"] -= sum(1 for layer in gone if layer < config["max_window_layers"])
    return changed


def peak_bytes(info: CheckpointInfo, options: PruneDepthOptions) -> int:
    """One shard waiting to be written; while measuring, embedding, one layer and the activations in float32."""
    measuring = 0 if options.named else 2 * (largest_bytes(info) + largest_block_bytes(info))
    measuring += 0 if options.named else activation_bytes(info, options)
    if options.judge == "stretch":
        measuring += min(options.samples, WINDOWS_AT_ONCE) * options.tokens * info.hidden_size * 4 * options.layers
    elif options.judge == "perplexity":
        measuring += 4 * options.tokens * (3 * info.vocab_size + options.samples * info.hidden_size)
    return max(min(SHARD_BYTES, info.bytes), measuring)


def glyph(options: PruneDepthOptions) -> str:
    """“−2 layers”."""
    return f"without {options.named}" if options.named else f"−{options.layers} layers"


SPEC = PassSpec(
    name="prune_depth",
    title="Drop layers",
    family="structure",
    summary="Removes the layers that the model misses least: every token then takes fewer steps.",
    options=PruneDepthOptions,
    run="engine.passes.prune_depth.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=frozenset(
        {"text-generation", "feature-extraction", "text-classification", "token-classification", "fill-mask"}
    ),
    refusals={
        "text2text-generation": "Drop layers measures one stack of layers, and an encoder-decoder has two that need "
        "each other.",
    },
    must_precede=frozenset({"factor", "prune", "precision", "quantize"}),
    needs=frozenset({"calibration"}),
    paper="influence: Men et al. 2024 (ShortGPT), arXiv:2403.03853, section 3; stretch: Gromov et al. 2024, "
    "arXiv:2403.17887, section 3.2; perplexity: Kim et al. 2024, arXiv:2402.02834",
)
