"""A compiled graph node by node, as display-ready data. Free of torch and of the compilers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.compare.modules import Place

# "fused": stands for several simple nodes. "fallback": computed by the CPU though the model is on a GPU. "added": the
# compiler put it in. "gone": of a graph before compilation, a node that none of the graph after it is named for.
State = Literal["same", "fused", "fallback", "added", "gone"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(_Part):
    """One operation.

    Attributes:
        name: as the compiler calls it, distinct within the graph.
        operator: what it does ("MatMulNBits").
        place: the part of the model that it works for.
        sources: the nodes whose results it reads, by their number in the graph.
        state: what the compiler made of it.
        precision: the type of its weights, of its results where it has none; empty where the graph does not say.
        weight_bytes: bytes of the weights that it holds.
        originals: the names of the nodes that it stands for, where the compiler tells.
    """

    name: str
    operator: str
    place: Place
    sources: tuple[int, ...] = ()
    state: State = "same"
    precision: str = ""
    weight_bytes: int = 0
    originals: tuple[str, ...] = ()


class CompiledGraph(_Part):
    """A model's graph as it was built and as its compiler runs it.

    Attributes:
        compiler: its name and version.
        before, after: the nodes, each after those that it reads.
    """

    compiler: str
    before: tuple[Node, ...]
    after: tuple[Node, ...]
