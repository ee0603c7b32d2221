"""What the command line prints: one JSON document or neat tables on stdout, failures on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.protocol.errors import Failure

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; everything else on stderr.")]

_WIDE = 200  # columns for a reader that is no terminal: nothing is cut off


class JobFailed(Exception):
    """A job ended with `failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


def document(data: Any) -> None:
    """Print `data` as the JSON document. Non-finite numbers become null, as JSON has none."""
    sys.stdout.write(json.dumps(_finite(data), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def failure(failed: Failure, as_json: bool) -> None:
    """Tell a failure: one line for a user error; a bug with its details."""
    place = f" [{failed.where}]" if failed.where and failed.where not in failed.cause else ""
    print(" ".join(f"hasten: {failed.cause} {failed.remedy}{place}".split()), file=sys.stderr)
    if failed.kind == "bug" and failed.traceback:
        print(failed.traceback.rstrip(), file=sys.stderr)
    if as_json:
        document({"error": failed.model_dump(mode="json", exclude={"traceback"})})


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: Sequence[int] = ()) -> None:
    """Print a table on stdout; columns whose index is in `right` are right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        shown.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    console().print(shown)


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Print terms with their values, one a line, values aligned; empty values are left out."""
    kept = [(term, value) for term, value in pairs if value]
    width = max((len(term) for term, _ in kept), default=0)
    for term, value in kept:
        print(f"{term:<{width}}  {value}")


def value(found: Any) -> str:
    """A fact for people: yes or no, three significant digits, "–" for what is absent."""
    from engine.compare.format import format_number

    if found is None:
        return "–"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, (list, tuple)):
        return ", ".join(map(str, found))
    return format_number(found) if isinstance(found, float) else str(found)


def console() -> Any:
    """The console of stdout: as wide as the terminal, or wide enough for everything."""
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
