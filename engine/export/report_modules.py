"""Where models spend their time, as a part of the HTML report. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from engine.compare import module_words as words
from engine.compare.module_times import ModuleProfile
from engine.export.report_why import table


def profiled(found: ModuleProfile) -> Iterable[str]:
    """The section of `found`."""
    yield "<h2>Where the time goes</h2>"
    for phase in found.phases:
        for text in words.sentences(found, phase):
            yield f'<p class="soft">{escape(text)}</p>'
        caption = (
            f"{words.PHASES[phase]}, prompt of {found.prompt_tokens} tokens; each time ± half of its 95 % interval."
        )
        yield from table(caption, *words.table(found, phase, "kind"))
    for notice in found.notices:
        yield f'<p class="soft">{escape(notice)}</p>'
