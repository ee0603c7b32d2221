"""A profile made by hand."""

from __future__ import annotations

from engine.compare.module_times import ModelTimes, ModuleProfile, Phase, module_time
from engine.compare.modules import BETWEEN, Place
from engine.protocol.measurement import Measurement

_ATTENTION, _MLP = Place(layer=0, kind="attention"), Place(layer=0, kind="mlp")


def _model(reference: str, seconds: dict[Place, float], rest: float) -> ModelTimes:
    whole = Measurement(
        name="inter_token_latency_seconds", unit="s", better="lower", value=sum(seconds.values()) + rest,
        low=0, high=1, samples=2, values=(sum(seconds.values()) + rest,) * 2,
    )  # fmt: skip
    modules = [
        module_time(place, [spent, spent], 1 << 20, {"MatMulNBits": spent}, {}) for place, spent in seconds.items()
    ]
    between = module_time(BETWEEN, [rest, rest], 0, {}, {})
    plain = whole.model_copy(update={"value": 0.004})
    phase = Phase(name="decode", seconds=whole, plain=plain, modules=(*modules, between))
    return ModelTimes(reference=reference, name=reference, runtime="ONNX Runtime", phases=(phase,))


FOUND = ModuleProfile(
    models=(
        _model("before", {_ATTENTION: 0.002, _MLP: 0.003, Place(layer=1, kind="mlp"): 0.004}, 0.001),
        _model("r1", {_ATTENTION: 0.002, _MLP: 0.001}, 0.001),
    ),
    prompt_tokens=16,
    notices=("r1 is timed without guessing ahead: a token is then one pass.",),
)
TWO_HALVES = ModuleProfile(
    models=(
        _model(
            "t5",
            {
                Place(layer=0, kind="mlp", half="encoder"): 0.005,
                Place(layer=0, kind="cross", half="decoder"): 0.004,
            },
            0.001,
        ),
    ),
    prompt_tokens=16,
)
