"""Time of every node by OpenVINO's own counters."""

from __future__ import annotations

from collections.abc import Sequence

from engine.compare.modules import SHARED
from engine.runtimes.base import OpenRequest
from engine.runtimes.openvino.compiled import executed
from engine.runtimes.openvino.session import OpenVinoSession, open_session
from engine.runtimes.profiled import Profiled, Spent, weights_of


def open_profiled(request: OpenRequest) -> Profiled:
    """Open the decoder or encoder of `request` with its counters on."""
    return _OpenVinoProfiled(open_session(request, profile=True))


class _OpenVinoProfiled(Profiled):
    """The counters tell the mean of all inferences so far, in whole microseconds.

    What a few of them took is a difference of two such sums, which is off by less than the number of inferences so far,
    in microseconds a node. A call is one inference.
    """

    together = 4

    def __init__(self, session: OpenVinoSession) -> None:
        self._request = session.request
        nodes = executed(self._request.get_compiled_model().get_runtime_model())
        self._places = {node.name: node.place for node in nodes}
        super().__init__(session, weights_of([(node.place, node.weight_bytes) for node in nodes]))
        self._before: Spent = {}
        self._nodes: list[Spent] = []

    def close(self) -> None:
        """As the base class says."""
        self._request = None
        super().close()

    def _begin(self) -> None:
        self._before = self._sums()

    def _end(self) -> None:
        before = self._before
        spent = {key: (now - before.get(key, 0.0)) / self.together for key, now in self._sums().items()}
        self._nodes.append({key: max(0.0, seconds) for key, seconds in spent.items()})

    def _collect(self) -> Sequence[Spent]:
        return self._nodes

    def _sums(self) -> Spent:
        """Seconds of all inferences so far."""
        found: Spent = {}
        for node in self._request.get_profiling_info():
            seconds = node.real_time.total_seconds() * self.calls
            if seconds:
                key = (self._places.get(node.node_name, SHARED), node.node_type)
                found[key] = found.get(key, 0.0) + seconds
        return found
