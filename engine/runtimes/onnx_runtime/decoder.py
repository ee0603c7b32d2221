"""The graph of a decoder: onnxruntime-genai's builder writes it fused, then integer grids replace float weights."""

from __future__ import annotations

import contextlib
import copy
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from engine.checkpoint.info import GridScheme
from engine.checkpoint.outline import Outline
from engine.checkpoint.reader import Reader
from engine.grid import grid as grids
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.runtimes.onnx_runtime import graph as edit
from engine.runtimes.onnx_runtime.limits import DECODERS, FUSED_ROPE_HEADS
from engine.runtimes.onnx_runtime.nbits import blocks_of

_EMBEDDING = "/model/embed_tokens/Gather"
_LAYER = re.compile(r"/model/layers\.(\d+)/(attn|mlp)/(\w+)/MatMul")
_PARTS = {"attn": "self_attn", "mlp": "mlp"}
# Products of the same numbers that can be one, by the name the builder gives it; their weights' rows in this order.
JOINED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}


@dataclass
class DecoderGraph:
    """A decoder's graph with float weights, before it is written.

    Attributes:
        model: the graph.
        write_genai_config: writes genai_config.json into a folder.
    """

    model: ir.Model
    write_genai_config: Callable[[Path], None]


def decoder_graph(
    outline: Outline, folder: Path, context: StepContext, *, device: str, dtype: ir.DataType, join: frozenset[str]
) -> DecoderGraph:
    """The fused graph of the model `outline`; its matrices are read when they are written, one at a time.

    `folder` is the checkpoint, whose generation settings go into genai_config.json. `join` names the products that
    become one in every layer, keys of `JOINED`. The builder prints; its text goes nowhere.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        from onnxruntime_genai.models import builder

    twin = outline.model
    config = copy.deepcopy(twin.config)
    config._name_or_path = str(folder)
    options = {
        "shared_embeddings": bool(config.tie_word_embeddings),
        "fuse_qkv": "qkv_proj" in join,
        "fuse_mlp_gate_up": "gate_up_proj" in join,
        "hf_token": None,
    }
    maker_class = _maker_class(getattr(builder, DECODERS[config.architectures[0]]), outline)
    layers = config.num_hidden_layers
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            maker = maker_class(config, dtype, dtype, device, "", options)
        except NotImplementedError as error:
            raise UserError(
                f"ONNX Runtime's builder cannot write this model: {error}",
                "Choose another runtime for it.",
                code="unsupported_architecture",
            ) from error
        make_layer = maker.make_layer

        def layer(index: int, module: Any) -> None:
            context.step(index, layers, "Writing the graph")
            make_layer(index, module)

        # instance attributes, so that the library's classes stay as they are
        maker.load_weights = lambda path: twin
        # the builder takes any linear layer with as many rows as the vocabulary for the head
        maker.has_lm_head = lambda module: module is twin.get_output_embeddings()
        maker.make_layer = layer
        maker.make_model("")
        embedding = maker.model.graph.initializers.get("model.embed_tokens.weight")
        if embedding is not None:
            _read_late(outline, embedding, [_name_of(twin, twin.get_input_embeddings())], transposed=False)

    def write_genai_config(folder: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            maker.make_genai_config(config, {}, str(folder))

    return DecoderGraph(maker.model, write_genai_config)


def _maker_class(base: Any, outline: Outline) -> Any:
    """`base`, rotating queries and keys outside of GroupQueryAttention where that kernel cannot.

    It reads matrices of `outline` when they are written, where `base` would take what a module holds for its weight.
    """
    twin = outline.model

    class Maker(base):  # type: ignore[misc]
        def is_fused_rope_supported(self) -> bool:
            return bool(self.head_size % FUSED_ROPE_HEADS == 0)

        def is_packed_matmul_supported(self) -> bool:
            return bool(self.is_fused_rope_supported() and super().is_packed_matmul_supported())

        def make_matmul_float(self, matmul: Any, name: str, root_input: str, **rest: Any) -> Any:
            result = super().make_matmul_float(matmul, name, root_input, **rest)
            found = _LAYER.fullmatch(name)
            joined = found is not None and found[3] in JOINED  # `matmul` is then none of the model's modules
            modules = _parts(found) if found and joined else (_name_of(twin, matmul),)
            weight = self.model.graph.initializers[f"{name[1:].replace('/', '.')}.weight"]
            _read_late(outline, weight, modules, transposed=True)
            return result

    return Maker


def _read_late(outline: Outline, value: ir.Value, modules: Sequence[str], *, transposed: bool) -> None:
    """Let `value` be the weights of `modules`, one under the other: [N, K], or `transposed` [K, N]; read on demand."""
    tensor: Any = value.const_value
    dtype, name = tensor.dtype, tensor.name  # `tensor` itself must not be kept: it may hold a copy

    def read() -> Any:
        parts = [outline.tensor(f"{module}.weight") for module in modules]
        rows = parts[0] if len(parts) == 1 else torch.cat(parts)
        array = (rows.T if transposed else rows).contiguous().numpy()
        return ir.Tensor(array.astype(dtype.numpy(), copy=False), name=name)

    value.const_value = ir.LazyTensor(read, dtype=dtype, shape=tensor.shape, name=name)


def _name_of(twin: Any, module: Any) -> str:
    return next(str(name) for name, found in twin.named_modules() if found is module)


def joinable(schemes: tuple[GridScheme, ...]) -> frozenset[str]:
    """The keys of `JOINED` whose parts one matrix can hold in every layer: all float, or integers of one width."""
    bits = {module: 4 if scheme.bits <= 4 else 8 for scheme in schemes for module in scheme.modules}
    owners = {module.rpartition(".")[0] for module in bits}
    return frozenset(
        name
        for name, parts in JOINED.items()
        if all(len({bits.get(f"{owner}.{part}") for part in parts}) == 1 for owner in owners)
    )


def put_grids(model: ir.Model, reader: Reader, context: StepContext, *, tied: bool, half: bool, level: int) -> int:
    """Put the grids of `reader` in place of the float weights of the same modules; how many nodes were changed.

    `tied`: embedding and head are one weight. `half`: the graph computes in float16. `level` is
    MatMulNBits' accuracy_level.
    """
    on_grid = {module for scheme in reader.grids for module in scheme.modules}
    targets = [(node, modules) for node in model.graph if (modules := _modules_of(node, tied)) and on_grid & {*modules}]
    shared: dict[str, Any] = {}
    for index, (node, modules) in enumerate(targets):
        context.step(index, len(targets), "Placing integer weights")
        name = ".".join(modules)
        blocks = shared.get(name) or blocks_of([grids.read(reader, module) for module in modules], half=half)
        if len(modules) == 1 and modules[0] in ("model.embed_tokens", "lm_head"):
            shared[name] = blocks
        if node.op_type == "MatMul":
            edit.use_integer_matmul(model.graph, node, blocks, name, level)
        elif not blocks.padded:  # else it stays a float look-up, whose rows lie on the grid too
            edit.use_integer_gather(model.graph, node, blocks, name)
    edit.remove_unused(model.graph)
    return len(targets)


def placed_modules(model: ir.Model, tied: bool) -> Iterator[str]:
    """The checkpoint's modules whose weights the matrix products and look-ups of `model` hold."""
    for node in model.graph:
        yield from _modules_of(node, tied)


def _modules_of(node: ir.Node, tied: bool) -> tuple[str, ...]:
    """The checkpoint's modules that make up the weight of `node`; empty for a node without one."""
    name = node.name or ""
    if name == _EMBEDDING:
        return ("model.embed_tokens",)
    if name == "/lm_head/MatMul":
        return ("model.embed_tokens",) if tied else ("lm_head",)
    found = _LAYER.fullmatch(name)
    if found is None:
        return ()
    return _parts(found)


def _parts(found: re.Match[str]) -> tuple[str, ...]:
    """The checkpoint's modules of a match of `_LAYER`."""
    layer, part, leaf = found.groups()
    return tuple(f"model.layers.{layer}.{_PARTS[part]}.{name}" for name in JOINED.get(leaf, (leaf,)))
