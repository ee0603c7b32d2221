"""The graph that ONNX Runtime's optimisation makes of a model, read back node by node."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir
import onnxruntime as ort

from engine.compare.compiled import CompiledGraph, Node, State
from engine.compare.modules import Half, Place, attribute, place_of
from engine.runtimes.base import OpenRequest
from engine.runtimes.onnx_runtime.limits import MODEL

CPU = "CPUExecutionProvider"
_DATA = "optimised.data"
_INTEGER = ("MatMulNBits", "GatherBlockQuantized")
# operators whose results have the type of their first input
_KEEP_TYPE = frozenset(
    {
        "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Tanh", "Relu", "Softmax", "ReduceMean", "MatMul", "Gemm",
        "LayerNormalization", "SimplifiedLayerNormalization", "Slice", "Unsqueeze", "Squeeze", "Reshape", "Transpose",
        "Concat", "Expand", "Gather", "MatMulNBits", "FusedMatMul", "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization", "MultiHeadAttention", "GroupQueryAttention", "RotaryEmbedding", "Gelu",
        "BiasGelu", "FastGelu", "QuickGelu", "Attention", "TensorScatter", "RMSNormalization",
    }
)  # fmt: skip
_PRODUCTS = ("MatMul", "Gemm", "FusedMatMul", "MatMulNBits")
_SCALES = 2  # input of GatherBlockQuantized whose type its results have


@dataclass(frozen=True)
class Optimised:
    """A graph as ONNX Runtime runs it.

    Attributes:
        model: its nodes; the weights are named, their bytes lie nowhere.
        file: where it is written.
        placed: (provider, node's name, operator) of every node, noted before the last fusions.
    """

    model: ir.Model
    file: Path
    placed: tuple[tuple[str, str, str], ...]


@contextlib.contextmanager
def optimised(graph: Path, device: str) -> Iterator[Optimised]:
    """What the graph in file `graph` becomes on `device`; it may be read within only."""
    with tempfile.TemporaryDirectory(dir=graph.parent) as scratch:
        file = Path(scratch) / MODEL
        with contextlib.suppress(OSError, NotImplementedError):  # Windows, where it is written and removed
            (Path(scratch) / _DATA).symlink_to(os.devnull)  # nobody reads the rearranged weights
        placed = save_optimised(graph, file, device, _DATA)
        yield Optimised(ir.load(file), file, placed)


def save_optimised(graph: Path, file: Path, device: str, data: str) -> tuple[tuple[str, str, str], ...]:
    """Write what the graph in file `graph` becomes on `device` to `file`, its large weights to `data` beside it.

    Returns (provider, node's name, operator) of every node.
    """
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(file)
    options.log_severity_level = 3  # it warns that the file is for this machine alone
    for key, value in (
        ("session.record_ep_graph_assignment_info", "1"),
        ("session.optimized_model_external_initializers_file_name", data),
        ("session.optimized_model_external_initializers_min_size_in_bytes", "1024"),
        ("session.disable_prepacking", "1"),
    ):
        options.add_session_config_entry(key, value)
    providers = ["CUDAExecutionProvider", CPU] if device == "cuda" else [CPU]
    session = ort.InferenceSession(str(graph), options, providers=providers)
    return tuple(
        (part.ep_name, node.name, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    )


def read_graph(request: OpenRequest) -> CompiledGraph:
    """The graph of the artefact of `request`, before and after."""
    file = request.folder / MODEL
    before = ir.load(file)
    with optimised(file, request.device) as made:
        kept = {node.name for node in made.model.graph}
        old = {node.name for node in before.graph}
        on_cpu = {name for provider, name, _ in made.placed if provider == CPU and request.device == "cuda"}
        return CompiledGraph(
            compiler=f"ONNX Runtime {ort.__version__}",
            before=nodes_of(before, lambda node: "same" if node.name in kept else "gone"),
            after=nodes_of(made.model, lambda node: _state(node, old, on_cpu)),
        )


def write_graphs(request: OpenRequest, folder: Path) -> None:
    """Write built.onnx and compiled.onnx into `folder`; their large weights lie elsewhere, small ones within."""
    source = request.folder / MODEL
    shutil.copyfile(source, folder / "built.onnx")
    with optimised(source, request.device) as made:
        count = len(made.model.graph)
        shutil.copyfile(made.file, folder / "compiled.onnx")
    if len(ir.load(folder / "compiled.onnx").graph) != count:
        raise RuntimeError("the written graph has other nodes than the compiled one")


def _state(node: ir.Node, old: set[str | None], on_cpu: set[str]) -> State:
    if node.name in on_cpu:
        return "fallback"
    if node.domain.startswith("com.microsoft"):
        return "fused"
    return "same" if node.name in old else "added"


def nodes_of(
    model: ir.Model, state: Callable[[ir.Node], State] = lambda node: "same", half: Half = ""
) -> tuple[Node, ...]:
    """The nodes of `model` in order, each with the part that it works for; `half` as in `place_of`."""
    nodes = list(model.graph)
    numbers = {id(node): number for number, node in enumerate(nodes)}
    sources = [_sources(node, numbers) for node in nodes]
    places = attribute([_place(node, half) for node in nodes], sources, half)
    types: dict[str, str] = {}
    found = []
    for node, place, read in zip(nodes, places, sources, strict=True):
        kind = result_type(node, types)
        types.update({output.name or "": kind for output in node.outputs})
        found.append(
            Node(
                name=node.name or "",
                operator=node.op_type,
                place=place,
                sources=read,
                state=state(node),
                precision=weight_type(node) or kind,
                weight_bytes=sum(_bytes(value) for value in node.inputs if value is not None),
            )
        )
    return tuple(found)


def _sources(node: ir.Node, numbers: dict[int, int]) -> tuple[int, ...]:
    makers = (value.producer() for value in node.inputs if value is not None)
    return tuple(dict.fromkeys(numbers[id(maker)] for maker in makers if maker is not None))


def _place(node: ir.Node, half: Half) -> Place | None:
    """Where `node` belongs by its own name, else by the names of the weights that it holds.

    A product with an embedding's rows is the head that is tied to it.
    """
    own = place_of(node.name or "", half)
    if own is not None:
        return own
    weights = [value.name or "" for value in node.inputs if value is not None and value.is_initializer()]
    place = next(filter(None, (place_of(weight, half) for weight in weights)), None)
    tied = place is not None and place.kind == "embedding" and node.op_type in _PRODUCTS
    return Place(kind="head", half=half) if tied else place


def _bytes(value: ir.Value) -> int:
    """Bytes of the weight `value`; 0 for what a node computed, and for tables that are none of the checkpoint's."""
    tensor = value.const_value
    known = tensor is not None and value.is_initializer() and place_of(value.name or "") is not None
    return tensor.nbytes if tensor is not None and known else 0


def weight_type(node: ir.Node) -> str:
    """The type of the weights that `node` multiplies or looks up; empty for a node without."""
    if node.op_type in _INTEGER:
        bits = node.attributes.get_int("bits", 4)
        level = f", accuracy level {node.attributes.get_int('accuracy_level', 0)}"
        return f"int{bits}" + (level if node.op_type == "MatMulNBits" else "")
    if node.op_type not in (*_PRODUCTS, "Gather"):
        return ""
    weight = next((value for value in node.inputs if value is not None and value.is_initializer()), None)
    if weight is None or weight.dtype is None or not weight.dtype.is_floating_point():
        return ""
    return _type(weight)


def result_type(node: ir.Node, types: dict[str, str]) -> str:
    """The type of what `node` computes; where the graph does not say, that of its input if it keeps the type.

    `types` holds those of the nodes before it, by value.
    """
    place = _SCALES if node.op_type == "GatherBlockQuantized" else 0
    keeps = node.op_type in _KEEP_TYPE or place == _SCALES
    given = node.inputs[place] if keeps and len(node.inputs) > place else None
    return _type(node.outputs[0]) or (_type(given) or types.get(given.name or "", "") if given is not None else "")


def _type(value: ir.Value) -> str:
    """The type of the numbers in `value`; empty where the graph does not say."""
    name = value.dtype.name if value.dtype else ""
    return {"FLOAT": "float32"}.get(name, name.lower())
