"""The models of a comparison or a chat: found by run id or path, opened, named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.compare.table import Answer, AnswerDiff
from engine.compare.text_diff import diff
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.recipe.recipe import Target
from engine.runs.record import ARTEFACT, RECORD, RunRecord
from engine.runs.store import RunStore, candidate_folder
from engine.runtimes.base import MANIFEST, Session
from engine.runtimes.open import open_session, read_artefact
from engine.text.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Place:
    """Where a candidate lies.

    Attributes:
        reference: as it was asked for.
        folder: a checkpoint or artefact folder.
        run: the run id, if it is a run.
        target: what it was built for; a plain checkpoint has the default target.
    """

    reference: str
    folder: Path
    name: str
    run: str | None
    target: Target

    @property
    def key(self) -> str:
        """Changes when the folder's model does: the key of a session kept open."""
        marks = [file for pattern in (MANIFEST, "config.json", "*.safetensors") for file in self.folder.glob(pattern)]
        return f"{self.folder.resolve()}@{max((file.stat().st_mtime_ns for file in marks), default=0)}"


@dataclass(frozen=True)
class Open:
    """A candidate ready to work."""

    place: Place
    session: Session
    tokenizer: Any


def find(references: Sequence[str], context: StepContext) -> list[Place]:
    """Where the candidates lie, with distinct names. GGUF files, LoRA folders and hub ids become checkpoints first.

    Raises UserError for a reference that is none of these.
    """
    places: list[Place] = []
    for reference in references:
        record = _run_of(reference)
        folder = candidate_folder(reference) if record else _checkpoint(reference, context)
        artefact = read_artefact(folder)
        name = record.name if record else folder.resolve().name
        taken = {place.name for place in places}
        distinct, number = name, 2
        while distinct in taken:
            distinct, number = f"{name} ({number})", number + 1
        places.append(
            Place(reference, folder, distinct, record.id if record else None, artefact.target if artefact else Target())
        )
    return places


def open_all(
    places: Sequence[Place], threads: int | None, context: StepContext, opened: list[Open] | None = None
) -> list[Open]:
    """Open every candidate in a session of its own, added to `opened` at once so that the caller can close it."""
    found = opened if opened is not None else []
    for index, place in enumerate(places):
        context.step(index, len(places), f"Opening {place.name}")
        session = open_session(place.folder, threads=threads, context=context)
        found.append(Open(place, session, load_tokenizer(place.folder)))
    return found


def same_vocabulary(tokenizers: Sequence[Any]) -> bool:
    """Whether all of them turn the same ids into the same tokens."""
    first = tokenizers[0].get_vocab()
    return all(other.get_vocab() == first for other in tokenizers[1:])


def diffs_of(answers: Sequence[Sequence[Answer]], same_tokens: Callable[[int], bool]) -> tuple[AnswerDiff, ...]:
    """The differences from the first candidate: answers per candidate and prompt in, one diff per prompt and other."""
    return tuple(
        diff(reference, answers[index][prompt], prompt=prompt, index=index, same_tokens=same_tokens(index))
        for prompt, reference in enumerate(answers[0])
        for index in range(1, len(answers))
    )


def _run_of(reference: str) -> RunRecord | None:
    """The run that `reference` names; None if it names a folder, a file or something to be fetched."""
    path = Path(reference).expanduser()
    if path.exists() and not (path / RECORD).is_file():
        return None
    try:
        return RunStore().get(path.name if path.exists() else reference)
    except UserError:
        return None


def _checkpoint(reference: str, context: StepContext) -> Path:
    path = Path(reference).expanduser()
    if (path / RECORD).is_file():  # a run that lies outside the data folder
        return path / ARTEFACT
    if (path / MANIFEST).is_file():
        return path
    from engine.checkpoint.resolve import resolve

    folder: Path = resolve(reference, context)
    return folder
