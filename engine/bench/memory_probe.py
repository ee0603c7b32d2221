"""Run as `python -m engine.bench.memory_probe FOLDER …`: open a model in this fresh process, use it once, print peaks.

A process of its own, because memory that an earlier model took is never given back completely.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.runtimes.base import Session


def peak_rss_bytes() -> int:
    """The most resident memory that this process ever held, and every process that it has started and that still runs,
    such as one that a model is computed in."""
    import psutil

    children = psutil.Process().children(recursive=True)
    if sys.platform.startswith("linux"):
        return sum(_peak_on_linux(str(pid)) for pid in ("self", *(child.pid for child in children)))
    if sys.platform == "win32":
        return sum(int(process.memory_info().peak_wset) for process in (psutil.Process(), *children))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _peak_on_linux(pid: str) -> int:
    match = re.search(r"^VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match, "Linux lists VmHWM for every process"
    return int(match.group(1)) * 1024


def use_once(folder: Path, threads: int, device: str | None, prompt_tokens: int, new_tokens: int) -> Session:
    """Open the model in `folder` and answer once: prompt and new tokens for a decoder, one text for an encoder.

    The session is still open: what it holds is what is measured. Raises UserError if it does not open.
    """
    from engine.metrics.base import DECODERS
    from engine.runtimes.base import TextBatch
    from engine.runtimes.open import open_session

    session = open_session(folder, threads=threads or None, device=device)
    length = max(1, min(prompt_tokens, session.context_length - new_tokens))
    ids = np.arange(length, dtype=np.int64) % 64 + 4  # any ids that exist will do
    if session.task in DECODERS:
        for _ in session.generate(ids, new_tokens, stop_at_eos=False):
            pass
    else:
        batch = TextBatch(ids[None], np.ones((1, length), np.int64), np.zeros((1, length), np.int64))
        session.answer(batch)
    return session


def gpu_used_bytes() -> int | None:
    """Bytes in use on all GPUs together, by NVML; None without a driver."""
    from engine.parallel.placement import gpus

    found = gpus()
    return sum(gpu.total_bytes - gpu.free_bytes for gpu in found) if found else None


def main() -> int:
    """Print {"peak_rss_bytes", "peak_gpu_bytes"}, or {"failure"} and exit 2."""
    from engine.protocol.errors import Failure, UserError

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default=None)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=16)
    given = parser.parse_args()
    on_gpu = given.device == "cuda"
    before = gpu_used_bytes() if on_gpu else None
    try:
        session = use_once(given.folder, given.threads, given.device, given.prompt_tokens, given.new_tokens)
    except (UserError, MemoryError) as error:
        print(json.dumps({"failure": Failure.of(error).model_dump()}))
        return 2
    # The allocators of an open model keep what they took, so the figure after the work is the peak; it includes the
    # driver's context.
    after = gpu_used_bytes() if on_gpu else None
    peak = peak_rss_bytes()
    session.close()
    gpu = after - before if before is not None and after is not None else None
    print(json.dumps({"peak_rss_bytes": peak, "peak_gpu_bytes": gpu}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
