"""The export formats as data."""

from __future__ import annotations

from engine.drafts import size_of
from engine.export.base import FormatSpec
from engine.runs.record import RunRecord

_SMALL = 1 << 20


def _checkpoint_bytes(run: RunRecord) -> int:
    return size_of(run.checkpoint_folder) + _SMALL


def _dense_bytes(run: RunRecord) -> int:
    from engine.checkpoint.inspect import inspect
    from engine.runtimes.torch_family import dense_bytes

    return dense_bytes(inspect(run.checkpoint_folder)) + _checkpoint_bytes(run)


def _artefact_bytes(run: RunRecord) -> int:
    return size_of(run.artefact_folder) + _SMALL


def _gguf_bytes(run: RunRecord) -> int:
    from engine.checkpoint.inspect import inspect
    from engine.gguf.kinds import file_bytes

    return file_bytes(inspect(run.checkpoint_folder)) + _SMALL


def _one_file(run: RunRecord) -> int:
    return _SMALL


CHECKPOINT = FormatSpec(
    name="checkpoint",
    title="Checkpoint",
    summary="A folder that plain Transformers loads: integer weights stay packed where it can read them, else dense.",
    write="engine.export.checkpoint:write",
    needed_bytes=_dense_bytes,
)
DENSE = FormatSpec(
    name="dense",
    title="Dense checkpoint",
    summary="The same model with every weight as a plain number, for programs that know no packed weights.",
    write="engine.export.checkpoint:write_dense",
    needed_bytes=_dense_bytes,
)
RUNTIME = FormatSpec(
    name="runtime",
    title="Built model",
    summary="The folder that the runtime opens; for ONNX Runtime with a script that needs neither Hasten nor torch.",
    write="engine.export.runtime:write",
    needed_bytes=_artefact_bytes,
)
GGUF = FormatSpec(
    name="gguf",
    title="GGUF file",
    summary="One file for llama.cpp and its kin, tokenizer included: integer weights stay the same integers.",
    write="engine.export.gguf:write",
    needed_bytes=_gguf_bytes,
    suffix=".gguf",
)
RECIPE = FormatSpec(
    name="recipe",
    title="Recipe",
    summary="The steps and their options as a YAML file that Hasten opens and a person can read.",
    write="engine.export.recipe:write",
    needed_bytes=_one_file,
    suffix=".yaml",
)
SCRIPT = FormatSpec(
    name="script",
    title="Python script",
    summary="A script that makes the same run again without the window.",
    write="engine.export.script:write",
    needed_bytes=_one_file,
    suffix=".py",
)
REPORT = FormatSpec(
    name="report",
    title="Report",
    summary="One HTML page with what was done and what was measured, to read in any browser or send on.",
    write="engine.export.report:write",
    needed_bytes=_one_file,
    suffix=".html",
)
