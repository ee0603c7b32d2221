"""Measure a model's peak memory in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.metrics.base import Peaks
from engine.protocol.errors import Failure, UserError


def probe(
    folder: Path,
    *,
    threads: int | None,
    device: str,
    prompt_tokens: int,
    new_tokens: int,
    check: Callable[[], None],
) -> Peaks:
    """Peaks of opening the model in `folder` and answering once, in a process of its own.

    Args:
        check: polled while waiting; what it raises (Cancelled) ends the process too.

    Raises UserError when the model does not open there or the process is killed for want of memory.
    """
    command = [sys.executable, "-P", "-m", "engine.bench.memory_probe", str(folder.resolve()), "--device", device]
    command += ["--threads", str(threads or 0)]
    command += ["--prompt-tokens", str(prompt_tokens), "--new-tokens", str(new_tokens)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        try:
            while True:
                check()
                try:
                    output, _ = process.communicate(timeout=0.1)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    return _peaks(process.returncode, output, said, folder)


def _peaks(code: int, output: bytes, said: str, folder: Path) -> Peaks:
    lines = output.decode(errors="replace").strip().splitlines()
    if code < 0:
        raise UserError(
            "Measuring the memory failed: the system ended the process, most likely for want of memory.",
            "Close other programs, or compare a smaller model.",
            where=str(folder),
            code="not_enough_memory",
        )
    if code == 2 and lines:
        raise Failure.model_validate(json.loads(lines[-1])["failure"]).to_error()
    if code != 0 or not lines:
        raise RuntimeError(f"the memory probe of {folder} ended with code {code}:\n{said[-4000:]}")
    found = json.loads(lines[-1])
    return Peaks(found["peak_rss_bytes"], found["peak_gpu_bytes"])
