"""Requests of several shapes in the report: a heat map for each candidate, and the same as a table. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from engine.compare.format import factor_interval, format_ratio, format_seconds
from engine.compare.table import Comparison, GridCell

STRONGEST = math.log(4)  # a factor of four, or a quarter, has the full colour
_LEFT, _WIDE, _HIGH, _BELOW = 130, 92, 40, 26


def grids(comparison: Comparison) -> Iterable[str]:
    """The section about requests of several shapes; nothing where none were timed."""
    if not comparison.grid:
        return
    yield "<h2>Speed by length and number of texts</h2>"
    for place, candidate in enumerate(comparison.candidates):
        cells = [cell for cell in comparison.grid if cell.candidate == place]
        if cells:
            yield from _map(candidate.name, comparison.candidates[0].name, cells)
    yield from _table(comparison)


def sides(cells: Iterable[GridCell]) -> tuple[list[int], list[tuple[int, int]]]:
    """The columns' prompt lengths, and from below the lines' (texts at once, new tokens)."""
    listed = list(cells)
    return sorted({c.prompt_tokens for c in listed}), sorted({(c.batch, c.new_tokens) for c in listed})


def strength(cell: GridCell) -> float:
    """How strongly a proven field is coloured, 0.2 to 1."""
    return min(1.0, 0.2 + 0.8 * abs(math.log(cell.speedup.value)) / STRONGEST)


def _map(name: str, reference: str, cells: list[GridCell]) -> Iterable[str]:
    columns, lines = sides(cells)
    width, height = _LEFT + _WIDE * len(columns), _HIGH * len(lines) + _BELOW
    title = f"{name} against {reference}: whole requests, times as fast"
    axes = "upwards: new tokens × texts at once; “?” is not proven at 99 %"
    yield f"<figure><figcaption>{escape(title)}. Across: prompt tokens; {axes}</figcaption>"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    yield f'<svg role="img" aria-label="{escape(title)}" {size}>'
    for cell in cells:
        x = _LEFT + _WIDE * columns.index(cell.prompt_tokens)
        y = _HIGH * (len(lines) - 1 - lines.index((cell.batch, cell.new_tokens)))
        tint = {"faster": "#009e73", "slower": "#d55e00", "not_proven": "none"}[cell.verdict]
        share = 0.0 if cell.verdict == "not_proven" else 0.65 * strength(cell)  # the text on it stays legible
        mark = " ?" if cell.verdict == "not_proven" else ""
        yield (
            f'<rect x="{x + 1}" y="{y + 1}" width="{_WIDE - 2}" height="{_HIGH - 2}" fill="{tint}" '
            f'fill-opacity="{share:.2f}" stroke="var(--line)"/>'
            f'<text x="{x + _WIDE / 2}" y="{y + _HIGH / 2 + 5}" text-anchor="middle">'
            f"{format_ratio(cell.speedup.value)}{mark}</text>"
        )
    for place, (batch, new) in enumerate(lines):
        middle = _HIGH * (len(lines) - 1 - place) + _HIGH / 2 + 5
        yield f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{new} new × {batch}</text>'
    for place, prompt in enumerate(columns):
        yield f'<text x="{_LEFT + _WIDE * (place + 0.5)}" y="{height - 8}" text-anchor="middle">{prompt}</text>'
    yield "</svg></figure>"


def _table(comparison: Comparison) -> Iterable[str]:
    heads = (
        "Prompt tokens",
        "New tokens",
        "Texts at once",
        comparison.candidates[0].name,
        "This model",
        "Times as fast",
    )
    yield '<div class="wide"><table><caption>Seconds are medians of whole requests; the interval is of 99 %.</caption>'
    yield '<thead><tr><th scope="col">Model</th>'
    yield "".join(f'<th class="number" scope="col">{escape(head)}</th>' for head in heads)
    yield '<th scope="col">Verdict</th></tr></thead><tbody>'
    for cell in comparison.grid:
        value, low, high = factor_interval(cell.speedup.value, cell.speedup.low, cell.speedup.high)
        texts = (
            str(cell.prompt_tokens), str(cell.new_tokens), str(cell.batch), format_seconds(cell.reference_seconds),
            format_seconds(cell.seconds), f"×{value} ({low}–{high})",
        )  # fmt: skip
        numbers = "".join(f'<td class="number grid">{text}</td>' for text in texts)
        name = escape(comparison.candidates[cell.candidate].name)
        yield f'<tr><th scope="row">{name}</th>{numbers}<td>{cell.verdict.replace("_", " ")}</td></tr>'
    yield "</tbody></table></div>"
