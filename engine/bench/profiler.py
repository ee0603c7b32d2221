"""Measure a Transformers model block by block: wall time through hooks, FLOPs by torch's counter, bytes by sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.bench.profile import BlockKind, BlockProfile, Cost, Profile
from engine.bench.statistics import over_rounds
from engine.compare.table import Conditions
from engine.protocol.measurement import Measurement

PREFILL_REPEATS = 7
DECODE_REPEATS = 20

# progress(done, total, text): may raise Cancelled.
Progress = Callable[[float, float, str], None]


@dataclass
class _Block:
    """A module that is profiled, and what was observed of it in the phase that runs now."""

    name: str
    title: str
    kind: BlockKind
    module: nn.Module
    parts: list[_Block] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    moved: int = 0


@dataclass(frozen=True)
class _Phase:
    """Observations of one phase: whole-model seconds, and per block name its cost."""

    seconds: list[float]
    costs: dict[str, Cost]


def profile(model: Any, prompt_tokens: int, *, decoder: bool, conditions: Conditions, progress: Progress) -> Profile:
    """Time, FLOPs and bytes of every block of `model`, reading a prompt and (decoders) writing tokens after it.

    Args:
        model: a transformers model in evaluation mode on the CPU.
        prompt_tokens: length of the prompt, batch 1.
    """
    blocks = find_blocks(model)
    ids = torch.arange(prompt_tokens)[None] % max(1, min(1000, model.config.vocab_size - 8)) + 4
    total = PREFILL_REPEATS * 2 + (DECODE_REPEATS * 2 if decoder else 0)
    done = 0

    def step(text: str) -> None:
        nonlocal done
        done += 1
        progress(min(done, total), total, text)

    with torch.inference_mode():
        read = _measure(model, blocks, _Reader(model, ids, decoder), PREFILL_REPEATS, conditions, step)
        write = None
        if decoder:
            write = _measure(model, blocks, _Writer(model, ids), DECODE_REPEATS, conditions, step)
    return Profile(
        blocks=tuple(_report(block, read, write) for block in blocks),
        prefill_seconds=over_rounds("request_seconds", read.seconds, conditions),
        decode_seconds=over_rounds("inter_token_latency_seconds", write.seconds, conditions) if write else None,
        prompt_tokens=prompt_tokens,
        conditions=conditions,
    )


def find_blocks(model: Any) -> list[_Block]:
    """The blocks in order of definition: what stands beside the list of layers, and each layer with its parts."""
    count = getattr(model.config, "num_hidden_layers", None) or getattr(model.config, "n_layer", None)
    lists = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    }
    stack = min(lists, key=len) if lists else None
    head = model.get_output_embeddings()
    blocks: list[_Block] = []

    def visit(name: str, module: nn.Module) -> None:
        for key, child in module.named_children():
            path = f"{name}.{key}" if name else key
            if path == stack:
                blocks.extend(_layer(path, index, layer) for index, layer in enumerate(lists[path]))
            elif stack is not None and stack.startswith(f"{path}."):
                visit(path, child)
            elif any(True for _ in child.parameters()):
                kind = _kind(path, child, head)
                blocks.append(_Block(path, _title(key, kind), kind, child))

    visit("", model)
    return blocks


def _layer(stack: str, index: int, layer: nn.Module) -> _Block:
    parts = []
    for key, child in layer.named_children():
        kind = _kind(key, child, None)
        if kind in ("attention", "mlp"):
            parts.append(_Block(f"{stack}.{index}.{key}", _title(key, kind), kind, child))
    return _Block(f"{stack}.{index}", f"Layer {index}", "layer", layer, parts)


def _kind(name: str, module: nn.Module, head: nn.Module | None) -> BlockKind:
    low = name.rpartition(".")[2].lower()
    if module is head or low in ("lm_head", "classifier", "score", "cls"):
        return "head"
    if "emb" in low or low in ("wte", "wpe"):
        return "embedding"
    if "norm" in low or low.startswith("ln_"):
        return "norm"
    if "attn" in low or "attention" in low:
        return "attention"
    if any(word in low for word in ("mlp", "ffn", "feed_forward", "intermediate", "output", "moe", "experts")):
        return "mlp"
    return "other"


def _title(key: str, kind: BlockKind) -> str:
    words = {"embedding": "Embedding", "head": "Output head", "norm": "Norm", "attention": "Attention"}
    if kind == "mlp":
        return {"intermediate": "MLP, first half", "output": "MLP, second half"}.get(key, "MLP")
    return words.get(kind, key.replace("_", " ").capitalize())


class _Reader:
    """Runs the prompt through the model, afresh each time."""

    text = "Reading a prompt"

    def __init__(self, model: Any, ids: Tensor, decoder: bool) -> None:
        self._model, self._ids = model, ids
        self._options = {"use_cache": True} if decoder else {}
        self.cache: Any = None

    def __call__(self) -> None:
        self.cache = getattr(self._model(input_ids=self._ids, **self._options), "past_key_values", None)


class _Writer:
    """Appends one token after the prompt each time it is called."""

    text = "Writing tokens"

    def __init__(self, model: Any, ids: Tensor) -> None:
        self._model, self._next = model, ids[:, :1]
        self.cache: Any = model(input_ids=ids, use_cache=True).past_key_values

    def __call__(self) -> None:
        self._model(input_ids=self._next, past_key_values=self.cache, use_cache=True)


def _measure(
    model: Any,
    blocks: list[_Block],
    run: _Reader | _Writer,
    repeats: int,
    conditions: Conditions,
    step: Callable[[str], None],
) -> _Phase:
    """Run once to warm up, `repeats` times as a whole, `repeats` times with hooks, once for counting."""
    every = [block for outer in blocks for block in (outer, *outer.parts)]
    run()
    seconds = []
    for _ in range(repeats):
        step(run.text)
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    for block in every:
        block.seconds.clear()
    with _hooks(every):
        for _ in range(repeats):
            step(f"{run.text}, block by block")
            run()
    flops = _count(model, run)
    cached = _cached_bytes(run.cache)
    costs = {}
    for block in every:
        if not block.seconds:
            continue
        kept = cached[_index(block.name)] if _index(block.name) < len(cached) and block.kind != "mlp" else 0
        measured = _seconds(block.seconds, conditions)
        moved = block.moved + kept if block.kind in ("layer", "attention") else block.moved
        costs[block.name] = Cost(seconds=measured, flops=flops.get(block.name, 0), bytes=_read_bytes(block) + moved)
    return _Phase(seconds, costs)


@contextmanager
def _hooks(blocks: list[_Block]) -> Iterator[None]:
    """Time every block within; each notes the bytes of the activations that it read and wrote last."""
    handles = []
    for block in blocks:
        begun: list[float] = []

        def enter(module: nn.Module, args: Any, kwargs: Any, begun: list[float] = begun) -> None:
            begun.append(time.perf_counter())

        def leave(
            module: nn.Module,
            args: Any,
            kwargs: Any,
            output: Any,
            begun: list[float] = begun,
            block: _Block = block,
        ) -> None:
            block.seconds.append(time.perf_counter() - begun.pop())
            inputs = args[:1] or tuple(kwargs.get(key) for key in ("hidden_states", "input_ids"))
            block.moved = _bytes(inputs) + _bytes(output[0] if isinstance(output, tuple) else output)

        handles.append(block.module.register_forward_pre_hook(enter, with_kwargs=True))
        handles.append(block.module.register_forward_hook(leave, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _count(model: Any, run: _Reader | _Writer) -> dict[str, int]:
    """FLOPs by module name. Attention is written out for it, since torch counts no fused kernels on the CPU."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with FlopCounterMode(display=False) as counter:
            run()
    finally:
        model.set_attn_implementation(before)
    prefix = f"{type(model).__name__}."
    return {name.removeprefix(prefix): sum(table.values()) for name, table in counter.get_flop_counts().items()}


def _report(block: _Block, read: _Phase, write: _Phase | None) -> BlockProfile:
    parts = tuple(_report(part, read, write) for part in block.parts if part.name in read.costs)
    return BlockProfile(
        name=block.name,
        title=block.title,
        kind=block.kind,
        parameters=sum(p.numel() for p in block.module.parameters()),
        weight_bytes=_weight_bytes(block.module),
        prefill=read.costs.get(block.name) or _nothing(read),
        decode=(write.costs.get(block.name) or _nothing(write)) if write else None,
        parts=parts,
    )


def _nothing(phase: _Phase) -> Cost:
    """The cost of a block that this phase does not run (a pooler that nothing reads, say)."""
    zero = Measurement.exact("request_seconds", 0.0)
    return Cost(seconds=zero.model_copy(update={"name": "block_seconds"}), flops=0, bytes=0)


def _seconds(seconds: list[float], conditions: Conditions) -> Measurement:
    measured = over_rounds("request_seconds", np.maximum(seconds, 1e-9).tolist(), conditions)
    return measured.model_copy(update={"name": "block_seconds"})


def _read_bytes(block: _Block) -> int:
    """Weights read in one pass: of an embedding only the rows of its tokens, as many bytes as it puts out."""
    if block.kind == "embedding":
        return block.moved
    return _weight_bytes(block.module)


def _weight_bytes(module: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in module.parameters())


def _cached_bytes(cache: Any) -> list[int]:
    """Bytes of keys and values a layer."""
    layers = getattr(cache, "layers", None) or []
    return [_bytes((layer.keys, layer.values)) for layer in layers if getattr(layer, "keys", None) is not None]


def _bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, (tuple, list)):
        return sum(_bytes(item) for item in value)
    if hasattr(value, "to_tuple"):
        return _bytes(value.to_tuple())
    return 0


def _index(name: str) -> int:
    """The layer's number in a module name; a very large one for blocks that are no layer."""
    numbers = [part for part in name.split(".") if part.isdigit()]
    return int(numbers[0]) if numbers else 1 << 30
