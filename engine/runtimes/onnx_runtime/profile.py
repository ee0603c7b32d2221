"""Time of every node by ONNX Runtime's own profiler."""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.compare.modules import SHARED, Place
from engine.runtimes.base import OpenRequest
from engine.runtimes.onnx_runtime.compiled import nodes_of, optimised
from engine.runtimes.onnx_runtime.limits import MODEL
from engine.runtimes.onnx_runtime.session import OnnxSession, open_graph
from engine.runtimes.profiled import Profiled, Spent, weights_of

_NODE = "_kernel_time"  # how the event of a computed node is named behind the node's name


def open_profiled(request: OpenRequest) -> Profiled:
    """Open the decoder or encoder of `request` under the profiler."""
    with optimised(request.folder / MODEL, request.device) as made:
        nodes = nodes_of(made.model)
    return _OnnxProfiled(request, {node.name: node.place for node in nodes}, weights_of([
        (node.place, node.weight_bytes) for node in nodes
    ]))  # fmt: skip


class _Counted:
    """ONNX Runtime's session, counting its runs: the profiler does not say whose a run was."""

    def __init__(self, session: Any) -> None:
        self._session, self.runs = session, 0

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


class _OnnxProfiled(Profiled):
    """The profiler writes a file of events, which it ends only once."""

    def __init__(self, request: OpenRequest, places: dict[str, Place], weight_bytes: dict[Place, int]) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        session = open_graph(request, profile=str(Path(self._scratch.name) / "times"))
        super().__init__(session, weight_bytes)
        assert isinstance(session, OnnxSession)
        self._runner: Any = _Counted(session.graph)
        session.graph = self._runner
        self._places, self._calls = places, list[tuple[int, int]]()
        self._before = 0

    def close(self) -> None:
        """As the base class says; the profiler's file goes too."""
        super().close()
        self._runner = None  # which has the file open
        self._scratch.cleanup()

    def _begin(self) -> None:
        self._before = self._runner.runs

    def _end(self) -> None:
        self._calls.append((self._before, self._runner.runs))

    def _collect(self) -> Sequence[Spent]:
        runs = self._by_run(Path(self._runner.end_profiling()))
        found = []
        for begin, end in self._calls:
            spent: Spent = {}
            for run in runs[begin:end]:
                for key, seconds in run.items():
                    spent[key] = spent.get(key, 0.0) + seconds / self.together
            found.append(spent)
        return found

    def _by_run(self, file: Path) -> list[Spent]:
        """Seconds in each run of the session, in order."""
        starts, nodes = [], []
        for event in _events(file):
            if event["name"] == "model_run":
                starts.append(event["ts"])
            elif event.get("cat") == "Node" and event["name"].endswith(_NODE):
                nodes.append((event["ts"], event["name"].removesuffix(_NODE), event["args"]["op_name"], event["dur"]))
        starts.sort()
        runs: list[Spent] = [{} for _ in starts]
        for begun, name, operator, microseconds in nodes:
            run = runs[bisect_right(starts, begun) - 1]
            key = (self._places.get(name, SHARED), operator)
            run[key] = run.get(key, 0.0) + microseconds / 1e6
        return runs


def _events(file: Path) -> Iterator[dict[str, Any]]:
    """The events in `file`, which has one a line: the whole of it may be large."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().rstrip(",")
            if text.startswith("{"):
                yield json.loads(text)
