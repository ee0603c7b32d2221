"""What a runtime declares, what it builds, and what an open model can do."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from engine.checkpoint.info import CheckpointInfo, Task
from engine.passes.base import StepContext
from engine.recipe.options import Options
from engine.recipe.recipe import DEVICES, Device, Target

if TYPE_CHECKING:
    from engine.protocol.job import Sampling
    from engine.recipe.validate import Problem

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MANIFEST = "hasten.json"
DRAFT = "draft"  # folder of an artefact's draft model, an artefact itself


@dataclass(frozen=True)
class Availability:
    """Whether a runtime works on this machine, and if not, why and what to do. Sentences end in full stops.

    Attributes:
        limits: what a usable one cannot do here, with the remedy: open models that were built, but build none.
        refused: why it cannot compute on further devices that it knows, by device.
    """

    usable: bool
    devices: tuple[Device, ...] = ()
    version: str = ""
    reason: str = ""
    remedy: str = ""
    limits: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    def refusal(self, title: str, device: str) -> str:
        """Why the runtime `title` cannot compute on `device`; empty where it can."""
        if device in self.devices:
            return ""
        return self.refused.get(device) or f"{title} cannot use {DEVICES[device]} on this machine."


@dataclass(frozen=True)
class RuntimeSpec:
    """A runtime as data; importing it must not import torch or the runtime's library.

    Attributes:
        availability: found without importing the library (importlib.util.find_spec, shutil.which).
        check: what it cannot hold of this layout, with the nearest thing it can as the fix.
        build: "module:function" of `build(context) -> Artefact`; the caller writes the manifest (open.write_artefact).
        open: "module:function" of `open_session(request: OpenRequest) -> Session`.
        tasks: the tasks it can run.
        peak_bytes: an estimate of the memory that building from this layout takes at its peak.
        artefact_bytes: an estimate of the artefact's size on disk, shared files counted.
        weight_bytes: bytes of weights that a build of this layout will read, foreseen from headers.
        extra: the optional dependency group that brings it.
        reports_graph: its artefacts tell what its compiler did to the graph (engine.compare.graph).
        profile: "module:function" of `open_profiled(request: OpenRequest) -> runtimes.profiled.Profiled`, on the
            CPU; empty where its library does not tell what it spends its time on.
        graph: "module:function" of `read_graph(request: OpenRequest) -> CompiledGraph` (engine.compare.compiled), for
            models of one graph; empty where its compiler does not show it.
        graph_files: "module:function" of `write_graphs(request: OpenRequest, folder: Path)`, which writes both graphs
            without their weights in the runtime's own format and reads them back; where there is `graph`.
    """

    name: str
    title: str
    summary: str
    options: type[Options]
    availability: Callable[[], Availability]
    check: Callable[[CheckpointInfo, Any, Target], Iterable[Problem]]
    build: str
    open: str
    tasks: frozenset[Task]
    peak_bytes: Callable[[CheckpointInfo, Any], int]
    artefact_bytes: Callable[[CheckpointInfo, Any], int]
    weight_bytes: Callable[[CheckpointInfo, Any], int]
    extra: str = ""
    version: int = 1
    reports_graph: bool = False
    profile: str = ""
    graph: str = ""
    graph_files: str = ""


class Artefact(BaseModel):
    """A built model: a folder with this manifest as hasten.json, movable and complete in itself.

    Attributes:
        runtime: name in the runtime catalogue.
        task: what the model is for.
        target: what it was built for (device, threads, options).
        weight_bytes: bytes of all weights that the runtime reads, scales included.
        files: paths relative to the folder.
        facts: what the builder found (nodes, fusions, KL against the twin, accuracy level).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["hasten-artefact"] = "hasten-artefact"
    version: Literal[1] = 1
    runtime: str
    task: Task
    target: Target
    weight_bytes: int
    files: tuple[str, ...]
    facts: dict[str, str | int | float | bool | None] = {}


@dataclass(frozen=True)
class BuildContext(StepContext):
    """What a runtime's builder is given.

    Attributes:
        source: the checkpoint folder.
        destination: an existing empty folder for the artefact; tokenizer files belong in it too.
        info: the source's layout.
        options: an instance of the runtime's option set.
        target: device, threads and placement.
    """

    source: Path
    destination: Path
    info: CheckpointInfo
    options: Any
    target: Target
    scratch: Path = field(default_factory=Path)


@dataclass(frozen=True)
class OpenRequest(StepContext):
    """What a runtime's opener is given. `step` lets an opener that compiles show its progress.

    Attributes:
        folder: the artefact's folder.
        artefact: its manifest.
        threads: compute threads, already decided.
        device: one of the recipe's devices, already decided.
    """

    folder: Path
    artefact: Artefact
    threads: int
    device: str


@dataclass(frozen=True)
class Step:
    """One generated token: its id, the seconds it took, its probability (None when not asked for), end of text."""

    token_id: int
    seconds: float
    probability: float | None
    end: bool


@dataclass(frozen=True)
class TextBatch:
    """Right-padded token ids for encoders: arrays of shape [B, T]; attention_mask is 1 on real tokens."""

    input_ids: Ids
    attention_mask: Ids
    token_type_ids: Ids | None = None


class Session(ABC):
    """An open model. Not thread-safe; close it when done.

    Attributes:
        folder: where its tokenizer lies.
        task: what the model is for.
        runtime: the runtime's name.
        weight_bytes: bytes of weights read for one token.
        device: where it computes, one of the recipe's devices.
        eos: token ids that end a text.
        never: token ids that `generate` does not pick.
        context_length: the longest sequence it holds; of an encoder-decoder, prompt and answer each.
        continues: `extend` and `rewind` take any number of tokens at any time and without preparation, so that a text
            can go on from the one before.
        remark: a sentence on how it runs that a reader of its figures should know; usually empty.
        drafted, accepted: tokens that were guessed ahead, and guessed rightly, since it was opened.

    An encoder-decoder (task "text2text-generation") reads its whole prompt once and keeps what its decoder needs of it.
    The open sequence is then the answer alone, which starts with tokens of the model's own that nobody sees: `prefill`
    reads the prompt and gives the logits of the answer's first token, `decode` and `extend` append to the answer,
    `rewind` takes its last tokens back. It has no `logits`: what a given answer scores comes from `prefill` on the
    prompt, then `extend` with the answer.
    """

    folder: Path
    task: Task
    runtime: str
    weight_bytes: int
    device: str = "cpu"
    eos: frozenset[int] = frozenset()
    never: tuple[int, ...] = ()
    context_length: int = 2048
    continues: bool = True
    remark: str = ""
    drafted: int = 0
    accepted: int = 0

    # Decoders -------------------------------------------------------------------------------------------------

    @abstractmethod
    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V].

        `mask` [B, T] is 1 on real tokens and 0 on the padding left of them; without it every token is real.
        """

    @abstractmethod
    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        raise TypeError(f"a {self.task} model does not continue texts")

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence, so that others can take their place."""
        raise TypeError(f"a {self.task} model does not continue texts")

    @abstractmethod
    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""

    # Encoders -------------------------------------------------------------------------------------------------

    def hidden(self, batch: TextBatch) -> Floats:
        """The last hidden states of an encoder, [B, T, H]."""
        raise TypeError(f"{self.runtime} session of a {self.task} model has no hidden states")

    def classify(self, batch: TextBatch) -> Floats:
        """The class logits, [B, C]."""
        raise TypeError(f"{self.runtime} session of a {self.task} model does not classify")

    def tag(self, batch: TextBatch) -> Floats:
        """The class logits of every token, [B, T, C]."""
        raise TypeError(f"{self.runtime} session of a {self.task} model does not tag tokens")

    def answer(self, batch: TextBatch) -> Floats:
        """What an encoder is for: class logits of texts or tokens, or hidden states."""
        calls = {"text-classification": self.classify, "token-classification": self.tag}
        return calls.get(self.task, self.hidden)(batch)

    def padded(self, length: int) -> int:
        """The length at which a text of `length` tokens is computed: its own, or the next there is a program for."""
        return length

    # Both -----------------------------------------------------------------------------------------------------

    def room(self, prompt_tokens: int) -> int:
        """The most tokens that an answer to a prompt of `prompt_tokens` may have; 0 or less where it does not fit."""
        return self.context_length - prompt_tokens

    @abstractmethod
    def close(self) -> None:
        """Free the weights."""

    def generate(
        self,
        ids: Ids,
        max_new_tokens: int,
        sampling: Sampling | None = None,
        *,
        probabilities: bool = False,
        stop_at_eos: bool = True,
    ) -> Iterator[Step]:
        """Continue `ids` [T], yielding each token as it is made; timing excludes the consumer's own work.

        Sampling with the same seed picks the same token on every runtime whose logits agree.
        """
        from engine.runtimes.sampling import Sampler

        sampler = Sampler(sampling)
        room = min(max_new_tokens, self.room(len(ids)))
        started = time.perf_counter()
        logits = self.prefill(ids[None, :])
        for index in range(room):
            if self.never:
                logits = logits.copy()
                logits[:, self.never] = -np.inf
            token = sampler.pick(logits[0])
            elapsed = time.perf_counter() - started
            probability = sampler.probability(logits[0], token) if probabilities else None
            end = index == room - 1 or (stop_at_eos and token in self.eos)
            yield Step(token, elapsed, probability, end)
            if end:
                return
            started = time.perf_counter()
            logits = self.decode(np.array([token], dtype=np.int64))
