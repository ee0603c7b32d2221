"""Finished runs on disk. The folders are the truth; the SQLite index only makes listing quick."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine import paths
from engine.drafts import clean, discard, finished
from engine.protocol.codec import spelled
from engine.protocol.errors import UserError
from engine.runs.record import ARTEFACT, COMPARISONS, EXPLANATION, PROFILE, RECORD, ComparisonSummary, RunRecord

_SCHEMA = "CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, record TEXT NOT NULL)"

Records = list[RunRecord]
Documents = list[dict[str, Any]]


class RunStore:
    """The runs under `root` (the data folder's by default). Several processes may use it at once."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or paths.runs()

    def list(self) -> Records:
        """Every run, newest first. Runs that another process added or deleted meanwhile are noticed."""
        found = {folder.name: folder for folder in finished(self.root) if (folder / RECORD).is_file()}
        if not self.root.is_dir():
            return []
        with self._index() as index:
            known = {row[0]: row for row in index.execute("SELECT id, stamp, record FROM runs")}
            records = []
            for name in sorted(found, reverse=True):
                stamp = _stamp(found[name])
                record = _remembered(known[name][2]) if name in known and known[name][1] == stamp else None
                if record is None:
                    record = _read(found[name])
                    if record is None:
                        continue
                    whole = record.model_dump_json(by_alias=True)
                    index.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (name, stamp, whole))
                records.append(record.model_copy(update={"folder": found[name]}))
            index.executemany("DELETE FROM runs WHERE id = ?", [(name,) for name in known if name not in found])
        return records

    def get(self, reference: str) -> RunRecord:
        """The run with id `reference`, or whose id alone begins with it. Raises UserError (code "not_found")."""
        if reference == Path(reference).name and (self.root / reference / RECORD).is_file():
            record = _read(self.root / reference)
            if record is not None:
                return record
        matches = [record for record in self.list() if reference and record.id.startswith(reference)]
        if len(matches) == 1:
            return matches[0]
        cause = f"Several runs begin with “{reference}”." if matches else f"There is no run “{reference}”."
        raise UserError(cause, "“hasten runs” lists them.", where=reference, code="not_found")

    def delete(self, reference: str) -> None:
        """Remove a run and its comparisons. Raises UserError if there is none."""
        record = self.get(reference)
        discard(record.folder)
        with self._index() as index:
            index.execute("DELETE FROM runs WHERE id = ?", (record.id,))

    def rebuild(self) -> Records:
        """Throw the index away and read every run's folder again; finish interrupted deletions."""
        self._index_file.unlink(missing_ok=True)
        clean(self.root)
        return self.list()

    def save_comparison(self, run_id: str, comparison: dict[str, Any]) -> Path:
        """Keep a comparison (the JSON of `hasten compare`) beside the run; the file written."""
        folder = self.get(run_id).folder / COMPARISONS
        folder.mkdir(exist_ok=True)
        return _write(folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json", comparison)

    def comparisons(self, run_id: str) -> Documents:
        """Every comparison saved beside the run, oldest first."""
        files = sorted((self.get(run_id).folder / COMPARISONS).glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def save_explanation(self, run_id: str, explanation: dict[str, Any]) -> Path:
        """Keep an explanation (the JSON of `hasten explain`) beside the run, in place of an earlier one; the file."""
        return _write(self.get(run_id).folder / EXPLANATION, explanation)

    def explanation(self, run_id: str) -> dict[str, Any] | None:
        """The explanation kept beside the run, or None."""
        return self._kept(run_id, EXPLANATION)

    def save_profile(self, run_id: str, profile: dict[str, Any]) -> Path:
        """Keep a profile (the JSON of `hasten profile`) beside the run, in place of an earlier one; the file."""
        return _write(self.get(run_id).folder / PROFILE, profile)

    def profile(self, run_id: str) -> dict[str, Any] | None:
        """The profile kept beside the run, or None."""
        return self._kept(run_id, PROFILE)

    def _kept(self, run_id: str, name: str) -> dict[str, Any] | None:
        file = self.get(run_id).folder / name
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def children(self, run_id: str) -> Records:
        """The runs that started from this run's result, newest first."""
        return [record for record in self.list() if run_id in record.parents]

    @property
    def _index_file(self) -> Path:
        return self.root / "index.sqlite"

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """The index, committed afterwards. A damaged index is thrown away: the folders hold everything."""
        try:
            connection = sqlite3.connect(self._index_file, timeout=10)
            connection.execute(_SCHEMA)
        except sqlite3.DatabaseError:
            self._index_file.unlink(missing_ok=True)
            connection = sqlite3.connect(self._index_file, timeout=10)
            connection.execute(_SCHEMA)
        try:
            with connection:
                yield connection
        finally:
            connection.close()


def candidate_folder(reference: str) -> Path:
    """Where a comparison's candidate lies: a run's artefact folder, or a checkpoint or artefact folder as it is.

    Raises UserError (code "not_found") when `reference` is neither a run nor an existing path.
    """
    path = Path(reference).expanduser()
    if (path / RECORD).is_file():
        return path / ARTEFACT
    if path.exists():
        return path
    try:
        return RunStore().get(reference).artefact_folder
    except UserError as error:
        raise UserError(
            f"“{reference}” is neither a run nor a folder.",
            "Give a run id (“hasten runs” lists them) or a checkpoint folder.",
            where=reference,
            code="not_found",
        ) from error


def _write(target: Path, document: dict[str, Any]) -> Path:
    """Write `document` to `target`, whole or not at all; `target`."""
    draft = target.with_suffix(f".tmp-{os.getpid()}")
    draft.write_text(json.dumps(spelled(document), ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(draft, target)
    return target


def _stamp(folder: Path) -> str:
    """Changes whenever the folder's record or comparisons do."""
    seen = [folder / RECORD, folder / COMPARISONS]
    return ":".join(str(path.stat().st_mtime_ns) if path.exists() else "" for path in seen)


def _remembered(document: str) -> RunRecord | None:
    """The record that the index holds; None if another version of Hasten wrote it in a form that this one lacks."""
    try:
        return RunRecord.model_validate_json(document)
    except ValidationError:
        return None


def _read(folder: Path) -> RunRecord | None:
    """The record in `folder`, comparisons included; None if it is not a run that this version can read."""
    try:
        record = RunRecord.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
        summaries = tuple(_summary(file) for file in sorted((folder / COMPARISONS).glob("*.json")))
    except (OSError, ValidationError, ValueError):
        return None
    return record.model_copy(update={"folder": folder, "comparisons": summaries})


def _summary(file: Path) -> ComparisonSummary:
    data = json.loads(file.read_text(encoding="utf-8"))
    created = datetime.strptime(file.stem, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return ComparisonSummary(
        created=created.isoformat(),
        file=f"{COMPARISONS}/{file.name}",
        verdict=data.get("verdict") or "",
        verdict_text=data.get("verdict_text") or "",
        candidates=tuple(str(candidate.get("name", "")) for candidate in data.get("candidates", [])),
    )
