"""The export formats as data."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable

from engine.drafts import size_of
from engine.export.base import FormatSpec
from engine.export.logs import refusal as log_refusal
from engine.export.pdf import availability as pdf_availability
from engine.runs.record import RunRecord
from engine.runtimes.base import Availability
from engine.runtimes.torch_compile.spec import availability as compiler_availability

TWO_PROGRAMS = "An encoder-decoder is two programs with a cache between them, which this format does not hold."
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


def _program_bytes(run: RunRecord) -> int:
    # the weights, the cache of keys and values, and once more what a linker or packer lays beside them meanwhile
    return 2 * _dense_bytes(run) + (64 << 20)


def _pdf_bytes(run: RunRecord) -> int:
    return 64 << 20  # with the browser's own files


def _if_installed(package: str) -> Callable[[], Availability]:
    """Looks for `package`, which comes with the extra of the same name."""

    def look() -> Availability:
        if importlib.util.find_spec(package) is None:
            return Availability(
                False, reason=f"{package} is not installed.", remedy=f"Run “pip install hasten[{package}]”."
            )
        return Availability(True, version=importlib.metadata.version(package))

    return look


def _gguf_refusal(run: RunRecord) -> str:
    from engine.checkpoint.inspect import inspect
    from engine.gguf.architectures import refusal

    return refusal(inspect(run.checkpoint_folder)) or ""


def _program_refusal(run: RunRecord) -> str:
    return TWO_PROGRAMS if run.task == "text2text-generation" else ""


def _log_bytes(run: RunRecord) -> int:
    return 16 << 20


def _graph_refusal(run: RunRecord) -> str:
    from engine.runtimes.graphs import graph_refusal

    return graph_refusal(run.recipe.target.runtime, run.task)


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
COMPACT = FormatSpec(
    name="compact",
    title="Compact checkpoint (zeros left out)",
    summary="A folder for Hasten alone in which zeros take one bit each, without loss; opening it puts them back.",
    write="engine.export.compact:write",
    needed_bytes=_checkpoint_bytes,
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
    refusal=_gguf_refusal,
)
EXPORTED = FormatSpec(
    name="exported",
    title="Exported program (.pt2)",
    summary="One torch.export program with its tokenizer and an example: opens with torch alone, without Transformers.",
    write="engine.export.exported:write",
    needed_bytes=_program_bytes,
    refusal=_program_refusal,
)
COMPILED = FormatSpec(
    name="compiled",
    title="Compiled program (AOTInductor)",
    summary="The program as machine code for processors like this one: opens with torch alone and compiles nothing.",
    write="engine.export.compiled:write",
    needed_bytes=_program_bytes,
    availability=compiler_availability,
    refusal=_program_refusal,
)
EXECUTORCH = FormatSpec(
    name="executorch",
    title="ExecuTorch program (.pte)",
    summary="For phones and small devices: a program for ExecuTorch, its matrix products on XNNPACK.",
    write="engine.export.executorch:write",
    needed_bytes=_program_bytes,
    availability=_if_installed("executorch"),
    refusal=_program_refusal,
)
GRAPH = FormatSpec(
    name="graph",
    title="Graph for Netron",
    summary="The graph as it was built and as its compiler runs it, in two small files without the weights.",
    write="engine.export.graph:write",
    needed_bytes=lambda run: 64 * _SMALL,
    refusal=_graph_refusal,
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
PDF = FormatSpec(
    name="pdf",
    title="Report as PDF",
    summary="The same pages to print or to send on, charts as lines; printed by the browser that is installed here.",
    write="engine.export.pdf:write",
    needed_bytes=_pdf_bytes,
    suffix=".pdf",
    availability=pdf_availability,
)
FIGURES = FormatSpec(
    name="figures",
    title="Report as JSON",
    summary="What the report says, for programs: stages, conditions, measurements with spread, answers, differences.",
    write="engine.export.figures:write_json",
    needed_bytes=_one_file,
    suffix=".json",
)
TABLE = FormatSpec(
    name="table",
    title="Measurements as CSV",
    summary="A row for each measurement of each model and each shape of request, with unit, interval and sample count.",
    write="engine.export.figures:write_csv",
    needed_bytes=_one_file,
    suffix=".csv",
)
TENSORBOARD = FormatSpec(
    name="tensorboard",
    title="TensorBoard event files",
    summary="A folder that TensorBoard opens: every model's rounds, tokens and memory as curves, figures and settings.",
    write="engine.export.tensorboard:write",
    needed_bytes=_log_bytes,
    availability=_if_installed("tensorboard"),
    refusal=log_refusal,
)
WANDB = FormatSpec(
    name="wandb",
    title="Weights & Biases, offline",
    summary="The same as offline runs. Nothing is sent: “wandb sync” does that, if and when you want it.",
    write="engine.export.wandb_offline:write",
    needed_bytes=_log_bytes,
    availability=_if_installed("wandb"),
    refusal=log_refusal,
)
