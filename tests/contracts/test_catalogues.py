"""Every entry of every catalogue resolves, has complete options and a handler that exists."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.export import catalog as formats
from engine.jobs.catalog import HANDLERS
from engine.metrics import catalog as metrics
from engine.passes import catalog as passes
from engine.recipe.options import Options, fields_of
from engine.runtimes import catalog as runtimes


def _exists(entry: str) -> bool:
    module, _, function = entry.partition(":")
    found = find_spec(module)
    return found is not None and found.origin is not None and f"def {function}(" in Path(found.origin).read_text()


@pytest.mark.parametrize(
    "spec", [*passes.all_passes().values(), *runtimes.all_runtimes().values()], ids=lambda s: s.name
)
def test_options_are_complete_data(spec: object) -> None:
    options: type[Options] = spec.options  # type: ignore[attr-defined]
    options()
    for field in fields_of(options):
        assert field.title, field.name
        assert field.title[0].isupper(), field.title
        assert field.help.endswith("."), f"{field.name}: the help is a sentence"


def test_every_entry_point_exists() -> None:
    entries = [spec.run for spec in passes.all_passes().values()]
    entries += [entry for spec in runtimes.all_runtimes().values() for entry in (spec.build, spec.open)]
    entries += HANDLERS.values()
    missing = [entry for entry in entries if not _exists(entry)]
    assert missing == []


def test_names_are_the_keys() -> None:
    for catalogue in (passes.all_passes(), runtimes.all_runtimes(), metrics.all_metrics(), formats.all_formats()):
        assert catalogue
        for name, spec in catalogue.items():
            assert spec.name == name
