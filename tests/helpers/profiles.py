"""A profile made by hand."""

from __future__ import annotations

from engine.compare.module_times import ModelTimes, ModuleProfile, Phase, module_time
from engine.compare.modules import BETWEEN, Kind, Place
from engine.protocol.measurement import Measurement


def _model(reference: str, seconds: dict[tuple[int, Kind], float], rest: float) -> ModelTimes:
    whole = Measurement(
        name="inter_token_latency_seconds", unit="s", better="lower", value=sum(seconds.values()) + rest,
        low=0, high=1, samples=2, values=(sum(seconds.values()) + rest,) * 2,
    )  # fmt: skip
    modules = [
        module_time(Place(layer=layer, kind=kind), [spent, spent], 1 << 20, {"MatMulNBits": spent}, {})
        for (layer, kind), spent in seconds.items()
    ]
    between = module_time(BETWEEN, [rest, rest], 0, {}, {})
    plain = whole.model_copy(update={"value": 0.004})
    phase = Phase(name="decode", seconds=whole, plain=plain, modules=(*modules, between))
    return ModelTimes(reference=reference, name=reference, runtime="ONNX Runtime", phases=(phase,))


FOUND = ModuleProfile(
    models=(
        _model("before", {(0, "attention"): 0.002, (0, "mlp"): 0.003, (1, "mlp"): 0.004}, 0.001),
        _model("r1", {(0, "attention"): 0.002, (0, "mlp"): 0.001}, 0.001),
    ),
    prompt_tokens=16,
    notices=("r1 is timed without guessing ahead: a token is then one pass.",),
)
