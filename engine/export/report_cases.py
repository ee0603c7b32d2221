"""The report's single cases: answers tinted token by token, questions, labels and nearest texts. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.compare.changes import interval_words, proof, score_change, score_words
from engine.compare.evidence import Choice, PairResult, TokenView
from engine.compare.format import format_number, format_percent
from engine.compare.table import AnswerDiff, AnswerToken, Comparison
from engine.metrics.catalog import get

STYLE = """
.less { background: rgb(214 140 20 / var(--part)); } .more { background: rgb(20 150 135 / var(--part)); }
.alone { border-bottom: 2px solid currentColor; } .answer span { white-space: pre-wrap; }
.flipped { font-weight: 600; } .case { font-weight: 400; }
"""
_FAINTEST = 0.02  # the least difference of probabilities that is tinted
_MOST = 40  # texts that are listed; the exported differences hold them all


def tinted(tokens: Sequence[AnswerToken], views: Sequence[TokenView], diff: AnswerDiff, candidate: bool) -> str:
    """An answer as HTML, each token tinted by how much more or less probable the optimised model finds it.

    Its title holds both models' first choices. Tokens that only this side wrote are underlined.
    """
    spans = (s.candidate_tokens if candidate else s.reference_tokens for s in diff.segments if s.kind != "same")
    alone = {place for start, stop in spans for place in range(start, stop)}
    out = []
    for place, token in enumerate(tokens):
        if place >= len(views) or not token.text:
            out.append(escape(token.text))
            continue
        view = views[place]
        before, after = (view.other, view.own) if candidate else (view.own, view.other)
        tops = (view.other_top, view.own_top) if candidate else (view.own_top, view.other_top)
        kinds = ["alone"] if place in alone else []
        style = ""
        if abs(after - before) >= _FAINTEST:
            kinds.append("more" if after > before else "less")
            style = f' style="--part: {0.12 + 0.4 * abs(after - before):.2f}"'
        title = f"before {_listed(before, tops[0])} — after {_listed(after, tops[1])}"
        out.append(f'<span class="{" ".join(kinds)}"{style} title="{escape(title)}">{escape(token.text)}</span>')
    return "".join(out)


def cases(comparison: Comparison) -> Iterable[str]:
    """Everything that is told case by case besides the answers."""
    yield from _changes(comparison)
    yield from _questions(comparison)
    yield from _pairs(comparison)
    yield from _harness(comparison)
    yield from _classified(comparison)
    yield from _embedded(comparison)


def _changes(comparison: Comparison) -> Iterable[str]:
    """How metrics differ on the same cases, by resampling both together."""
    if not any(candidate.changes for candidate in comparison.candidates):
        return
    yield '<h2>On the same cases</h2><div class="wide"><table><thead><tr><th scope="col">Measurement</th>'
    yield '<th scope="col">Model</th><th scope="col">Difference from the original</th><th scope="col">Proven</th>'
    yield "</tr></thead><tbody>"
    for candidate in comparison.candidates[1:]:
        for change in candidate.changes:
            yield f'<tr><th scope="row">{escape(get(change.name).title)}</th><td>{escape(candidate.name)}</td>'
            yield f"<td>{escape(interval_words(change))}</td><td>{escape(proof(change))}</td></tr>"
    yield "</tbody></table></div>"


def _harness(comparison: Comparison) -> Iterable[str]:
    if not comparison.harness:
        return
    names = [candidate.name for candidate in comparison.candidates]
    heads = "".join(f'<th class="number" scope="col">{escape(name)}</th>' for name in names)
    heads += "".join(f'<th scope="col">Change of {escape(name)}</th>' for name in names[1:])
    yield '<h2>Tasks of lm-eval</h2><div class="wide"><table><caption>Value ± standard error, by lm-eval</caption>'
    yield f'<thead><tr><th scope="col">Task</th><th scope="col">Metric</th>{heads}</tr></thead><tbody>'
    for score in comparison.harness:
        cells = "".join(f'<td class="number">{score_words(score, index)}</td>' for index in range(len(names)))
        cells += "".join(f"<td>{score_change(score, index)}</td>" for index in range(1, len(names)))
        yield f'<tr><th scope="row">{escape(score.task)}<small>{score.samples} documents</small></th>'
        yield f"<td>{escape(score.metric)}</td>{cells}</tr>"
    yield "</tbody></table></div>"


def _pairs(comparison: Comparison) -> Iterable[str]:
    pairs = comparison.pairs
    if not pairs:
        return
    names = [candidate.name for candidate in comparison.candidates]
    others = range(1, len(names))
    ordered = sorted(pairs, key=lambda pair: max((abs(pair.changed(i) or 0) for i in others), default=0), reverse=True)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    yield '<h2>Your texts</h2><div class="wide"><table>'
    yield f"<caption>{_shown(len(ordered[:_MOST]), len(ordered))}</caption>"
    yield f'<thead><tr><th scope="col">Source</th><th scope="col">Reference</th>{heads}</tr></thead><tbody>'
    for result in ordered[:_MOST]:
        cells = "".join(
            f"<td>{escape(answer.strip())}<small>{escape(_scored(result, index))}</small></td>"
            for index, answer in enumerate(result.answers)
        )
        expected = "<br>".join(escape(reference) for reference in result.pair.references)
        yield f'<tr><th scope="row" class="case">{escape(result.pair.source)}</th><td>{expected}</td>{cells}</tr>'
    yield "</tbody></table></div>"


def _scored(result: PairResult, index: int) -> str:
    return " · ".join(f"{get(name).title} {format_number(each[index])}" for name, each in result.scores.items())


def _questions(comparison: Comparison) -> Iterable[str]:
    if not comparison.questions:
        return
    names = [candidate.name for candidate in comparison.candidates]
    yield "<h2>Your questions</h2>"
    for candidate in comparison.candidates[1:]:
        test = candidate.questions
        if test is not None:
            yield (
                f'<p class="soft">{escape(candidate.name)}: {test.lost} lost and {test.gained} gained against '
                f"{escape(names[0])}; McNemar's exact test p = {format_number(test.p_value, 2)}.</p>"
            )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    yield '<div class="wide"><table><thead><tr><th scope="col">Question</th><th scope="col">Expected</th>'
    yield f"{heads}</tr></thead><tbody>"
    for result in comparison.questions:
        cells = "".join(
            f"<td>{'✓ right' if right else '✗ wrong'}<small>{escape(answer.strip())}</small></td>"
            for answer, right in zip(result.answers, result.right, strict=True)
        )
        expected = escape(" / ".join(result.question.expect))
        yield f'<tr><th scope="row" class="case">{escape(result.question.prompt)}</th>'
        yield f"<td>{expected}<small>{result.question.how}</small></td>{cells}</tr>"
    yield "</tbody></table></div>"


def _classified(comparison: Comparison) -> Iterable[str]:
    found = comparison.classified
    if found is None:
        return
    names = [candidate.name for candidate in comparison.candidates]
    what = "words" if found.of_words else "texts"
    yield "<h2>Labels</h2>"
    for index in range(1, len(names)):
        flips = found.flips(index)
        share = format_percent(flips / found.count) if found.count else "0 %"
        yield f"<p>{escape(names[index])} gives another label to {flips} of {found.count} {what} ({share}).</p>"
        heads = "".join(f'<th class="number" scope="col">{escape(name)}</th>' for name in found.names)
        yield f'<div class="wide"><table><caption>{what.capitalize()} by the label of {escape(names[0])} (rows) and of '
        yield f"{escape(names[index])} (columns)</caption><thead><tr><th></th>{heads}</tr></thead><tbody>"
        for name, counts in zip(found.names, found.confusion(index), strict=True):
            cells = "".join(f'<td class="number">{count}</td>' for count in counts)
            yield f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
        yield "</tbody></table></div>"
    ordered = sorted(found.texts, key=lambda text: (not text.flipped(), -abs(text.change())))[:_MOST]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    yield f'<div class="wide"><table><caption>{_shown(len(ordered), found.count, what)}</caption><thead><tr>'
    yield f'<th scope="col">{what[:-1].capitalize()}</th>{heads}</tr></thead><tbody>'
    for text in ordered:
        cells = "".join(
            f"<td{' class=flipped' if text.flipped(index) else ''}>{escape(found.names[text.classes[index]])}"
            f"<small>{format_number(text.probabilities[index])}</small></td>"
            for index in range(len(names))
        )
        case = f"{escape(text.word)}<small>{escape(text.text)}</small>" if text.word else escape(text.text)
        yield f'<tr><th scope="row" class="case">{case}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _embedded(comparison: Comparison) -> Iterable[str]:
    texts = comparison.embedded
    if not texts:
        return
    yield "<h2>Nearest texts</h2>"
    for index, candidate in enumerate(comparison.candidates[1:], 1):
        ordered = sorted(texts, key=lambda text, index=index: text.cosines[index])[:_MOST]  # type: ignore[misc]
        moved = sum(bool(text.lost(index)) for text in texts)
        yield f"<p>{escape(candidate.name)} has other nearest texts for {moved} of {len(texts)} texts.</p>"
        yield f'<div class="wide"><table><caption>{_shown(len(ordered), len(texts))}</caption><thead><tr>'
        yield '<th scope="col">Text</th><th class="number" scope="col">Cosine</th><th scope="col">No longer near</th>'
        yield '<th scope="col">Near now</th></tr></thead><tbody>'
        for text in ordered:
            gone, came = (
                "<br>".join(escape(texts[place].text) for place in places)
                for places in (text.lost(index), text.found(index))
            )
            yield f'<tr><th scope="row" class="case">{escape(text.text)}</th>'
            yield f'<td class="number">{text.cosines[index]:.4f}</td>'
            yield f"<td>{gone}</td><td>{came}</td></tr>"
        yield "</tbody></table></div>"


def _shown(count: int, total: int, what: str = "texts") -> str:
    return "Most changed first" if count == total else f"The {count} most changed of {total} {what}"


def _listed(probability: float, top: Sequence[Choice]) -> str:
    words = ", ".join(f"“{text}” {format_number(p, 2)}" for text, p in top)
    return f"{format_number(probability, 2)} ({words})"
