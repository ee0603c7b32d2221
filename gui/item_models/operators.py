"""A graph report's operators as a table: how many there were, how many are left, what they compute in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication

from engine.compare.graph import OperatorCount
from gui.item_models.rows import Column
from gui.numbers import MISSING


def columns() -> tuple[Column[OperatorCount], ...]:
    """Operator, before, after, precision, and whether it stands for several."""
    return (
        Column(_tr("Operator"), lambda o: o.operator),
        Column(
            _tr("Before"),
            lambda o: count(o.before),
            sort=lambda o: o.before,
            number=True,
            help=_tr("Nodes in the graph that was built"),
        ),
        Column(
            _tr("After"),
            lambda o: count(o.after),
            sort=lambda o: o.after,
            number=True,
            help=_tr("Nodes that are executed"),
        ),
        Column(
            _tr("Precision"),
            lambda o: ", ".join(filter(None, shortened(o.precisions))) or MISSING,
            tip=lambda o: each({kind: nodes for kind, nodes in o.precisions.items() if kind}),
            help=_tr("The type of its weights; of its results where it holds none"),
        ),
        Column(
            _tr("Fused"),
            lambda o: _tr("yes") if o.fused and o.after else MISSING,
            help=_tr("One node that does what several simple ones did"),
        ),
    )


def shortened(nodes: Mapping[str, int]) -> dict[str, int]:
    """Numbers of nodes by type alone: "int8" for "int8, accuracy level 4"."""
    found: Counter[str] = Counter()
    for kind, number in nodes.items():
        found[kind.partition(",")[0]] += number
    return dict(found.most_common())


def count(nodes: int) -> str:
    """A number of nodes: "2,653"."""
    return f"{nodes:,}"


def each(nodes: Mapping[str, int]) -> str:
    """Numbers of nodes by name, the most frequent first: "211 × int8, 2 × float32"."""
    ordered = sorted(nodes.items(), key=lambda item: -item[1])
    return ", ".join(f"{count(number)} × {name}" for name, number in ordered)


def _tr(text: str) -> str:
    return QCoreApplication.translate("OperatorModel", text)
