"""Time of every node by OpenVINO's own counters."""

from __future__ import annotations

from collections.abc import Sequence

from engine.compare.modules import Half, Place
from engine.runtimes.base import OpenRequest
from engine.runtimes.openvino.compiled import executed
from engine.runtimes.openvino.session import Counted, OpenVinoSession, open_session
from engine.runtimes.profiled import Profiled, Spent, weights_of


def open_profiled(request: OpenRequest) -> Profiled:
    """Open the model of `request` with its counters on."""
    return _OpenVinoProfiled(open_session(request, profile=True))


class _Nodes:
    """The nodes that one request computes, of `half` of an encoder-decoder."""

    def __init__(self, request: Counted, half: Half) -> None:
        self._request, self._half = request, half
        nodes = executed(request.get_compiled_model().get_runtime_model(), half)
        self._places = {node.name: node.place for node in nodes}
        self.weights = [(node.place, node.weight_bytes) for node in nodes]
        self._before: tuple[int, Spent] = (0, {})

    def begin(self) -> None:
        """An observation begins."""
        self._before = (self._request.runs, self._sums())

    def spent(self) -> Spent:
        """Seconds since then; empty where nothing was computed."""
        runs, before = self._before
        if self._request.runs == runs:
            return {}
        return {key: max(0.0, now - before.get(key, 0.0)) for key, now in self._sums().items()}

    def _sums(self) -> Spent:
        """Seconds of all inferences so far."""
        found: Spent = {}
        runs = self._request.runs
        for node in self._request.get_profiling_info() if runs else ():
            seconds = node.real_time.total_seconds() * runs
            if seconds:
                key = (self._places.get(node.node_name, Place(half=self._half)), node.node_type)
                found[key] = found.get(key, 0.0) + seconds
        return found


class _OpenVinoProfiled(Profiled):
    """The counters tell the mean of all inferences so far, in whole microseconds.

    What a few of them took is a difference of two such sums, which is off by less than the number of inferences so far,
    in microseconds a node.
    """

    together = 4

    def __init__(self, session: OpenVinoSession) -> None:
        self._opened = session
        halves: tuple[Half, ...] = ("encoder", "decoder") if len(session.counted) > 1 else ("",)
        self._requests = [_Nodes(*both) for both in zip(session.counted, halves, strict=True)]
        super().__init__(session, weights_of([weight for one in self._requests for weight in one.weights]))
        self._nodes: list[Spent] = []

    def close(self) -> None:
        """As the base class says."""
        self._requests = []
        self._opened.counted.clear()
        super().close()

    def _begin(self) -> None:
        for request in self._requests:
            request.begin()

    def _end(self) -> None:
        together: Spent = {}
        for request in self._requests:
            for key, seconds in request.spent().items():  # both may work for a part: the prompt's keys and values
                together[key] = together.get(key, 0.0) + seconds / self.together
        self._nodes.append(together)

    def _collect(self) -> Sequence[Spent]:
        return self._nodes
