"""Run one pass on a checkpoint, as a recipe would."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.checkpoint.inspect import inspect
from engine.passes import catalog
from engine.passes.base import Facts, PassContext
from engine.recipe.options import parse_options


def no_step(done: float, total: float, text: str) -> None:
    """Never cancelled, reports to nobody."""


def run_pass(
    name: str,
    source: Path,
    destination: Path,
    step: Callable[[float, float, str], None] = no_step,
    **options: Any,
) -> Facts:
    """Check, run, and hold the result against the prediction: names, shapes, types and bytes of every tensor."""
    from engine.catalogue import load

    spec = catalog.get(name)
    chosen = parse_options(spec.options, options, name)
    info = inspect(source)
    assert [p.text for p in spec.check(info, chosen, 0) if p.severity == "stop"] == []
    destination.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        facts: Facts = load(spec.run)(
            PassContext(
                step=step, notice=lambda text: None, source=source, destination=destination, info=info, options=chosen,
                scratch=Path(scratch),
            )
        )  # fmt: skip
    written, predicted = inspect(destination), spec.predict(info, chosen)
    assert layout(written) == layout(predicted)
    assert written.bytes == predicted.bytes
    assert set(written.grids) == set(predicted.grids)
    assert written.parameters == predicted.parameters
    assert spec.peak_bytes(info, chosen) > 0
    assert spec.glyph(chosen)
    return facts


def layout(info: CheckpointInfo) -> dict[str, TensorHeader]:
    """The headers by name, without the file they lie in."""
    return {tensor.name: tensor.model_copy(update={"file": ""}) for tensor in info.tensors}
