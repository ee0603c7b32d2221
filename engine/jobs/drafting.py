"""Which checkpoints a run builds when it speculates: the one that answers, and the one that guesses for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.checkpoint.fingerprint import fingerprint
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.inspect import inspect
from engine.checkpoint.resolve import resolve
from engine.checkpoint.safety import require_supported
from engine.jobs.plan import Drafting
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.recipe.options import parse_options
from engine.recipe.recipe import Target
from engine.runs.record import RECORD
from engine.runs.store import RunStore
from engine.runtimes import catalog as runtimes
from engine.runtimes.base import DRAFT, Artefact
from engine.runtimes.open import read_artefact, write_artefact

# What a runtime builds from a checkpoint into a folder, written with its manifest.
Build = Callable[[Path, CheckpointInfo, Path, Target], Artefact]


def drafting(target: Target, folder: Path, info: CheckpointInfo, content: str, context: StepContext) -> Drafting | None:
    """What `target` asks for beside the result of a recipe on the checkpoint in `folder`; None for nothing.

    Raises UserError when the draft model is missing, is for another task, or has another vocabulary.
    """
    if target.speculation == "original":
        return Drafting(folder, info, content, answers=True)
    if target.speculation != "draft":
        return None
    place = _checkpoint(target.draft, context)
    found = inspect(place)
    require_supported(found)
    _require_runs(found, target, place)
    _require_same_words(folder, info, place, found)
    return Drafting(place, found, fingerprint(place, context.step), answers=False)


def build_both(
    build: Build, source: Path, info: CheckpointInfo, destination: Path, target: Target, second: Drafting | None
) -> Artefact:
    """Build the checkpoint in `source` into `destination`, and `second` with it where there is one.

    The model that guesses lies in the folder of the one that answers, an artefact of its own.
    """
    if second is None:
        artefact = build(source, info, destination, target)
        write_artefact(destination, artefact)
        return artefact
    result, other = (source, info), (second.folder, second.info)
    main, draft = (other, result) if second.answers else (result, other)
    artefact = build(*main, destination, target.model_copy(update={"draft": ""}))  # it lies in the folder itself
    place = destination / DRAFT
    place.mkdir()
    drafted = build(*draft, place, target.model_copy(update={"speculation": "none", "draft": ""}))
    write_artefact(place, drafted)
    files = tuple(sorted(path.relative_to(destination).as_posix() for path in destination.rglob("*") if path.is_file()))
    artefact = artefact.model_copy(
        update={
            "files": files,
            "facts": {**artefact.facts, **{f"draft {name}": value for name, value in drafted.facts.items()}},
        }
    )
    write_artefact(destination, artefact)
    return artefact


def _checkpoint(reference: str, context: StepContext) -> Path:
    store = RunStore()
    if not Path(reference).exists() and (store.root / reference / RECORD).is_file():
        return store.get(reference).checkpoint_folder
    folder = resolve(reference, context)
    if read_artefact(folder) is not None:
        raise UserError(
            f"“{reference}” is a built model, not a checkpoint.",
            "Name the checkpoint it was built from, or its run.",
            where=reference,
        )
    return folder


def _require_runs(info: CheckpointInfo, target: Target, place: Path) -> None:
    """Raise UserError for the first thing that keeps the draft from the target's runtime."""
    spec = runtimes.get(target.runtime)
    for problem in spec.check(info, parse_options(spec.options, target.options, spec.name), target):
        if problem.severity == "stop":
            raise UserError(
                f"The draft model cannot run there: {problem.text}",
                "Choose another draft model, or speculate by prompt lookup.",
                where=str(place),
                code="bad_recipe",
            )


def _require_same_words(folder: Path, info: CheckpointInfo, place: Path, draft: CheckpointInfo) -> None:
    """Raise UserError unless token ids mean the same text to both."""
    from engine.text.tokenizer import load_tokenizer

    same = draft.task == info.task and load_tokenizer(folder).get_vocab() == load_tokenizer(place).get_vocab()
    if not same:
        raise UserError(
            "The draft model uses another vocabulary, so its guesses mean nothing to this model.",
            "Choose a smaller model of the same family, or speculate by prompt lookup.",
            where=str(place),
            code="bad_recipe",
        )
