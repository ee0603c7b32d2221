"""What was already made: checkpoints of passes and built models, each under the key of everything that shaped it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import paths
from engine.drafts import alive, discard, draft, finished, owner, size_of
from engine.protocol.errors import UserError
from engine.runs.record import StageRecord

ENTRY = "entry.json"
CONTENT = "content"
SCRATCH = "scratch"
_USED = ".using-"


class Entry(BaseModel):
    """A finished stage.

    Attributes:
        history: the records of all stages up to this one, itself last: a later run needs only the last checkpoint.
        created: ISO 8601, UTC.
        folder: where it lies; filled in on reading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: tuple[StageRecord, ...]
    created: str
    folder: Path = Field(default_factory=Path, exclude=True)

    @property
    def key(self) -> str:
        """Its key."""
        return self.record.key

    @property
    def record(self) -> StageRecord:
        """What the stage did."""
        return self.history[-1]

    @property
    def content(self) -> Path:
        """The checkpoint or artefact folder."""
        return self.folder / CONTENT


class Cache:
    """Finished stages under `root`. Several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, key: str) -> Entry | None:
        """The finished stage under `key`, marked as just used, or None."""
        entry = self._read(self.root / key)
        if entry is None:
            return None
        try:
            os.utime(entry.folder / ENTRY)
        except FileNotFoundError:  # another process trimmed it just now
            return None
        return entry

    def entries(self) -> list[Entry]:
        """Every finished stage, the most recently used first."""
        found = [entry for folder in finished(self.root) if (entry := self._read(folder)) is not None]
        return sorted(found, key=_last_use, reverse=True)

    @contextmanager
    def building(self, key: str) -> Iterator[Path]:
        """An empty folder for stage `key`: fill its content/ (scratch/ is thrown away) and call `finish` inside the
        block. The stage counts as finished when the block succeeds; when it raises nothing is left."""
        with draft(self.root / key) as folder:
            (folder / CONTENT).mkdir()
            (folder / SCRATCH).mkdir()
            yield folder

    @staticmethod
    def finish(folder: Path, earlier: Iterable[StageRecord], record: StageRecord) -> None:
        """Describe the stage built in draft `folder`; its size is taken from the disk."""
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        whole = record.model_copy(update={"bytes": size_of(folder / CONTENT)})
        entry = Entry(history=(*earlier, whole), created=datetime.now(UTC).isoformat(timespec="seconds"))
        (folder / ENTRY).write_text(entry.model_dump_json(indent=1), encoding="utf-8")

    def delete(self, key: str) -> None:
        """Remove one stage. Runs keep their own links to what they need. Raises UserError if there is none."""
        folder = self.root / key
        if not key or not folder.is_dir():
            raise UserError(f"There is no stage “{key}”.", "“hasten stages” lists them.", where=key, code="not_found")
        discard(folder)

    def _read(self, folder: Path) -> Entry | None:
        try:
            entry = Entry.model_validate_json((folder / ENTRY).read_bytes())
        except (OSError, ValidationError):
            return None
        found = entry.model_copy(update={"folder": folder})
        return found if found.key == folder.name and found.content.is_dir() else None


def stages() -> Cache:
    """The checkpoints of passes."""
    return Cache(paths.stages())


def artefacts() -> Cache:
    """The built models."""
    return Cache(paths.artefacts())


def held_bytes() -> int:
    """Bytes that both caches hold on disk, files with several names counted once."""
    seen: dict[tuple[int, int], int] = {}
    for cache in (stages(), artefacts()):
        for path in cache.root.rglob("*") if cache.root.is_dir() else ():
            try:
                found = path.stat()
            except FileNotFoundError:  # another process removed it just now
                continue
            seen[(found.st_dev, found.st_ino)] = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return sum(seen.values())


@contextmanager
def in_use(keys: Iterable[str]) -> Iterator[None]:
    """While the block runs, no process trims the stages under `keys`."""
    mark = paths.stages() / f"{_USED}{owner()}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text("\n".join(keys), encoding="ascii")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def trim(quota: int) -> list[str]:
    """Delete the least recently used stages until both caches hold at most `quota` bytes; the keys deleted.

    Stages in use stay whatever the quota says.
    """
    deleted = []
    keep = _in_use()
    places = {entry.key: (cache, entry) for cache in (stages(), artefacts()) for entry in cache.entries()}
    oldest = sorted(places.values(), key=lambda place: _last_use(place[1]))
    for cache, entry in oldest:
        if held_bytes() <= quota:
            break
        if entry.key not in keep:
            cache.delete(entry.key)
            deleted.append(entry.key)
    return deleted


def _in_use() -> set[str]:
    """The keys that living processes marked; marks of dead ones are removed."""
    keys: set[str] = set()
    for mark in paths.stages().glob(f"{_USED}*"):
        if alive(mark.name.removeprefix(_USED)):
            keys.update(mark.read_text(encoding="ascii").split())
        else:
            mark.unlink(missing_ok=True)
    return keys


def _last_use(entry: Entry) -> float:
    return (entry.folder / ENTRY).stat().st_mtime
