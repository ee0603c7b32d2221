"""What a built model needs besides its graph, the same for every graph runtime: tokenizer, configuration, example."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine.checkpoint.inspect import read_config
from engine.grid.scheme import SIDE_FILE
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes.base import Artefact, BuildContext, OpenRequest
from engine.text.tokenizer import load_tokenizer

Facts = dict[str, str | int | float | bool | None]


def artefact_of(context: BuildContext, runtime: str, weight_bytes: int, facts: Facts) -> Artefact:
    """The manifest of what lies in `context.destination`, built for `runtime`."""
    here = context.destination
    files = tuple(sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()))
    return Artefact(
        runtime=runtime,
        task=context.info.task,
        target=context.target,
        weight_bytes=weight_bytes,
        files=files,
        facts=facts,
    )


def request_for(context: BuildContext, runtime: str) -> OpenRequest:
    """How to open what lies in `context.destination` so far, built for `runtime`, as its target asks for."""
    return OpenRequest(
        step=context.step,
        notice=context.notice,
        folder=context.destination,
        artefact=artefact_of(context, runtime, 0, {}),
        threads=context.target.threads or suggested_threads(context.target.replicas),
        device=context.target.device,
    )


def copy_companions(context: BuildContext, example: Path | None) -> None:
    """Put tokenizer, licence, a plain config.json and the script `example` beside the graph."""
    for name in checkpoint_files(context.source):
        if name.suffix == ".safetensors" or name.name in ("config.json", "model.safetensors.index.json", SIDE_FILE):
            continue
        if not (context.destination / name).exists():
            link_or_copy(context.source / name, context.destination / name)
    config = read_config(context.source)
    # What describes the checkpoint's weights does not describe the graph's; the last may name a folder of this machine.
    for key in ("quantization_config", "hasten", "_name_or_path"):
        config.pop(key, None)
    (context.destination / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if not (context.destination / "tokenizer.json").is_file():
        try:
            load_tokenizer(context.source).save_pretrained(context.destination)
        except UserError as error:
            context.notice(error.cause)
    if example is not None:
        shutil.copyfile(example, context.destination / example.name)
