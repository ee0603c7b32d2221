"""Which rank a size budget gives a layer. No torch."""

from __future__ import annotations


def rank_for_size(rows: int, columns: int, share: float, multiple: int) -> int | None:
    """The largest multiple whose factors have at most `share` of the weights of [rows, columns]; None: there is none.

    Never as much as whole: factors that are not smaller gain nothing.
    """
    most = min(int(rows * columns * share / (rows + columns)), most_rank(rows, columns))
    return most // multiple * multiple or None


def most_rank(rows: int, columns: int) -> int:
    """The largest rank whose factors have fewer weights than [rows, columns]; 0: there is none."""
    return (rows * columns - 1) // (rows + columns)
