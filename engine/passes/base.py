"""What a pass declares, and what it is given when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checkpoint.info import CheckpointInfo, Task
from engine.recipe.options import Options

if TYPE_CHECKING:
    from engine.recipe.validate import Problem

Facts = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class PassSpec:
    """A pass as data; importing it must not import torch.

    Attributes:
        name: its key in recipes; also the name of its folder.
        title: as the window shows it.
        family: "structure", "prune", "quantize", "precision", ...: the unit of ordering rules.
        summary: one sentence: what it does to the model and what it gains.
        options: its option set.
        run: "module:function" of `run(context) -> Facts`, imported only in the engine process.
        check: problems of these options on this layout (empty: fine). `index` is the card's position.
        predict: the layout that the pass will leave, from headers alone. Raises nothing after a clean check.
        peak_bytes: an estimate of the memory the pass takes at its peak.
        tasks: the tasks it applies to.
        refusals: why it does not apply to a task, where there is a reason to tell; one sentence.
        must_precede: families that must come later than this pass.
        needs: what else it needs: "calibration", "gpu", "labels", "teacher".
        keeps_plain: its result loads in plain Transformers.
        keeps_tokens: token ids mean the same before and after it.
        repeatable: may stand more than once in a recipe.
        paper: where the method comes from.
        glyph: a short picture for the card ("25 % FFN"), from options.
        version: raise it when results change: it belongs to the stage cache key.
    """

    name: str
    title: str
    family: str
    summary: str
    options: type[Options]
    run: str
    check: Callable[[CheckpointInfo, Any, int], Iterable[Problem]]
    predict: Callable[[CheckpointInfo, Any], CheckpointInfo]
    peak_bytes: Callable[[CheckpointInfo, Any], int]
    glyph: Callable[[Any], str]
    tasks: frozenset[Task]
    refusals: Mapping[Task, str] = field(default_factory=dict)
    must_precede: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    keeps_plain: bool = True
    keeps_tokens: bool = True
    repeatable: bool = False
    paper: str = ""
    version: int = 1


@dataclass(frozen=True)
class StepContext:
    """What every long operation of the engine is given to report progress and to notice a cancellation.

    Attributes:
        step: call it often as step(done, total, text): reports progress; raises Cancelled once asked to stop.
        notice: tell the user something in one sentence.
    """

    step: Callable[[float, float, str], None]
    notice: Callable[[str], None]


@dataclass(frozen=True)
class PassContext(StepContext):
    """What a pass is given.

    Attributes:
        source: the checkpoint folder to read. Never written.
        destination: an existing empty folder to fill with a whole checkpoint.
        info: the source's layout.
        options: an instance of the spec's option set.
        device: "cpu" or "cuda", for the computation.
        threads: torch threads to use.
        scratch: an empty folder for spilled data, deleted afterwards.
    """

    source: Path
    destination: Path
    info: CheckpointInfo
    options: Any
    device: str = "cpu"
    threads: int = 1
    scratch: Path = field(default_factory=Path)
