"""A run and its newest comparison as one HTML page that needs nothing else. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.compare.conditions import grouped
from engine.compare.explanation import Explanation
from engine.compare.format import format_bytes, format_measurement, format_seconds
from engine.compare.module_times import ModuleProfile
from engine.compare.table import AnswerDiff, Candidate, Comparison
from engine.export.base import ExportContext
from engine.export.figures import newest
from engine.export.report_cases import STYLE, cases, tinted
from engine.export.report_charts import charts, memories
from engine.export.report_grid import grids
from engine.export.report_modules import profiled
from engine.export.report_why import explained
from engine.metrics.catalog import all_metrics
from engine.protocol.measurement import Measurement
from engine.runs.record import RunRecord
from engine.runs.store import RunStore

_TINTS = (
    'Tint: the optimised model finds the token <span class="less" style="--part: .4">less</span> or '
    '<span class="more" style="--part: .4">more</span> probable than the original. '
    "Underlined: only this side wrote it. Rest on a token to see what either would have written."
)
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2430; --soft: #5b6675; --line: #dde2e8; --panel: #f5f7f9;
  --good: #17753f; --bad: #a8302a; --bar: #2f6fd0; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181e; --ink: #e6eaf0; --soft: #9aa5b3; --line: #2c343e;
  --panel: #1b2129; --good: #5cc98b; --bad: #f0857d; --bar: #6ea8ff; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 62rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.soft { color: var(--soft); } .verdict { background: var(--panel);
  border-left: 4px solid var(--soft); padding: .75rem 1rem; }
.faster { border-color: var(--good); } .slower { border-color: var(--bad); }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
small { color: var(--soft); display: block; }
pre { background: var(--panel); padding: .75rem 1rem; overflow-x: auto; white-space: pre-wrap; }
del { color: var(--bad); } ins { color: var(--good); text-decoration: none; border-bottom: 1px solid; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } figure { margin: 1.25rem 0; }
figcaption { color: var(--soft); } figcaption span { white-space: nowrap; } .facts th { width: 16rem; }
figcaption svg { margin-left: .75rem; vertical-align: middle; }
.wide { overflow-x: auto; }
@page { size: A4; margin: 16mm 14mm; }
@media print { :root { color-scheme: light; --ground: #fff; --ink: #1c2430; --soft: #5b6675; --line: #dde2e8;
  --panel: #f5f7f9; --good: #17753f; --bad: #a8302a; --bar: #2f6fd0; }
  body { font-size: 10.5pt; max-width: none; padding: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; } figure, svg, tr, .verdict { break-inside: avoid; } .wide { overflow: visible; } }
"""


def write(context: ExportContext) -> None:
    """Write the report of the run with the newest comparison stored beside it."""
    context.destination.write_text(document(context.run), encoding="utf-8")


def document(run: RunRecord) -> str:
    """The report of `run` with what is stored beside it: the newest comparison, the explanation and the profile."""
    store = RunStore(run.folder.parent)
    known, timed = store.explanation(run.id), store.profile(run.id)
    explanation = Explanation.model_validate(known) if known else None
    profile = ModuleProfile.model_validate(timed) if timed else None
    return page(run, newest(run), explanation, profile)


def page(
    run: RunRecord,
    comparison: Comparison | None,
    explanation: Explanation | None = None,
    profile: ModuleProfile | None = None,
) -> str:
    """The report as an HTML document without a single outside resource."""
    parts = [
        f"<h1>{escape(run.name)}</h1>",
        f'<p class="soft">{escape(run.checkpoint_name)} · run {escape(run.id)} · {escape(run.created)}</p>',
        *(_compared(comparison) if comparison else ['<p class="verdict">This run has not been compared yet.</p>']),
        *(explained(explanation) if explanation else []),
        *(profiled(profile) if profile else []),
        *_stages(run),
        "<h2>Recipe</h2>",
        f"<pre>{escape(run.recipe.to_yaml())}</pre>",
        *_origin(run, comparison),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(run.name)}</title><style>{_STYLE}{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _compared(comparison: Comparison) -> Iterable[str]:
    yield f'<p class="verdict {comparison.verdict}">{escape(comparison.verdict_text)}</p>'
    for notice in comparison.notices:
        yield f'<p class="soft">{escape(notice)}</p>'
    yield "<h2>Measurements</h2>"
    yield from _bars(comparison.candidates)
    yield from _measurements(comparison.candidates)
    yield from charts(comparison.candidates)
    yield from memories(comparison.candidates)
    yield from grids(comparison)
    if comparison.prompts:
        yield "<h2>Answers</h2>"
        if any(diff.candidate_views for diff in comparison.diffs):
            yield f'<p class="soft">{_TINTS}</p>'
        for index, prompt in enumerate(comparison.prompts):
            yield f"<h3>{escape(prompt)}</h3>"
            yield from _answers(comparison, index)
    yield from cases(comparison)


def _measurements(candidates: Sequence[Candidate]) -> Iterable[str]:
    names = list(dict.fromkeys(m.name for candidate in candidates for m in candidate.measurements))
    heads = "".join(f'<th class="number" scope="col">{escape(c.name)}</th>' for c in candidates)
    yield '<div class="wide"><table><caption>Value ± half of the confidence interval; the first model is the reference.'
    yield f'</caption><thead><tr><th scope="col">Measurement</th>{heads}</tr></thead><tbody>'
    for name in names:
        cells = "".join(f'<td class="number">{_cell(candidate.measured(name))}</td>' for candidate in candidates)
        better = next(m.better for c in candidates for m in c.measurements if m.name == name)
        yield f'<tr><th scope="row">{escape(_title(name))}<small>{better} is better</small></th>{cells}</tr>'
    for name in dict.fromkeys(m.name for candidate in candidates for m in candidate.second):
        found = [next((m for m in candidate.second if m.name == name), None) for candidate in candidates]
        cells = "".join(f'<td class="number">{_cell(measured)}</td>' for measured in found)
        where = next(m.conditions.get("text") for m in found if m is not None)
        yield f'<tr><th scope="row">{escape(_title(name))}<small>on {escape(str(where))}</small></th>{cells}</tr>'
    yield "</tbody></table></div>"


def _title(name: str) -> str:
    """What the window calls the measurement `name`; its own name where no metric has it."""
    spec = all_metrics().get(name)
    return spec.title if spec else name.replace("_", " ")


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return "–"
    text, unit = format_measurement(measured)
    if measured.confidence >= 1.0:
        return f"{escape(text)} {escape(unit)}<small>counted</small>"
    detail = f"{measured.confidence:.0%} interval, {measured.samples} samples"
    return f"{escape(text)} {escape(unit)}<small>{detail}</small>"


def _bars(candidates: Sequence[Candidate]) -> Iterable[str]:
    """Decoding speed as bars with whiskers for the interval; for encoders the time of a request."""
    for name in ("decode_tokens_per_second", "request_seconds"):
        found = [(c.name, m) for c in candidates if (m := c.measured(name)) is not None]
        if found:
            break
    else:
        return
    top = max(max(m.value, min(m.high, 2 * m.value)) for _, m in found) or 1.0
    height = 34 * len(found)
    yield f'<svg role="img" aria-label="{escape(_title(name))}" viewBox="0 0 720 {height}" width="100%">'
    for index, (label, m) in enumerate(found):
        y = 34 * index
        length = 380 * m.value / top
        low, high = (180 + 380 * max(0.0, min(edge, top)) / top for edge in (m.low, m.high))
        yield f'<text x="0" y="{y + 21}">{escape(label[:24])}</text>'
        yield f'<rect x="180" y="{y + 7}" width="{length:.1f}" height="20" rx="3" fill="var(--bar)"/>'
        yield f'<path d="M{low:.1f} {y + 17}H{high:.1f}" stroke="var(--ink)" stroke-width="2"/>'
        yield f'<text x="570" y="{y + 21}">{escape(" ".join(format_measurement(m)))}</text>'
    yield "</svg>"


def _answers(comparison: Comparison, prompt: int) -> Iterable[str]:
    for index, candidate in enumerate(comparison.candidates):
        if prompt >= len(candidate.answers):
            continue
        diff = next((d for d in comparison.diffs if d.prompt == prompt and d.candidate == index), None)
        answer = candidate.answers[prompt]
        first = next((d for d in comparison.diffs if d.prompt == prompt), None) if index == 0 else None
        if diff is not None and diff.candidate_views:
            text = tinted(answer.tokens, diff.candidate_views, diff, candidate=True)
        elif first is not None and first.reference_views:
            text = tinted(answer.tokens, first.reference_views, first, candidate=False)
        else:
            text = _marked(diff) if diff else escape(answer.text)
        note = ""
        if diff is not None:
            note = " · the same, token by token" if diff.same else f" · differs from token {_ordinal(diff)} on"
        yield f'<p class="soft">{escape(candidate.name)}{note}</p><pre>{text}</pre>'


def _ordinal(diff: AnswerDiff) -> str:
    return "?" if diff.first_divergence is None else str(diff.first_divergence + 1)


def _marked(diff: AnswerDiff) -> str:
    out = []
    for segment in diff.segments:
        if segment.kind == "same":
            out.append(escape(segment.candidate_text))
            continue
        if segment.reference_text:
            out.append(f"<del>{escape(segment.reference_text)}</del>")
        if segment.candidate_text:
            out.append(f"<ins>{escape(segment.candidate_text)}</ins>")
    return "".join(out)


def _stages(run: RunRecord) -> Iterable[str]:
    yield "<h2>What was done</h2>"
    yield f"<p>{format_bytes(run.size_before)} of weights before, {format_bytes(run.size_after)} on disk after; "
    yield f"{format_bytes(run.weight_bytes)} of weights are read by the runtime.</p>"
    yield '<div class="wide"><table><thead><tr><th scope="col">Stage</th><th scope="col" class="number">Time</th>'
    yield '<th scope="col" class="number">Size</th><th scope="col">Found</th></tr></thead><tbody>'
    for stage in run.stages:
        facts = "; ".join(f"{key}: {value}" for key, value in stage.facts.items())
        kept = "<small>taken from the cache</small>" if stage.state == "cached" else ""
        yield f'<tr><th scope="row">{escape(stage.name)}{kept}</th>'
        yield f'<td class="number">{format_seconds(stage.seconds)}</td>'
        yield f'<td class="number">{format_bytes(stage.bytes)}</td><td>{escape(facts)}</td></tr>'
    yield "</tbody></table></div>"


def _origin(run: RunRecord, comparison: Comparison | None) -> Iterable[str]:
    facts: dict[str, object] = {
        "Checkpoint fingerprint": run.fingerprint,
        "Made by": f"Hasten {run.engine}",
        "Runtime": run.recipe.target.runtime,
    }
    if comparison is not None:
        facts["Compared"] = comparison.created
    yield "<h2>Origin and conditions</h2>"
    yield _facts("Origin", facts.items())
    for group, rows in (grouped(comparison.conditions) if comparison is not None else {}).items():
        yield _facts(group, rows)


def _facts(title: str, rows: Iterable[tuple[str, object]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(term)}</th><td>{escape(str(value))}</td></tr>' for term, value in rows
    )
    return f"<table class=facts><caption>{escape(title)}</caption><tbody>{lines}</tbody></table>"
