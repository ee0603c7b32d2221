"""What every artefact of ONNX Runtime consists of besides its graph: tokenizer, configuration, example, manifest."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import onnx_ir as ir

from engine.grid.scheme import SIDE_FILE
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes.base import Artefact, BuildContext, OpenRequest, Session
from engine.runtimes.onnx_runtime.session import open_session
from engine.text.tokenizer import load_tokenizer

Facts = dict[str, str | int | float | bool | None]
_EXAMPLES = Path(__file__).parent / "examples"
_INTEGER = ("MatMulNBits", "GatherBlockQuantized")
_FUSED = frozenset({
    "GroupQueryAttention", "MultiHeadAttention", "SkipSimplifiedLayerNormalization", "SkipLayerNormalization",
    "BiasGelu", "FastGelu", *_INTEGER,
})  # fmt: skip


def open_built(context: BuildContext) -> Session:
    """A session of what lies in `context.destination` so far."""
    request = OpenRequest(
        step=context.step,
        notice=context.notice,
        folder=context.destination,
        artefact=artefact_of(context, 0, {}),
        threads=context.target.threads or suggested_threads(context.target.replicas),
        device=context.target.device,
    )
    return open_session(request)


def artefact_of(context: BuildContext, weight_bytes: int, facts: Facts) -> Artefact:
    """The manifest of what lies in `context.destination`."""
    here = context.destination
    files = tuple(sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()))
    return Artefact(
        runtime="onnxruntime",
        task=context.info.task,
        target=context.target,
        weight_bytes=weight_bytes,
        files=files,
        facts=facts,
    )


def copy_companions(context: BuildContext, example: str) -> None:
    """Put tokenizer, licence, a plain config.json and the example beside the graph."""
    for name in checkpoint_files(context.source):
        if name.suffix == ".safetensors" or name.name in ("config.json", "model.safetensors.index.json", SIDE_FILE):
            continue
        if not (context.destination / name).exists():
            link_or_copy(context.source / name, context.destination / name)
    config = json.loads((context.source / "config.json").read_text(encoding="utf-8"))
    # What describes the checkpoint's weights does not describe the graph's; the last may name a folder of this machine.
    for key in ("quantization_config", "hasten", "_name_or_path"):
        config.pop(key, None)
    (context.destination / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if not (context.destination / "tokenizer.json").is_file():
        try:
            load_tokenizer(context.source).save_pretrained(context.destination)
        except UserError as error:
            context.notice(error.cause)
    shutil.copyfile(_EXAMPLES / example, context.destination / example)


def graph_facts(*models: ir.Model) -> Facts:
    """What the graph, or the graphs together, are made of."""
    count = Counter(node.op_type for model in models for node in model.graph)
    fused = sum(number for name, number in count.items() if name in _FUSED)
    return {"nodes": sum(count.values()), "fused nodes": fused, "integer nodes": sum(count[name] for name in _INTEGER)}
