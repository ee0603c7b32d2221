"""What a compiler did to a graph, as display-ready data. Free of torch and of the compiler."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.protocol.errors import UserError

FILE = "graph.json"  # beside the graph, in the artefact


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatorCount(_Part):
    """How many nodes of one operator there are before and after the compiler's work; `fused`: it stands for several."""

    operator: str
    before: int
    after: int
    fused: bool


class GraphReport(_Part):
    """One graph before and after its compiler.

    Attributes:
        compiler: its name and version.
        nodes_before, nodes_after: nodes of the graph.
        operators: the operators of both, the most frequent first.
        folded: nodes whose results became constants.
        precisions: nodes that hold weights, by the weights' type ("float32", "int8, accuracy level 4").
        providers: nodes by what computes them ("CPUExecutionProvider"), counted before the last fusions.
        fallback: on a GPU, nodes by operator that are computed on the CPU all the same.
    """

    compiler: str
    nodes_before: int
    nodes_after: int
    operators: tuple[OperatorCount, ...]
    folded: int
    precisions: dict[str, int]
    providers: dict[str, int]
    fallback: dict[str, int] = {}


def read(artefact: Path) -> GraphReport:
    """The report in an artefact's folder. Raises UserError where its runtime writes none, or an older Hasten did."""
    try:
        return GraphReport.model_validate_json((artefact / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(
            "This run has no report about its graph.",
            "ONNX Runtime writes one: run a recipe with it again.",
            where=str(artefact / FILE),
            code="not_found",
        ) from error
