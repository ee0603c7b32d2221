"""The charts of a report as SVG: how long each token took, how these times are spread, what memory was held when.

Free of torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.compare.table import Candidate

# Wong 2011, doi:10.1038/nmeth.1618: told apart by colour-blind readers too, on light ground and on dark
COLOURS = ("#5b6f8c", "#009e73", "#d55e00", "#cc79a7", "#e69f00")
DASHES = ("7 3", "", "2 3", "8 3 2 3", "3 2")  # and by those who see or print no colour
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 220, 56, 36

Points = list[tuple[float, float]]


def latencies(candidate: Candidate) -> list[float]:
    """Milliseconds that each token of its answers took, in order; first tokens, which wait for the prompt, left out."""
    return [1e3 * token.seconds for answer in candidate.answers for token in answer.tokens[1:]]


def charts(candidates: Sequence[Candidate]) -> Iterable[str]:
    """Figures of the answers' inter-token latencies: in order, and as the share of tokens that took at most so long."""
    found = [(candidate.name, latencies(candidate)) for candidate in candidates]
    found = [(name, values) for name, values in found if len(values) > 1]
    if not found:
        return
    # one long pause would flatten all the rest: the axis ends at what 99 of 100 tokens keep, twice over
    top = 2 * max(sorted(values)[int(0.99 * (len(values) - 1))] for _, values in found)
    yield _figure(
        "Inter-token latency over the answers, one after another",
        ("token", "ms"),
        [(name, [(float(at), min(value, top)) for at, value in enumerate(values)]) for name, values in found],
    )
    yield _figure(
        "Share of tokens that took at most so long",
        ("ms", "% of tokens"),
        [(name, [(min(ms, top), share) for ms, share in _shares(values)]) for name, values in found],
    )


def memories(candidates: Sequence[Candidate]) -> Iterable[str]:
    """A figure of the resident memory of the fresh processes that opened each model and answered once."""
    found = [(c.name, [(at, held / (1 << 20)) for at, held in c.memory]) for c in candidates if len(c.memory) > 1]
    if found:
        yield _figure("Memory of a fresh process that opens the model and answers once", ("s", "MiB"), found)


def _shares(values: Sequence[float]) -> Points:
    """The empirical distribution of `values`, in percent, as a staircase of at most a few hundred steps."""
    ordered = sorted(values)
    step = max(1, len(ordered) // 200)
    kept = [*range(0, len(ordered) - 1, step), len(ordered) - 1]
    return [(ordered[at], 100 * (at + 1) / len(ordered)) for at in kept]


def _figure(title: str, axes: tuple[str, str], lines: Sequence[tuple[str, Points]]) -> str:
    right = max(x for _, points in lines for x, _ in points) or 1.0
    top = max(y for _, points in lines for _, y in points) or 1.0

    def place(x: float, y: float) -> str:
        across = _LEFT + (_WIDTH - _LEFT - 8) * x / right
        return f"{across:.1f} {_HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - 12) * y / top:.1f}"

    parts = []
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<path d="M{place(0, tick * top)}L{place(right, tick * top)}" stroke="var(--line)"/>')
        x, y = place(0, tick * top).split()
        parts.append(f'<text x="{float(x) - 6:.1f}" y="{float(y) + 4:.1f}" text-anchor="end">{tick * top:.3g}</text>')
        x, _ = place(tick * right, 0).split()
        anchor = ("start", "middle", "end")[round(2 * tick)]
        parts.append(f'<text x="{x}" y="{_HEIGHT - 18}" text-anchor="{anchor}">{tick * right:.3g}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 3}" text-anchor="middle">{escape(axes[0])}</text>')
    for at, (_, points) in enumerate(lines):
        path = "L".join(place(x, y) for x, y in points)
        parts.append(f'<path d="M{path}" fill="none" {_stroke(at)}/>')
    legend = " ".join(
        '<span><svg width="28" height="12" aria-hidden="true"><path d="M0 6H28" shape-rendering="crispEdges" '
        f"{_stroke(at)}/></svg> {escape(name)}</span>"
        for at, (name, _) in enumerate(lines)
    )
    return (
        f'<figure><figcaption>{escape(title)} ({escape(axes[1])}) {legend}</figcaption><svg role="img" '
        f'aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%">{"".join(parts)}</svg></figure>'
    )


def _stroke(at: int) -> str:
    """Colour and dashes of line `at`."""
    return (
        f'stroke="{COLOURS[at % len(COLOURS)]}" stroke-dasharray="{DASHES[at % len(DASHES)] or "none"}" '
        'stroke-width="2"'
    )
