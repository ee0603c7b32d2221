"""A worker whose inspect job does what the test asks, to see how the machinery around jobs behaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from engine.jobs.base import JobContext
from engine.protocol.errors import UserError
from engine.protocol.events import Log
from engine.protocol.job import InspectJob

COMMAND = [sys.executable, "-c", "from tests.helpers.worker import main; main()"]


def main() -> None:
    from engine.jobs.catalog import HANDLERS
    from engine.worker.__main__ import main as serve

    HANDLERS["inspect"] = "tests.helpers.worker:handle"
    serve()


def handle(job: InspectJob, context: JobContext) -> dict[str, Any]:
    wish, _, detail = job.checkpoint.partition(":")
    match wish:
        case "print":
            print("a library prints")
            os.write(1, b"a C library prints\n")
        case "wait":
            context.emit(Log(job=job.id, text="waiting"))
            while True:
                context.check()
                threading.Event().wait(0.01)
        case "deaf":
            context.emit(Log(job=job.id, text="waiting"))
            threading.Event().wait()
        case "die":
            print("last words", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.Signals[detail])
        case "leave":
            os._exit(int(detail))
        case "user":
            raise UserError("Cause.", "Remedy.", where="place", code="not_found")
        case "bug":
            raise ZeroDivisionError("division")
        case "memory":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        case "nan":
            return {"value": float("nan"), "nested": [float("inf")]}
        case "gauge":
            seen = threading.Event()
            seen.wait(0.8)  # long enough for one reading; the readings themselves are what is waited for
    return {"pid": os.getpid(), "wish": wish}
