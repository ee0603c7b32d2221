"""Reports of several graphs are added up."""

from __future__ import annotations

from collections import Counter

from engine.compare.graph import GraphReport, report_of, together


def _report(before: dict[str, int], after: dict[str, dict[str, int]], folded: int) -> GraphReport:
    return report_of(
        "a compiler 1.0",
        Counter(before),
        {operator: Counter(kinds) for operator, kinds in after.items()},
        fused={"Fused"},
        folded=folded,
        weights={"int8": 1},
        providers={"CPU": 2},
        fallback={},
    )


def test_a_model_of_two_graphs_has_one_report() -> None:
    encoder = _report({"MatMul": 3, "Add": 3}, {"MatMul": {"int8": 1}, "Fused": {"float32": 2}}, 1)
    decoder = _report({"MatMul": 1}, {"MatMul": {"float32": 1}}, 2)
    both = together([encoder, decoder])
    assert (both.nodes_before, both.nodes_after, both.folded) == (7, 4, 3)
    assert (both.precisions, both.providers) == ({"int8": 2}, {"CPU": 4})
    product = next(operator for operator in both.operators if operator.operator == "MatMul")
    assert (product.before, product.after, product.precisions) == (4, 2, {"int8": 1, "float32": 1})
    assert [operator.operator for operator in both.operators if operator.fused] == ["Fused"]
    assert together([encoder]) == encoder
