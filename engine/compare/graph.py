"""What a compiler did to a graph, as display-ready data. Free of torch and of the compiler."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.protocol.errors import UserError

FILE = "graph.json"  # beside the graph, in the artefact


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatorCount(_Part):
    """How many nodes of one operator there are before and after the compiler's work.

    Attributes:
        fused: a node that is left stands for several simple ones.
        precisions: the nodes that are left by the type of their weights, of their results where they hold none; by
            "" where the graph does not tell.
    """

    operator: str
    before: int
    after: int
    fused: bool
    precisions: dict[str, int] = {}


class GraphReport(_Part):
    """A model's graph, or all its graphs together, before and after the compiler.

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


def report_of(
    compiler: str,
    before: Counter[str],
    after: Mapping[str, Counter[str]],
    *,
    fused: Collection[str],
    folded: int,
    weights: Mapping[str, int],
    providers: Mapping[str, int],
    fallback: Mapping[str, int],
) -> GraphReport:
    """The report of nodes `before` by operator and `after` by operator and precision; the rest as in GraphReport."""
    left = Counter({operator: kinds.total() for operator, kinds in after.items()})
    return GraphReport(
        compiler=compiler,
        nodes_before=before.total(),
        nodes_after=left.total(),
        operators=tuple(
            OperatorCount(
                operator=name,
                before=before[name],
                after=left[name],
                fused=name in fused,
                precisions=dict(after.get(name, Counter())),
            )
            for name, _ in sorted((before | left).items(), key=lambda item: (-item[1], item[0]))
        ),
        folded=folded,
        precisions=dict(weights),
        providers=dict(providers),
        fallback=dict(fallback),
    )


def together(reports: Sequence[GraphReport]) -> GraphReport:
    """The report of a model that consists of several graphs. At least one."""
    before: Counter[str] = Counter()
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    weights, providers, fallback = Counter[str](), Counter[str](), Counter[str]()
    for report in reports:
        for operator in report.operators:
            before[operator.operator] += operator.before
            after[operator.operator].update(operator.precisions)
        weights.update(report.precisions)
        providers.update(report.providers)
        fallback.update(report.fallback)
    return report_of(
        reports[0].compiler,
        before,
        after,
        fused={operator.operator for report in reports for operator in report.operators if operator.fused},
        folded=sum(report.folded for report in reports),
        weights=weights,
        providers=providers,
        fallback=fallback,
    )


def read(artefact: Path) -> GraphReport:
    """The report in an artefact's folder. Raises UserError where its runtime writes none, or an older Hasten did."""
    try:
        return GraphReport.model_validate_json((artefact / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(
            "This run has no report about its graph.",
            "ONNX Runtime and OpenVINO write one: run a recipe with one of them again.",
            where=str(artefact / FILE),
            code="not_found",
        ) from error
