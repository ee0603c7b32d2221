"""Which arithmetic to ship: the fastest that this processor has and that costs the model too little to matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine import hardware
from engine.runtimes.openvino.limits import EXACT, FAST, FINER, NATIVE_BFLOAT16
from engine.runtimes.openvino.settings import Settings
from engine.runtimes.openvino.spec import OpenVinoOptions


@dataclass(frozen=True)
class Choice:
    """What was chosen, what it costs (in the unit of the measure given) and what was found too costly before it."""

    settings: Settings
    cost: float
    refused: tuple[tuple[Settings, float], ...] = ()


def candidates(options: OpenVinoOptions, *, integer: bool, device: str = "cpu") -> tuple[Settings, ...]:
    """Arithmetic that `options` allow for a model with or without integer weights, the fastest first: as measured on
    processors, as OpenVINO's own order of preference is on Intel's GPU. An NPU has one."""
    if device == "intel-npu":
        return (Settings("f16", EXACT, "f16"),)
    if device == "intel-gpu":
        return _on_gpu(options, integer=integer)
    exact, half = _settings(options, "f32", EXACT), _settings(options, "bf16", EXACT)
    if options.precision == "bfloat16":
        return (half,)
    if options.accuracy == "exact":
        return (exact,)
    rounded = tuple(_settings(options, "f32", group) for group in (FAST, FINER)) if integer else ()
    isa = hardware.isa()
    tiles, products = (name in isa and options.precision == "automatic" for name in NATIVE_BFLOAT16)
    if tiles:
        return (half, *rounded, exact)
    if products:
        return (*rounded, half, exact)
    return (*rounded, exact)


def choose(
    options: OpenVinoOptions, found: tuple[Settings, ...], cost: Callable[[Settings], float], most: float
) -> Choice:
    """The first of `found` that costs at most `most`, or else the last; the first at once where speed was asked for."""
    refused: list[tuple[Settings, float]] = []
    for settings in found[:-1]:
        paid = cost(settings)
        if options.accuracy == "fast" or paid <= most:
            return Choice(settings, paid, tuple(refused))
        refused.append((settings, paid))
    return Choice(found[-1], cost(found[-1]), tuple(refused))


def _on_gpu(options: OpenVinoOptions, *, integer: bool) -> tuple[Settings, ...]:
    rounded, half, exact = (
        _settings(options, precision, group).on("intel-gpu", ())
        for precision, group in (("f16", FAST), ("f16", EXACT), ("f32", EXACT))
    )
    if options.accuracy == "exact" or options.precision == "float32":
        return (exact,)
    return (rounded, half, exact) if integer else (half, exact)


def _settings(options: OpenVinoOptions, precision: str, group: int) -> Settings:
    cache = {"automatic": precision, "32-bit": "f32", "16-bit": "f16", "8-bit": "u8"}[options.kv_cache]
    return Settings(precision, group, cache)
