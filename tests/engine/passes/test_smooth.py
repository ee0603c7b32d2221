"""The smoothing pass: the model computes what it did, and rounding to 8 bits then costs it less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.checkpoint.load import load_model
from engine.passes.smooth.maths import scales
from engine.passes.smooth.spec import SPEC, SmoothOptions
from engine.protocol.errors import Cancelled
from tests.helpers.architectures import decoder
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.passes import run_pass

IDS = torch.arange(3, 60)[None]


def test_scales_are_the_nearest_powers_of_two_of_the_formula() -> None:
    squares, largest = torch.tensor([1.0, 100.0, 1e4, 0.0]), torch.tensor([0.5, 2.0, 0.25, 1.0])
    exact = squares[:3].sqrt() ** 0.75 / largest[:3] ** 0.25
    exact /= exact.log().mean().exp()
    found = scales(squares, largest, 0.75)
    assert found[3] == 1  # a channel that is never used
    assert torch.equal(found[:3], torch.exp2(torch.log2(exact).round()))
    assert torch.equal(scales(squares, torch.ones(4), 0.0), torch.ones(4))


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("llama with biases", 6 / 7),  # all but the attention's output, whose inputs are shared by query heads
        ("mistral with a window", 6 / 7),
        ("gemma", 6 / 7),  # its norms add 1 to their weights
        ("phi3", 2 / 4),  # gate and up are one matrix
        ("gpt2", 0),  # whose layers are Conv1D
    ],
)
def test_the_model_answers_as_before(tmp_path: Path, name: str, share: float) -> None:
    source = decoder(tmp_path / "source", name)
    facts = run_pass("smooth", source, tmp_path / "s", samples=2, tokens=32)
    assert facts["linear layers smoothed"] == round(share * int(facts["of"] or 0))
    with torch.no_grad():
        before, after = load_model(source)(IDS).logits, load_model(tmp_path / "s")(IDS).logits
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5 * float(before.abs().max()))
    changed = [k for k, v in load_file(tmp_path / "s" / "model.safetensors").items()
               if not torch.equal(v, load_file(source / "model.safetensors")[k])]  # fmt: skip
    assert bool(changed) == bool(share)


def test_an_encoder_whose_norms_feed_the_residual_stays_as_it_is(tiny_bert: Path, tmp_path: Path) -> None:
    assert run_pass("smooth", tiny_bert, tmp_path / "s", samples=2, tokens=32)["linear layers smoothed"] == 0
    kept, was = (load_file(folder / "model.safetensors") for folder in (tmp_path / "s", tiny_bert))
    assert all(torch.equal(kept[name], was[name]) for name in was)


def test_eight_bits_cost_less_where_channels_are_uneven(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=64, spread=0.1)
    tensors = load_file(source / "model.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("layernorm.weight"):
            tensor[::16] *= 40
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    run_pass("smooth", source, tmp_path / "s", samples=2, tokens=64)
    assert _damage(tmp_path / "s") < 0.5 * _damage(source)


def test_it_stops_when_asked_and_only_takes_weights_that_are_not_rounded(tiny_llama: Path, tmp_path: Path) -> None:
    from engine.checkpoint.inspect import inspect

    def stop(done: float, total: float, text: str) -> None:
        if done >= 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("smooth", tiny_llama, tmp_path / "s", stop, samples=1, tokens=16)
    run_pass("quantize", tiny_llama, tmp_path / "q")
    (problem,) = SPEC.check(inspect(tmp_path / "q"), SmoothOptions(), 0)
    assert problem.severity == "stop"


def _damage(folder: Path) -> float:
    """The mean squared error of logits with weights and activations in 8 bits by 32, as integer kernels compute."""

    def rounded(values: Tensor) -> Tensor:
        blocks = values.reshape(-1, 32)
        step = blocks.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
        return ((blocks / step).round() * step).reshape(values.shape)

    def before(module: nn.Module, args: Any) -> Any:
        return (rounded(args[0]),)

    model = load_model(folder)
    with torch.no_grad():
        exact = model(IDS).logits
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and name != "lm_head":
                module.weight.copy_(rounded(module.weight))
                module.register_forward_pre_hook(before)
        return float((model(IDS).logits - exact).square().mean())
