"""What every artefact of ONNX Runtime consists of besides its graph: tokenizer, configuration, example, manifest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx_ir as ir

from engine.runtimes import companions
from engine.runtimes.base import Artefact, BuildContext, Session
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime.session import open_session

_EXAMPLES = Path(__file__).parent / "examples"
_INTEGER = ("MatMulNBits", "GatherBlockQuantized")
_FUSED = frozenset({
    "GroupQueryAttention", "MultiHeadAttention", "SkipSimplifiedLayerNormalization", "SkipLayerNormalization",
    "BiasGelu", "FastGelu", *_INTEGER,
})  # fmt: skip


def open_built(context: BuildContext) -> Session:
    """A session of what lies in `context.destination` so far."""
    return open_session(companions.request_for(context, "onnxruntime"))


def artefact_of(context: BuildContext, weight_bytes: int, facts: Facts) -> Artefact:
    """The manifest of what lies in `context.destination`."""
    return companions.artefact_of(context, "onnxruntime", weight_bytes, facts)


def copy_companions(context: BuildContext, example: str) -> None:
    """Put tokenizer, licence, a plain config.json and the example beside the graph."""
    companions.copy_companions(context, _EXAMPLES / example)


def graph_facts(*models: ir.Model) -> Facts:
    """What the graph, or the graphs together, are made of."""
    count = Counter(node.op_type for model in models for node in model.graph)
    fused = sum(number for name, number in count.items() if name in _FUSED)
    return {"nodes": sum(count.values()), "fused nodes": fused, "integer nodes": sum(count[name] for name in _INTEGER)}
