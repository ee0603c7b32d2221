"""Where a run's difference comes from, as parts of the HTML report: the waterfall and the layers. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from engine.compare.explanation import Explanation
from engine.compare.explanation_words import layer_table, sentences, signed, step_table, step_title, unit
from engine.compare.format import format_number

_WIDTH, _LEFT, _ROOM, _HIGH = 720, 220, 340, 28


def explained(found: Explanation) -> Iterable[str]:
    """The section of `found`."""
    yield "<h2>Where the difference comes from</h2>"
    yield f'<p class="verdict">{escape(" ".join(sentences(found)))}</p>'
    for notice in found.notices:
        yield f'<p class="soft">{escape(notice)}</p>'
    yield from _picture(found)
    caption = (
        f"Measured on {found.predictions:,} predictions of {found.text}; each value ± half of its 95 % interval. The "
        "steps add up to the whole."
    )
    yield from table(caption, *step_table(found))
    if found.layers:
        whole = f"{format_number(found.layers_loss or 0.0)} {unit(found)}"
        yield from table(
            f"Each layer alone set back to the original’s weights, of {whole} in all.", *layer_table(found)
        )


def _picture(found: Explanation) -> Iterable[str]:
    """Every step's loss as a bar that begins where the one above it ended; lines for the 95 % intervals."""
    levels, level = [], 0.0
    for step in found.steps:
        levels.append((step_title(step), level, level + step.loss.value, signed(step.loss.value)))
        level += step.loss.value
    levels.append(("All steps", 0.0, level, signed(level)))
    ends = [end for _, start, stop, _ in levels for end in (start, stop)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    scale = _ROOM / ((high - low) or 1.0)
    height = _HIGH * len(levels)
    yield f'<svg role="img" aria-label="What each step lost" viewBox="0 0 {_WIDTH} {height}" width="100%">'
    for place, (title, start, stop, text) in enumerate(levels):
        y = _HIGH * place
        left, right = (_LEFT + scale * (edge - low) for edge in sorted((start, stop)))
        tint = "var(--bar)" if place == len(levels) - 1 else "#b15c00" if stop > start else "#0072b2"
        yield f'<text x="0" y="{y + 18}">{escape(title[:28])}</text>'
        yield f'<rect x="{left:.1f}" y="{y + 5}" width="{max(1.0, right - left):.1f}" height="17" fill="{tint}"/>'
        yield f'<text x="{right + 8:.1f}" y="{y + 18}">{escape(f"{text} {unit(found)}")}</text>'
    yield "</svg>"


def table(caption: str, heads: list[str], rows: list[list[str]]) -> Iterable[str]:
    """A table whose first column names the rows and whose others hold numbers."""
    yield f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>'
    yield f'<th scope="col">{escape(heads[0])}</th>'
    yield "".join(f'<th class="number" scope="col">{escape(head)}</th>' for head in heads[1:]) + "</tr></thead><tbody>"
    for title, *cells in rows:
        numbers = "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        yield f'<tr><th scope="row">{escape(title)}</th>{numbers}</tr>'
    yield "</tbody></table></div>"
