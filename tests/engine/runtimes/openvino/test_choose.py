"""The fastest arithmetic that costs little is chosen, by processor and by what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import hardware
from engine.runtimes.openvino import settings
from engine.runtimes.openvino.choose import candidates, choose
from engine.runtimes.openvino.limits import MODEL
from engine.runtimes.openvino.settings import Settings
from engine.runtimes.openvino.spec import OpenVinoOptions

_EXACT, _HALF = Settings(), Settings("bf16", 0, "bf16")
_ROUNDED, _FINER = Settings("f32", 32), Settings("f32", 16)


@pytest.mark.parametrize(
    ("isa", "integer", "expected"),
    [
        (("amx_bf16", "avx512_bf16"), True, (_HALF, _ROUNDED, _FINER, _EXACT)),
        (("avx512_bf16",), True, (_ROUNDED, _FINER, _HALF, _EXACT)),
        (("avx512_bf16",), False, (_HALF, _EXACT)),
        ((), True, (_ROUNDED, _FINER, _EXACT)),
        ((), False, (_EXACT,)),
    ],
)
def test_order_by_processor(
    isa: tuple[str, ...], integer: bool, expected: tuple[Settings, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "isa", lambda: isa)
    assert candidates(OpenVinoOptions(), integer=integer) == expected


def test_what_was_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "isa", lambda: ("amx_bf16",))
    assert candidates(OpenVinoOptions(accuracy="exact"), integer=True) == (_EXACT,)
    assert candidates(OpenVinoOptions(precision="bfloat16"), integer=True) == (_HALF,)
    assert candidates(OpenVinoOptions(precision="float32", kv_cache="8-bit"), integer=False) == (
        Settings("f32", 0, "u8"),
    )


def test_the_first_that_costs_little_wins() -> None:
    prices = {_HALF: 0.5, _ROUNDED: 0.02, _FINER: 0.005, _EXACT: 0.0}
    chosen = choose(OpenVinoOptions(), tuple(prices), prices.__getitem__, 0.01)
    assert (chosen.settings, chosen.cost) == (_FINER, 0.005)
    assert chosen.refused == ((_HALF, 0.5), (_ROUNDED, 0.02))
    fast = choose(OpenVinoOptions(accuracy="fast"), tuple(prices), prices.__getitem__, 0.01)
    assert (fast.settings, fast.cost) == (_HALF, 0.5)
    dear = choose(OpenVinoOptions(), tuple(prices), lambda settings: 1.0, 0.01)
    assert dear.settings == _EXACT


def test_settings_are_kept_in_the_graphs_file(tmp_path: Path) -> None:
    (tmp_path / MODEL).write_text("<net><layers /><rt_info><Runtime_version value='1' /></rt_info></net>")
    assert settings.read(tmp_path) == Settings()
    for chosen in (_HALF, Settings("f32", 16, "u8")):
        settings.write(tmp_path, chosen)
        assert settings.read(tmp_path) == chosen
    assert (tmp_path / MODEL).read_text().count("runtime_options>") == 2
