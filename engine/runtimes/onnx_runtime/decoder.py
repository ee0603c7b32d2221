"""The graph of a decoder: onnxruntime-genai's builder writes it fused, then integer grids replace float weights."""

from __future__ import annotations

import contextlib
import copy
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir

from engine.checkpoint.info import GridScheme
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
    twin: Any, folder: Path, context: StepContext, *, device: str, dtype: ir.DataType, fuse_qkv: bool
) -> DecoderGraph:
    """The fused graph of Transformers model `twin`; its weights are read from `twin` when they are written.

    `folder` is the checkpoint, whose generation settings go into genai_config.json. `fuse_qkv`
    joins the projections of query, key and value into one. The builder prints; its text goes nowhere.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        from onnxruntime_genai.models import builder

    config = copy.deepcopy(twin.config)
    config._name_or_path = str(folder)
    options = {"shared_embeddings": bool(config.tie_word_embeddings), "fuse_qkv": fuse_qkv, "hf_token": None}
    maker_class = _maker_class(getattr(builder, DECODERS[config.architectures[0]]))
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

    def write_genai_config(folder: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            maker.make_genai_config(config, {}, str(folder))

    return DecoderGraph(maker.model, write_genai_config)


def _maker_class(base: Any) -> Any:
    """`base`, rotating queries and keys outside of GroupQueryAttention where that kernel cannot."""

    class Maker(base):  # type: ignore[misc]
        def is_fused_rope_supported(self) -> bool:
            return bool(self.head_size % FUSED_ROPE_HEADS == 0)

        def is_packed_matmul_supported(self) -> bool:
            return bool(self.is_fused_rope_supported() and super().is_packed_matmul_supported())

    return Maker


def can_fuse_qkv(schemes: tuple[GridScheme, ...]) -> bool:
    """Whether query, key and value of every layer are all integer or all float, so that one matrix can hold them."""
    packed = {module for scheme in schemes for module in scheme.modules}
    parts: dict[str, int] = {}
    for module in packed:
        owner, _, leaf = module.rpartition(".")
        if leaf in ("q_proj", "k_proj", "v_proj"):
            parts[owner] = parts.get(owner, 0) + 1
    return all(count == 3 for count in parts.values())


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
    layer, part, leaf = found.groups()
    owner = f"model.layers.{layer}.{_PARTS[part]}"
    if leaf == "qkv_proj":
        return tuple(f"{owner}.{letter}_proj" for letter in "qkv")
    return (f"{owner}.{leaf}",)
