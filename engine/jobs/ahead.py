"""Load a run's libraries while its checkpoint is read for the first time: that leaves a processor idle."""

from __future__ import annotations

import contextlib
import importlib
import threading

from engine import heap
from engine.catalogue import load
from engine.checkpoint.info import CheckpointInfo
from engine.passes import catalog as passes
from engine.recipe.recipe import Recipe
from engine.runtimes import catalog as runtimes


class Ahead:
    """Loads the code of a legal recipe's passes and of its target, and Transformers' class for the model.

    Nothing else may be imported between `start` and the end of `wait`: two threads that import parts of one library
    can see them half made.
    """

    def __init__(self, recipe: Recipe, info: CheckpointInfo) -> None:
        self._entries = [passes.get(entry.name).run for entry in recipe.active]
        self._entries.append(runtimes.get(recipe.target.runtime).build)
        self._architecture = info.architecture
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, if that has not been done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, daemon=True, name="libraries")
            self._thread.start()

    def wait(self) -> None:
        """Return when all that was begun is loaded."""
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        for entry in self._entries:
            with contextlib.suppress(Exception):  # a stage that needs it will fail by itself, and be told of
                load(entry)
        with contextlib.suppress(Exception), heap.growing():
            getattr(importlib.import_module("transformers"), self._architecture)
