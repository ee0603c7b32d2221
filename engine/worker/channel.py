"""The worker's way out: events as JSON lines on the original standard output, which nothing else can reach."""

from __future__ import annotations

import os
import sys
import threading
from typing import BinaryIO

from engine.protocol import codec
from engine.protocol.events import Event


class Channel:
    """Sends events from any thread, one whole line at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._broken = False

    @classmethod
    def take_stdout(cls) -> Channel:
        """Keep the original stdout for events; whatever else prints to file descriptor 1 reaches stderr instead."""
        sys.stdout.flush()
        own = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(os.fdopen(own, "wb", buffering=0))

    def send(self, event: Event) -> None:
        """Write `event`. Once the reader is gone nothing is sent any more: the end of stdin stops the worker."""
        line = codec.encode(event)
        with self._lock:
            if self._broken:
                return
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[self._stream.write(rest) :]
            except OSError:
                self._broken = True
