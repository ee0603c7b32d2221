"""The verb about exported figures: what several machines reached, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import output


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("figures")(figures)


def figures(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="A.json B.json …", help="From “export --format figures” on each machine."),
    ],
    json: output.Json = False,
) -> None:
    """Show what several machines reached with one artefact, and which conditions differ. There is no verdict."""
    from dataclasses import asdict

    from engine.compare.format import format_measurement
    from engine.compare.machines import read, side_by_side
    from engine.metrics.catalog import all_metrics

    found = side_by_side([read(file.expanduser()) for file in files])
    if json:
        lines = [
            {
                "model": found.models[line.model],
                "measurement": line.name,
                "values": [None if m is None else m.model_dump(mode="json") for m in line.values],
            }
            for line in found.lines
        ]
        output.document({**asdict(found), "lines": lines})
        return
    for place, model in enumerate(found.models):
        rows = []
        for line in found.lines:
            if line.model == place:
                spec = all_metrics().get(line.name)
                cells = (" ".join(format_measurement(m)).strip() if m else "–" for m in line.values)
                rows.append((spec.title if spec else line.name, *cells))
        output.table(("", *found.machines), rows, title=model, right=range(1, 1 + len(found.machines)))
    if found.differing:
        rows = [(title, *texts) for title, texts in found.differing]
        output.table(("", *found.machines), rows, title="Conditions that differ")
    for notice in found.notices:
        print(notice)
