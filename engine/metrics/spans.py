"""Named stretches of words that tags such as B-PER mark, as CoNLL's shared tasks count them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"(?:O|[BIESLU]-.+)\Z")


def marks_spans(tags: Iterable[str]) -> bool:
    """Whether `tags` mark stretches: all of them are O or a letter with a kind, and there is a kind."""
    found = set(tags)
    return any(tag != "O" for tag in found) and all(_TAG.match(tag) for tag in found)


def spans(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """The stretches [begin, end) of a kind that a sentence's `tags` mark.

    Any of IOB1, IOB2, IOBES and BILOU: a stretch ends and begins by the rules of the CoNLL-2000 and 2003 evaluation
    (Tjong Kim Sang & Buchholz 2000; Tjong Kim Sang & De Meulder 2003), so that tags that contradict one another give
    stretches too: I-PER after O begins one.
    """
    found = set()
    begin, before = 0, ("O", "")
    for place, tag in enumerate((*tags, "O")):
        letter, _, kind = tag.partition("-")
        if before[0] != "O" and (before[0] in "ESLU" or letter in "BSUO" or kind != before[1]):
            found.add((begin, place, before[1]))
            before = ("O", "")
        if letter != "O" and before[0] == "O":
            begin = place
        before = (letter, kind)
    return found
