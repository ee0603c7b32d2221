from __future__ import annotations

import pytest

from engine.protocol.errors import UserError
from engine.recipe import overrides
from engine.recipe.recipe import Recipe

RECIPE = Recipe.from_yaml("version: 1\npasses:\n- pass: quantize\n- pass: quantize\n  options: {bits: 4}\n")


def test_settings_change_passes_the_target_and_the_runtime() -> None:
    changed = overrides.apply(
        RECIPE,
        ["quantize.bits=4", "quantize#2.group_size=64", "quantize#2.enabled=false", "target.threads=2",
         "quantize.include=['*.mlp.*', a]"],
    )  # fmt: skip
    assert changed.passes[0].options == {"bits": 4, "include": ["*.mlp.*", "a"]}
    assert changed.passes[1].options == {"bits": 4, "group_size": 64}
    assert not changed.passes[1].enabled
    assert changed.target.threads == 2
    assert RECIPE.target.threads is None


def test_another_runtime_starts_with_its_own_defaults() -> None:
    assert overrides.apply(RECIPE, ["target.runtime=onnxruntime"]).target.runtime == "onnxruntime"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("quantize.bits", "not of the form"),
        ("bits=4", "not of the form"),
        ("prune.ratio=1", "no pass “prune”"),
        ("quantize#3.bits=4", "no pass “quantize#3”"),
        ("quantize.bitz=4", "no option “bitz”"),
        ("quantize.bits=5", "cannot be 5"),
        ("target.threads=many", "threads"),
        ("target.runtime=warp", "no runtime “warp”"),
        ("quantize.bits={", "not valid YAML"),
    ],
)
def test_mistakes_are_named(setting: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        overrides.apply(RECIPE, [setting])
    assert caught.value.code == "bad_recipe"
