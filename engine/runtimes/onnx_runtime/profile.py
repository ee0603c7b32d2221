"""Time of every node by ONNX Runtime's own profiler."""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.compare.compiled import Node
from engine.compare.modules import Half, Place
from engine.runtimes.base import OpenRequest
from engine.runtimes.onnx_runtime.compiled import nodes_of, optimised
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER, MODEL
from engine.runtimes.onnx_runtime.session import OnnxSession, open_session
from engine.runtimes.onnx_runtime.text2text_session import OnnxText2TextSession
from engine.runtimes.profiled import Profiled, Spent, weights_of

_NODE = "_kernel_time"  # how the event of a computed node is named behind the node's name


def open_profiled(request: OpenRequest) -> Profiled:
    """Open the model of `request` under the profiler."""
    both = request.artefact.task == "text2text-generation"
    files: dict[Half, str] = {"encoder": ENCODER, "decoder": DECODER} if both else {"": MODEL}
    nodes = {}
    for half, name in files.items():
        with optimised(request.folder / name, request.device) as made:
            nodes[half] = nodes_of(made.model, half=half)
    return _OnnxProfiled(request, nodes)


class _Counted:
    """ONNX Runtime's session, counting its runs: the profiler does not say whose a run was.

    Attributes:
        half: which half of an encoder-decoder it computes.
        places: where its nodes belong, by name.
        runs: how many there were.
        calls: how many there were before and after each observation.
    """

    def __init__(self, session: Any, half: Half, nodes: Sequence[Node]) -> None:
        self._session, self.half, self.runs = session, half, 0
        self.places: dict[str, Place] = {node.name: node.place for node in nodes}
        self.calls: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *arguments: Any) -> Any:
        """As the session's."""
        self.runs += 1
        return self._session.run(*arguments)

    def run_with_iobinding(self, *arguments: Any) -> Any:
        """As the session's."""
        self.runs += 1
        return self._session.run_with_iobinding(*arguments)

    def run_with_ort_values(self, *arguments: Any) -> Any:
        """As the session's."""
        self.runs += 1
        return self._session.run_with_ort_values(*arguments)


class _OnnxProfiled(Profiled):
    """The profiler writes a file of events for each graph, which it ends only once."""

    def __init__(self, request: OpenRequest, nodes: Mapping[Half, Sequence[Node]]) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        session = open_session(request, profile=str(Path(self._scratch.name) / "times"))
        super().__init__(
            session, weights_of([(node.place, node.weight_bytes) for own in nodes.values() for node in own])
        )
        self._graphs: list[_Counted] = []
        for half, own in nodes.items():
            name = half or "graph"
            assert isinstance(session, OnnxSession | OnnxText2TextSession)
            counted = _Counted(getattr(session, name), half, own)
            setattr(session, name, counted)
            self._graphs.append(counted)
        self._before: list[int] = []

    def close(self) -> None:
        """As the base class says; the profiler's file goes too."""
        super().close()
        self._graphs = []  # which have the files open
        self._scratch.cleanup()

    def _begin(self) -> None:
        self._before = [graph.runs for graph in self._graphs]

    def _end(self) -> None:
        for graph, before in zip(self._graphs, self._before, strict=True):
            graph.calls.append((before, graph.runs))

    def _collect(self) -> Sequence[Spent]:
        found: list[Spent] = [{} for _ in self._graphs[0].calls]
        for graph in self._graphs:
            runs = _by_run(graph)
            for spent, (begin, end) in zip(found, graph.calls, strict=True):
                for run in runs[begin:end]:
                    for key, seconds in run.items():
                        spent[key] = spent.get(key, 0.0) + seconds / self.together
        return found


def _by_run(graph: _Counted) -> list[Spent]:
    """Seconds in each run of `graph`, in order. Ends its profiler."""
    starts, nodes = [], []
    for event in _events(Path(graph.end_profiling())):
        if event["name"] == "model_run":
            starts.append(event["ts"])
        elif event.get("cat") == "Node" and event["name"].endswith(_NODE):
            nodes.append((event["ts"], event["name"].removesuffix(_NODE), event["args"]["op_name"], event["dur"]))
    starts.sort()
    runs: list[Spent] = [{} for _ in starts]
    for begun, name, operator, microseconds in nodes:
        run = runs[bisect_right(starts, begun) - 1]
        key = (graph.places.get(name, Place(half=graph.half)), operator)
        run[key] = run.get(key, 0.0) + microseconds / 1e6
    return runs


def _events(file: Path) -> Iterator[dict[str, Any]]:
    """The events in `file`, which has one a line: the whole of it may be large."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().rstrip(",")
            if text.startswith("{"):
                yield json.loads(text)
