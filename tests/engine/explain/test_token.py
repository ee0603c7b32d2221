"""Where a token's error grew: the same figures as plain Transformers gives, and the damaged layer named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.compare import token_words as words
from engine.compare.token_trace import TokenTrace
from engine.explain.token import trace
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.job import RunJob, TokenJob
from engine.recipe.recipe import Recipe
from tests.engine.explain.damage import damaged
from tests.helpers.jobs import Desk
from tests.helpers.passes import no_step

IDS = np.arange(3, 15, dtype=np.int64)


@torch.no_grad()
def _states(folder: Path) -> tuple[list[Any], Any]:
    """The hidden states after the embedding and each layer at the last position, by hooks, and the logits there."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found: list[Any] = []
    first, *_ = layers = model.model.layers
    first.register_forward_pre_hook(lambda module, args: found.append(args[0][0, -1].double()))
    for layer in layers:
        layer.register_forward_hook(lambda module, args, output: found.append(output[0, -1].double()))
    logits = model(input_ids=torch.from_numpy(IDS)[None]).logits[0, -1]
    return found, logits.numpy()


def test_errors_are_those_of_the_hidden_states(tiny_llama: Path, tmp_path: Path) -> None:
    changed = damaged(tiny_llama, tmp_path / "changed", 1, "noise")
    found, left, right = trace(tiny_llama, changed, lambda before, after: range(after), IDS, no_step)
    before, expected = _states(tiny_llama)
    now, given = _states(changed)
    errors = [float((a - b).norm() / a.norm()) for a, b in zip(before, now, strict=True)]
    assert [layer.error for layer in found] == pytest.approx(errors, abs=1e-5)
    assert [layer.index for layer in found] == [None, 0, 1, 2]
    assert found[0].error == found[1].error == found[1].own_error == 0
    assert found[2].own_error == pytest.approx(found[2].error)  # nothing is wrong before it
    assert found[3].own_error == 0  # its weights are the same
    assert [layer.growth for layer in found[2:]] == pytest.approx(np.diff(errors)[1:].tolist(), abs=1e-5)
    assert left == pytest.approx(expected, abs=1e-4)
    assert right == pytest.approx(given, abs=1e-4)


def test_it_can_be_cancelled(tiny_llama: Path) -> None:
    def step(done: float, total: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        trace(tiny_llama, tiny_llama, lambda before, after: range(after), IDS, step)


def test_a_run_without_one_layer(tiny_llama: Path) -> None:
    recipe = Recipe.parse(
        {
            "passes": [{"pass": "prune_depth", "options": {"layers": 1}}],
            "target": {"runtime": "transformers"},
        }
    )
    run = Desk().run(RunJob(checkpoint=str(tiny_llama), recipe=recipe))["run"]
    history = ({"role": "user", "content": "Once upon a time"},)
    found = TokenTrace.model_validate(Desk().run(TokenJob(run=run, history=history, place=2)))
    (gone,) = (layer for layer in found.layers[1:] if layer.own_error is None)
    assert gone.growth > 0
    assert len(found.layers) == 4
    assert found.result.top[0][1] == found.result.probability  # it was the run's own likeliest token
    assert found.result.top[0][1] >= found.result.top[1][1]
    assert found.kl_divergence_nats > 0
    _, rows = words.layer_table(found)
    assert [row[1] for row in rows].count("dropped") == 1
    assert any("grew most" in text for text in words.sentences(found))
    again = TokenJob(run=run, history=history, answer=(5, 6), place=1)
    assert TokenTrace.model_validate(Desk().run(again)).tokens == found.tokens - 1
    with pytest.raises(UserError, match="2 tokens only"):
        Desk().run(TokenJob(run=run, history=history, answer=(5, 6), place=4))
