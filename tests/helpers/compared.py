"""A run that was compared, written into the store without computing anything."""

from __future__ import annotations

from engine import paths
from engine.compare.table import Answer, AnswerToken, Candidate, Comparison, Conditions, GridCell, Speedup, Verdict
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import PassEntry, Recipe
from engine.runs.record import RunRecord
from engine.runs.store import RunStore

RUN = "20260101-000000-0000"
ORIGINAL = "/home/somebody/model"


def candidate(name: str, milliseconds: float, reference: str) -> Candidate:
    """A model that takes so long for a token."""
    speed = 1e3 / milliseconds
    measured = Measurement(
        name="decode_tokens_per_second", unit="1/s", better="higher", value=speed, low=0.9 * speed, high=1.1 * speed,
        samples=7, values=(speed,) * 7,
    )  # fmt: skip
    tokens = tuple(AnswerToken(id=1, text="a", seconds=1e-3 * milliseconds * (1 + at % 5 / 10)) for at in range(60))
    second = Measurement.exact("weight_bytes", 5 << 20, text="code.txt")
    return Candidate(
        name=name, reference=reference, runtime="onnxruntime", device="cpu", second=(second,),
        measurements=(measured, Measurement.exact("weight_bytes", 123 << 20)),
        answers=(Answer(prompt="Say a", text="a" * 60, tokens=tokens),),
        memory=tuple((at * 0.05, (100 + round(milliseconds) * at) << 20) for at in range(50)),
    )  # fmt: skip


def cell(prompt: int, new: int, batch: int, factor: float, verdict: Verdict) -> GridCell:
    """Requests of one shape."""
    ratio = Speedup(value=factor, low=factor * 0.9, high=factor * 1.1, confidence=0.99, rounds=6)
    return GridCell(
        candidate=1, prompt_tokens=prompt, new_tokens=new, batch=batch, speedup=ratio, verdict=verdict,
        reference_seconds=factor, seconds=1.0,
    )  # fmt: skip


GRID = (
    cell(32, 16, 1, 2.0, "faster"), cell(128, 16, 1, 0.5, "slower"), cell(32, 16, 4, 4.0, "faster"),
    cell(128, 16, 4, 1.01, "not_proven"),
)  # fmt: skip


def comparison(conditions: Conditions | None = None, fast: float = 10.0) -> Comparison:
    """An original of 40 ms a token, and a model of `fast` milliseconds."""
    return Comparison(
        verdict="faster", verdict_text="×4 faster", prompts=("Say a",), grid=GRID,
        candidates=(candidate("original", 40.0, ORIGINAL), candidate("fast (int4)", fast, RUN)),
        conditions=conditions or {"cpu": "AMD", "threads": 2}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def record(bits: int = 4) -> RunRecord:
    """A run that quantizes."""
    return RunRecord(
        id=RUN, created="2026-01-01T00:00:00", name="Small", checkpoint=ORIGINAL, checkpoint_name="model",
        fingerprint="f", recipe=Recipe(passes=(PassEntry(**{"pass": "quantize"}, options={"bits": bits}),)), stages=(),
        task="text-generation", weight_bytes=1, size_before=1, size_after=1, engine="0.1.0",
    )  # fmt: skip


def compared_run() -> RunRecord:
    """`record` with `comparison`, in the store."""
    folder = paths.runs() / RUN
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(record().model_dump_json(by_alias=True, exclude={"folder", "comparisons"}))
    RunStore().save_comparison(RUN, comparison().model_dump(mode="json"))
    return RunStore().get(RUN)
