"""The graph that OpenVINO's processor plugin runs, read back node by node."""

from __future__ import annotations

import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.compare.compiled import CompiledGraph, Node, State
from engine.compare.modules import Half, Place, attribute, place_of
from engine.runtimes.base import OpenRequest
from engine.runtimes.openvino import settings as arithmetic
from engine.runtimes.openvino.library import ov
from engine.runtimes.openvino.limits import MODEL, PLUGINS
from engine.runtimes.openvino.report import FUSED, VALUES, does_more, sources_of, told, type_of, weight_of


def read_graph(request: OpenRequest) -> CompiledGraph:
    """The graph of the artefact of `request`, before and after."""
    model, compiled = _both(request)
    after = executed(compiled)
    kept = {name for node in after for name in (node.name, *node.originals)}
    return CompiledGraph(
        compiler=f"OpenVINO {ov.__version__.partition('-')[0]}", before=_built(model, kept), after=after
    )


def write_graphs(request: OpenRequest, folder: Path) -> None:
    """Write built.xml and compiled.xml into `folder`; their weights lie elsewhere."""
    _, compiled = _both(request)
    shutil.copyfile(request.folder / MODEL, folder / "built.xml")
    with tempfile.TemporaryDirectory() as scratch:
        ov.serialize(compiled, folder / "compiled.xml", Path(scratch) / "compiled.bin")
    layers = ET.parse(folder / "compiled.xml").getroot().findall("layers/layer")
    if len(layers) != len(compiled.get_ops()):
        raise RuntimeError("the written graph has other nodes than the compiled one")


def _both(request: OpenRequest) -> tuple[Any, Any]:
    """The model of `request`, and the runtime model that is made of it."""
    core = ov.Core()
    model = core.read_model(request.folder / MODEL)
    compiled = core.compile_model(model, PLUGINS[request.device], arithmetic.read(request.folder).options)
    return model, compiled.get_runtime_model()


def executed(model: Any, half: Half = "") -> tuple[Node, ...]:
    """The nodes of the runtime model `model`, each with the part that it works for; `half` as in `place_of`."""
    nodes = [node for node in model.get_ordered_ops() if told(node, "layerType") not in VALUES]
    originals = [tuple(filter(None, told(node, "originalLayersNames").split(","))) for node in nodes]
    names = [node.get_friendly_name() for node in nodes]
    known = [_place(name, others, half) for name, others in zip(names, originals, strict=True)]
    sources = _numbered(nodes)
    found = []
    for node, name, others, place, read in zip(
        nodes, names, originals, attribute(known, sources, half), sources, strict=True
    ):
        layer = told(node, "layerType")
        weight = weight_of(node, layer)
        found.append(
            Node(
                name=name,
                operator=layer,
                place=place,
                sources=read,
                state="fused" if does_more(node, layer, weight) else _state(layer, name, others),
                precision=weight or type_of(told(node, "outputPrecisions")),
                weight_bytes=sum(_bytes(source) for source in sources_of(node) if told(source, "layerType") == "Const"),
                originals=others,
            )
        )
    return tuple(found)


def _state(layer: str, name: str, originals: Sequence[str]) -> State:
    if layer in FUSED or len(originals) > 1:
        return "fused"
    return "same" if name in originals or not originals else "added"


def _built(model: Any, kept: set[str]) -> tuple[Node, ...]:
    """The nodes of `model`, constants left out."""
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() not in VALUES]
    sources = _numbered(nodes)
    places = attribute([_place(node.get_friendly_name(), ()) for node in nodes], sources)
    return tuple(
        Node(
            name=node.get_friendly_name(),
            operator=node.get_type_name(),
            place=place,
            sources=read,
            state="same" if node.get_friendly_name() in kept else "gone",
            precision=type_of(node.get_output_element_type(0).to_string()) if node.get_output_size() else "",
            weight_bytes=sum(_bytes(source) for source in sources_of(node) if source.get_type_name() == "Constant"),
        )
        for node, place, read in zip(nodes, places, sources, strict=True)
    )


def _place(name: str, originals: Sequence[str], half: Half = "") -> Place | None:
    return next(filter(None, (place_of(one, half) for one in (name, *originals))), None)


def _numbered(nodes: Sequence[Any]) -> list[tuple[int, ...]]:
    """The numbers of the nodes that each of `nodes` reads."""
    numbers = {node.get_friendly_name(): number for number, node in enumerate(nodes)}
    read = ((source.get_friendly_name() for source in sources_of(node)) for node in nodes)
    return [tuple(dict.fromkeys(numbers[name] for name in names if name in numbers)) for names in read]


def _bytes(constant: Any) -> int:
    """Bytes of a constant."""
    output = constant.output(0)
    count = 1
    for size in output.get_shape():
        count *= int(size)
    return count * int(output.get_element_type().bitwidth) // 8
