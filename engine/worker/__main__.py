"""`python -m engine.worker`: serve jobs from stdin until it ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from pathlib import Path

from engine import paths
from engine.parallel import tuning
from engine.worker.channel import Channel


def main() -> None:
    """Take over stdout, then serve."""
    channel = Channel.take_stdout()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the near side's business: it sends a cancel
    with contextlib.suppress(OSError):  # Linux only: when memory runs out, let the kernel choose us, not the window
        Path("/proc/self/oom_score_adj").write_text("500")

    tuning.pin_engine()
    # Transformers copies the code that a checkpoint brings, once allowed, here before running it.
    os.environ.setdefault("HF_MODULES_CACHE", str(paths.home() / "cache" / "modules"))

    from engine.worker.loop import serve

    serve(sys.stdin.buffer, channel.send)
    # What lies in memory goes with the process: taking torch apart object by object would keep the near side waiting.
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
