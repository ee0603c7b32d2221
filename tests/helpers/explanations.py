"""An explanation made by hand."""

from __future__ import annotations

from engine.compare.explanation import Change, Explanation, Layer, Step


def _change(value: float) -> Change:
    return Change(value=value, low=value - 0.01, high=value + 0.01, samples=100)


def _layer(index: int, own: float, won: float) -> Layer:
    return Layer(
        part="layer", index=index, name=f"model.layers.{index}", state="changed", pattern=f"model.layers.{index}.*",
        own_error=own, accumulated_error=own, won_back=_change(won),
    )  # fmt: skip


FOUND = Explanation(
    run="r1",
    measure="kl_divergence_nats",
    text="evaluation.txt",
    predictions=100,
    weight_bytes=100 << 20,
    perplexity=20.0,
    seconds=0.02,
    steps=(
        Step(name="prune_depth", title="Drop layers", detail="−1 layers", position=0, weight_bytes=-(20 << 20),
             loss=_change(0.3), perplexity=_change(0.2), seconds=_change(-0.002)),
        Step(name="quantize", title="Quantize", detail="int4 / 32", position=1, weight_bytes=-(60 << 20),
             loss=_change(0.1), perplexity=_change(0.1), seconds=_change(-0.005)),
        Step(name="onnxruntime", title="Build for ONNX Runtime", position=None, weight_bytes=1 << 20,
             loss=_change(-0.05), perplexity=_change(0.0), seconds=_change(-0.008)),
    ),
    layers=(
        _layer(0, 0.02, 0.01),
        Layer(part="layer", index=1, name="model.layers.1", state="dropped"),
        _layer(2, 0.04, 0.2),
        Layer(part="head", index=None, name="", state="changed", won_back=_change(0.02)),
    ),
    layers_loss=0.4,
)  # fmt: skip
