"""The comparison as offline runs of Weights & Biases, one for each model; `wandb sync` sends them, if a user wants it.

Its client starts programs and threads of its own and stays in a process, so it works in another one:
`python -m engine.export.wandb_offline FOLDER` with the logs as JSON on stdin.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.export.base import ExportContext
from engine.export.logs import logs

# Nothing is sent, not even how the client fares, and nothing is read from the user's own configuration of it.
ALONE = {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
_POLL = 0.2  # seconds between two looks whether the user cancelled
_BLOCK, _HEADER = 1 << 15, 7


def write(context: ExportContext) -> None:
    """Write the runs and read them back. Raises RuntimeError where they do not hold what was logged."""
    given = {
        "group": context.run.id,
        "logs": [dataclasses.asdict(log) for log in logs(context.run)],
    }
    command = [sys.executable, "-P", "-m", "engine.export.wandb_offline", str(context.destination)]
    own = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    own |= {**ALONE, "WANDB_CONFIG_DIR": str(context.destination), "WANDB_CACHE_DIR": str(context.destination)}
    with tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(given).encode())
        asked.seek(0)
        process = subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=own)
        try:
            while True:
                context.step(0, 0, "Logging")
                try:
                    said = process.communicate(timeout=_POLL)[0].decode(errors="replace")
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"logging for Weights & Biases ended with code {process.returncode}:\n{said[-4000:]}")


def main() -> None:
    """Log what stdin says into the folder that is named."""
    import wandb

    folder, given = Path(sys.argv[1]), json.load(sys.stdin)
    expected: dict[Path, int] = {}
    for log in given["logs"]:
        run = wandb.init(
            mode="offline", dir=folder, project="hasten", group=given["group"], name=log["name"],
            config=log["settings"], notes="\n".join(log["notes"].values()), reinit="finish_previous",
            settings=wandb.Settings(
                console="off", disable_git=True, disable_code=True, save_code=False, silent=True, symlink=False,
                x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True,
            ),
        )  # fmt: skip
        longest = max((len(values) for values in log["curves"].values()), default=0)
        expected[Path(run.settings.sync_file)] = longest
        for step in range(longest):
            run.log({tag: values[step] for tag, values in log["curves"].items() if step < len(values)}, step=step)
        run.summary.update({tag: value for tag, value in log["figures"].items() if math.isfinite(value)})
        run.finish()
    wandb.teardown()  # only then everything is on the disk
    for kept, steps in expected.items():
        found = sum(record.WhichOneof("record_type") == "history" for record in records(kept))
        if found != steps:
            raise RuntimeError(f"{kept} holds {found} of {steps} steps")


def records(file: Path) -> list[Any]:
    """Everything that a .wandb file holds, as the client's own messages.

    The file is a LevelDB log (its doc/log_format.md): blocks of 32 KiB, in which each record, or part of one, follows a
    checksum (4 bytes), its length (2) and its kind (1: whole, 2: first, 3: middle, 4: last part). A header of 7 bytes
    belongs to the first block.
    """
    from wandb.proto import wandb_internal_pb2

    data, at, whole, found = file.read_bytes(), _HEADER, b"", []
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # too little for another part: the block ends in zeros
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (1, 4):
            found.append(wandb_internal_pb2.Record.FromString(whole))
            whole = b""
    return found


if __name__ == "__main__":
    main()
