"""Where the boxes of a graph stand: in layers from top to bottom, parts of the model folded into one box each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.compare.compiled import Node
from engine.compare.modules import Place


@dataclass(frozen=True)
class Box:
    """A node, or a folded group of them.

    Attributes:
        group: the group that it is or belongs to.
        nodes: numbers of its nodes in the graph, the first of them first.
        folded: it stands for its whole group.
        rank: its layer, from 0 at the top.
        place: its place in the layer, 0 in the middle, in widths of a box.
    """

    group: Place
    nodes: tuple[int, ...]
    folded: bool
    rank: int
    place: float


@dataclass(frozen=True)
class Picture:
    """A graph laid out.

    Attributes:
        boxes: in the order of the graph.
        edges: numbers of the boxes that an edge goes from and to.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]


def group_of(place: Place) -> Place:
    """What `place` is folded into: its layer, or what it is outside of the layers."""
    return place if place.layer is None else Place(layer=place.layer, kind="layer")


def arrange(nodes: Sequence[Node], opened: Collection[Place]) -> Picture:
    """Lay out `nodes`, which stand in an order in which sources come first; groups in `opened` show their nodes.

    Boxes lie one layer below the lowest box that they read, as in the first step of Sugiyama's method (1981, “Methods
    for visual understanding of hierarchical system structures”), and near what they read (its barycentre step, once).
    An edge between folded groups that runs against the order of the graph does not count for that.
    """
    members: dict[tuple[Place, int], list[int]] = {}
    for number, node in enumerate(nodes):
        group = group_of(node.place)
        members.setdefault((group, number if group in opened else -1), []).append(number)
    keys = list(members)
    box_of = {number: box for box, key in enumerate(keys) for number in members[key]}
    pairs = dict.fromkeys(
        (box_of[source], box_of[number])
        for number, node in enumerate(nodes)
        for source in node.sources
        if box_of[source] != box_of[number]
    )
    read: defaultdict[int, list[int]] = defaultdict(list)
    for begin, end in pairs:
        if begin < end:
            read[end].append(begin)
    ranks = [0] * len(keys)
    for box in range(len(keys)):
        ranks[box] = max((ranks[source] + 1 for source in read[box]), default=0)
    places = _places(ranks, read)
    boxes = (
        Box(group=key[0], nodes=tuple(members[key]), folded=key[1] < 0, rank=rank, place=place)
        for key, rank, place in zip(keys, ranks, places, strict=True)
    )
    return Picture(tuple(boxes), tuple(pairs))


def _places(ranks: Sequence[int], read: dict[int, list[int]]) -> list[float]:
    """Places within the layers, each box as near as may be to the mean of what it reads."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for box, rank in enumerate(ranks):
        rows[rank].append(box)
    places = [0.0] * len(ranks)
    for rank in sorted(rows):
        wanted = {box: _mean([places[source] for source in read[box]]) for box in rows[rank]}
        row = sorted(rows[rank], key=lambda box: (wanted[box], box))
        middle = _mean([wanted[box] for box in row])
        for index, box in enumerate(row):
            places[box] = middle + index - (len(row) - 1) / 2
    return places


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
