"""An open OpenVINO model. A decoder keeps its keys and values itself; what is taken back is hidden, not moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.runtimes.base import Floats, Ids, OpenRequest, Session, TextBatch
from engine.runtimes.encoder_calls import EncoderCalls
from engine.runtimes.limits import context_length, ending_tokens
from engine.runtimes.openvino import settings as arithmetic
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.limits import HEAD, MODEL, PLUGINS
from engine.runtimes.openvino.settings import Settings

_READ = "read_positions"
_CROWDED = 64  # hidden slots of the cache before it is packed
_FIRST = 256  # slots that a new mask has room for beyond its prompt; it doubles from there


class Counted:
    """OpenVINO's inference request, counting its inferences: a profile tells means over all of them.

    Attributes:
        runs: how many there were.
    """

    def __init__(self, request: Any) -> None:
        self._request, self.runs = request, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def infer(self, *arguments: Any, **options: Any) -> Any:
        """As the request's."""
        self.runs += 1
        return self._request.infer(*arguments, **options)


class OpenVinoSession(Session):
    """What all models share. `settings` overrides what the graph's file says; `profile` times every node.

    Attributes:
        counted: the requests whose nodes are timed; an encoder-decoder's are its encoder and its decoder.
    """

    def __init__(self, request: OpenRequest, settings: Settings | None = None, profile: bool = False) -> None:
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = request.device, request.artefact.weight_bytes
        self.eos, self.context_length = ending_tokens(request.folder), context_length(request.folder)
        self._core = ov.Core()
        self.counted: list[Counted] = []
        self._config: dict[str, str] = {"PERFORMANCE_HINT": "LATENCY"}
        self._settings = settings or arithmetic.read(request.folder)
        if self.device == "intel-npu":
            return  # it has one stream and one arithmetic
        native = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") if self.device == "cpu" else ()
        self._settings = self._settings.on(self.device, native)
        self._config |= {**self._settings.options, "NUM_STREAMS": "1"}
        if self.device == "cpu":
            self._config["INFERENCE_NUM_THREADS"] = str(request.threads)
            # replicas would all be pinned to the same cores
            self._config["ENABLE_CPU_PINNING"] = "YES" if request.artefact.target.replicas == 1 else "NO"
            self._config["PERF_COUNT"] = "YES" if profile else "NO"

    def _read(self) -> Any:
        return self._core.read_model(self.folder / MODEL)

    def _request(self, model: Any) -> Any:
        request = self._core.compile_model(model, PLUGINS[self.device], self._config).create_infer_request()
        if self._config.get("PERF_COUNT") != "YES":
            return request
        self.counted.append(Counted(request))
        return self.counted[-1]


class DecoderSession(OpenVinoSession):
    """A decoder.

    The cache has a slot for every token that was read. Slots of padding and of tokens that were taken back are masked,
    so that taking back costs nothing; once there are many, the cache is packed.
    """

    def __init__(self, request: OpenRequest, settings: Settings | None = None, profile: bool = False) -> None:
        super().__init__(request, settings, profile)
        model = self._read()
        _read_only(model, HEAD)
        self._model: Any = self._request(model)
        self._mask = np.ones((0, 0), np.int64)
        self._live: list[int] = []  # slots of the open sequence, padding included
        self._slots = 0

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V].

        `mask` [B, T] is 1 on real tokens and 0 on the padding left of them; without it every token is real.
        """
        self._start(ids, mask)
        return self._append(ids, np.array([ids.shape[1] - 1], np.int64))[:, 0]

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        return self.extend(ids[:, None])[:, 0]

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        if not self._live:
            raise ValueError("no sequence is open")
        self._reserve(ids.shape[1])
        self._mask[:, self._slots : self._slots + ids.shape[1]] = 1
        return self._append(ids, np.arange(ids.shape[1], dtype=np.int64))

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        if not 0 <= count < len(self._live):
            raise ValueError(f"the sequence has {len(self._live)} positions; {count} cannot be taken back")
        if count == 0:
            return
        self._mask[:, self._live[-count:]] = 0
        del self._live[-count:]
        if self._slots - len(self._live) >= _CROWDED and self._settings.cache != "i8":
            self._pack()  # a GPU does not let the numbers of such a cache be read

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._start(ids, None)
        logits = self._append(ids, np.arange(ids.shape[1], dtype=np.int64))
        self._model.reset_state()
        self._live, self._slots = [], 0
        return logits

    def close(self) -> None:
        """Free the weights and the cache."""
        self._model = None

    def _start(self, ids: Ids, mask: Ids | None) -> None:
        self._model.reset_state()
        self._live, self._slots = [], 0
        self._mask = np.zeros((len(ids), ids.shape[1] + _FIRST), np.int64)
        self._mask[:, : ids.shape[1]] = 1 if mask is None else mask

    def _append(self, ids: Ids, read: Ids) -> Floats:
        """Run `ids` [B, T], whose mask is set, after what the cache holds; the logits at `read` [R]: [B, R, V]."""
        total = len(self._live) + ids.shape[1]
        if total > self.context_length:
            raise ValueError(f"the sequence would reach {total} tokens; the model holds {self.context_length}")
        end = self._slots + ids.shape[1]
        mask = np.ascontiguousarray(self._mask[:, :end])
        positions = np.maximum(mask.cumsum(1)[:, self._slots :] - 1, 0)
        inputs = {
            "input_ids": np.ascontiguousarray(ids),
            "attention_mask": mask,
            "position_ids": np.ascontiguousarray(positions),
            "beam_idx": np.arange(len(ids), dtype=np.int32),
            _READ: read,
        }
        # its own ways to hand over inputs and outputs take a percent or two of a small model's time
        for name, array in inputs.items():
            self._model.set_tensor(name, ov.Tensor(array))
        self._model.infer(share_outputs=True)
        logits: Floats = self._model.get_tensor("logits").data.copy()
        self._live += range(self._slots, end)
        self._slots = end
        return logits

    def _reserve(self, more: int) -> None:
        """Make room in the mask for `more` slots."""
        needed = self._slots + more
        if needed > self._mask.shape[1]:
            wider = np.zeros((len(self._mask), max(needed, 2 * self._mask.shape[1])), np.int64)
            wider[:, : self._slots] = self._mask[:, : self._slots]
            self._mask = wider

    def _pack(self) -> None:
        """Remove hidden slots from the cache; what each row held stays where it is."""
        for state in self._model.query_state():
            kept = np.ascontiguousarray(state.state.data[:, :, self._live])
            state.state = ov.Tensor(kept)
        kept_mask = self._mask[:, self._live]
        self._mask[:, : kept_mask.shape[1]] = kept_mask
        self._mask[:, kept_mask.shape[1] :] = 0
        self._slots = len(self._live)
        self._live = list(range(self._slots))


class EncoderSession(EncoderCalls, OpenVinoSession):
    """An encoder: hidden states, class logits, or logits of masked tokens. Each output is compiled on first use."""

    def __init__(self, request: OpenRequest, settings: Settings | None = None, profile: bool = False) -> None:
        super().__init__(request, settings, profile)
        self._requests: dict[str, Any] = {}
        self._output("logits" if self.task.endswith("-classification") else "last_hidden_state")

    def close(self) -> None:
        """Free the weights."""
        self._requests = {}

    def _output(self, name: str) -> Any:
        if name not in self._requests:
            self._requests[name] = self._request(self._outputs_only(name))
        return self._requests[name]

    def _outputs_only(self, name: str) -> Any:
        """The graph without what gives its other outputs."""
        model = self._read()
        for port in list(model.outputs):
            if name not in port.get_names():
                model.remove_result(port.get_node())
        return model

    def _run(self, output: str, batch: TextBatch) -> Floats:
        request = self._output(output)
        feeds = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if any("token_type_ids" in port.get_names() for port in request.model_inputs):
            types = batch.token_type_ids
            feeds["token_type_ids"] = np.zeros_like(batch.input_ids) if types is None else types
        result: Floats = request.infer({name: np.ascontiguousarray(ids) for name, ids in feeds.items()})[output]
        return result


def _read_only(model: Any, head: str) -> None:
    """Let `model` compute its head only at the positions of a new input, so that a prompt costs one row of logits."""
    product = next(node for node in model.get_ops() if node.get_friendly_name() == head)
    read = ops.parameter([-1], ov.Type.i64, name=_READ)
    read.output(0).get_tensor().set_names({_READ})
    model.add_parameters([read])
    chosen = ops.gather(product.input_value(0), read, ops.constant(np.array(1, np.int64)))
    product.input(0).replace_source_output(chosen.output(0))
    model.validate_nodes_and_infer_types()


def open_session(request: OpenRequest, settings: Settings | None = None, *, profile: bool = False) -> OpenVinoSession:
    """Open the artefact of `request`; `profile` times every node, on the processor only."""
    if request.device == "intel-npu":
        from engine.runtimes.openvino.npu import NpuDecoderSession, NpuEncoderSession

        npu = NpuDecoderSession if request.artefact.task == "text-generation" else NpuEncoderSession
        return npu(request, settings)
    if request.artefact.task == "text-generation":
        return DecoderSession(request, settings, profile)
    if request.artefact.task == "text2text-generation":
        from engine.runtimes.openvino.text2text_session import OpenVinoText2TextSession

        return OpenVinoText2TextSession(request, settings, profile)
    return EncoderSession(request, settings, profile)
