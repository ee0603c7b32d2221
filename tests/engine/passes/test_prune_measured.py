"""Pruning by calibration text: the maths against independent formulations, and what the pass writes and refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.calibration.inverse import compensation
from engine.calibration.options import CalibrationOptions
from engine.calibration.windows import sample
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.passes.prune_magnitude import sparsegpt as module
from engine.passes.prune_magnitude.maths import wanda
from engine.passes.prune_magnitude.sparsegpt import sparsegpt
from engine.passes.prune_magnitude.spec import SPEC, PruneMagnitudeOptions, selected
from engine.protocol.errors import Cancelled, UserError
from tests.helpers import architectures, encoders
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.passes import run_pass

SHORT = {"samples": 6, "tokens": 32}
METHODS = ("wanda", "sparsegpt")


def weight_and_inputs(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """A random weight [rows, columns], and activations [300, columns], correlated and of very different sizes."""
    random = torch.Generator().manual_seed(3)
    mix = torch.randn(columns, columns, generator=random) * torch.rand(columns, generator=random).mul(2).exp()
    return torch.randn(rows, columns, generator=random), torch.randn(300, columns, generator=random) @ mix


@pytest.mark.parametrize("pattern", [None, (2, 4), (1, 3)])
def test_wanda_is_what_its_definition_says(pattern: tuple[int, int] | None) -> None:
    weight, inputs = weight_and_inputs(5, 24)
    mask = wanda(weight, inputs.square().sum(dim=0), 0.4, pattern)
    size, fall = (24, 10) if pattern is None else (pattern[1], pattern[1] - pattern[0])
    for row in range(5):
        for begin in range(0, 24, size):
            scores = {
                column: abs(float(weight[row, column])) * float(inputs[:, column].norm())
                for column in range(begin, begin + size)
            }
            expected = sorted(scores, key=lambda column: scores[column])[:fall]
            assert mask[row, begin : begin + size].nonzero().flatten().add(begin).tolist() == sorted(expected)


@pytest.mark.parametrize("pattern", [None, (2, 4), (1, 3)])
def test_sparsegpt_is_the_best_update_after_every_column(
    pattern: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything anew for each column: what is left is fitted by least squares to the outputs, given what is fixed; and
    what falls is what costs least if it alone is removed and the columns behind it are fitted again."""
    monkeypatch.setattr(module, "BLOCK", 8)
    weight, inputs = weight_and_inputs(3, 24)
    moment = inputs.T @ inputs
    found = sparsegpt(weight, compensation(moment, 0.01, act_order=False), 0.45, pattern)

    ridge = torch.eye(24, dtype=torch.float64) * (0.01 * moment.diagonal().double().mean()).sqrt()
    rows = torch.cat([inputs.double(), ridge])  # least squares on these has the damping in it
    target = rows @ weight.double().T
    expected, size = torch.zeros(3, 24, dtype=torch.float64), pattern[1] if pattern else 8
    gone, removed = torch.zeros(3, 24, dtype=torch.bool), 0

    def fitted(column: int) -> Tensor:
        """The best values [3, left] of `column` and those behind it, those before it fixed."""
        rest = target - rows[:, :column] @ expected[:, :column].T
        return torch.linalg.lstsq(rows[:, column:], rest).solution.T

    def alone(column: int) -> Tensor:
        """What of the input of `column` those behind it cannot stand in for, squared."""
        own, behind = rows[:, column : column + 1], rows[:, column + 1 :]
        if column < 23:
            own = own - behind @ torch.linalg.lstsq(behind, own).solution
        return own.square().sum()

    for column in range(24):
        now = fitted(column)
        if column % size == 0:
            places = range(column, column + size)
            costs = torch.stack([now[:, place - column] ** 2 * alone(place) for place in places], dim=1)
            if pattern:
                order = costs.argsort(dim=1)[:, : pattern[1] - pattern[0]]
                gone[:, column : column + size].scatter_(1, order, True)
            else:
                count = round(3 * (column + size) * 0.45) - removed
                removed += count
                chosen = torch.zeros(3 * size, dtype=torch.bool)
                chosen[costs.flatten().argsort()[:count]] = True
                gone[:, column : column + size] = chosen.reshape(3, size)
        expected[:, column] = now[:, 0].masked_fill(gone[:, column], 0)
    assert torch.equal(found == 0, gone)
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-3)
    assert float(gone.float().mean()) == pytest.approx(1 - pattern[0] / pattern[1] if pattern else 0.45, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_what_no_text_uses_falls_first(method: str) -> None:
    weight, inputs = weight_and_inputs(4, 16)
    inputs[:, [3, 7, 12, 15]] = 0
    moment = inputs.T @ inputs
    if method == "wanda":
        gone = wanda(weight, moment.diagonal(), 0.5)
    else:
        gone = sparsegpt(weight, compensation(moment, 0.01, act_order=False), 0.5) == 0
    assert bool(gone[:, [3, 7, 12, 15]].all())
    assert int(gone.sum()) == 32


def test_moments_of_rank_one_and_of_zero_are_no_obstacle() -> None:
    weight, inputs = weight_and_inputs(4, 16)
    for moment in (inputs[:1].T @ inputs[:1], torch.zeros(16, 16)):
        pruned = sparsegpt(weight, compensation(moment, 0.0001, act_order=False), 0.5)
        assert torch.isfinite(pruned).all()
        assert int((pruned == 0).sum()) == 32


def answers(folder: Path) -> Tensor:
    """What the model answers to text that it was not calibrated on; it also writes, if it can."""
    ids = sample(folder, inspect(folder), CalibrationOptions(samples=8, tokens=32, seed=9))
    model = load_model(folder)
    both = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    if model.can_generate():
        prompt = ids[:1, :5]
        written = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=4, do_sample=False)
        assert written.shape[1] > 1
    return model(input_ids=ids, **both)[0]


def require_pruned(source: Path, folder: Path, method: str, **options: Any) -> None:
    """Prune to 2:4; all that was chosen was reached, holds the pattern, and the model computes numbers."""
    facts = run_pass("prune_magnitude", source, folder, method=method, structure="n:m", **SHORT, **options)
    assert facts["by calibration text"] == facts["layers pruned"] > 0
    assert str(facts["weights set to zero"]).startswith("50.00%")
    info, before, after = inspect(source), Reader(source), Reader(folder)
    names = {target.name for target in selected(info, PruneMagnitudeOptions(**options))}
    for name in before:
        old, new = before.tensor(name), after.tensor(name)
        assert torch.equal(old, new) is (name not in names)
        if name in names:
            by_input = new.T if info.model_type == "gpt2" else new
            assert torch.all((by_input.reshape(-1, 4) == 0).sum(-1) == 2)
            if method == "wanda":
                assert torch.equal(new[new != 0], old[new != 0])
    assert torch.isfinite(answers(folder)).all()


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("gpt2", "wanda"),
        ("gpt2", "sparsegpt"),
        ("gemma", "wanda"),
        ("llama with biases", "sparsegpt"),
        ("phi3", "wanda"),
    ],
)
def test_decoders(tmp_path: Path, kind: str, method: str) -> None:
    require_pruned(architectures.decoder(tmp_path / "source", kind), tmp_path / "p", method)


@pytest.mark.parametrize(("kind", "method"), [("t5", "wanda"), ("bart", "sparsegpt"), ("marian", "wanda")])
def test_encoder_decoders(tmp_path: Path, kind: str, method: str) -> None:
    require_pruned(tiny_text2text(tmp_path / "source", kind), tmp_path / "p", method)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "DistilBert", "Albert"])
def test_encoders(tmp_path: Path, kind: str) -> None:
    require_pruned(encoders.model(kind, "fill-mask", tmp_path / "source"), tmp_path / "p", "sparsegpt")


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of width 64 whose logits are far apart; its keys and values have fewer heads than its queries."""
    return make_llama(tmp_path_factory.mktemp("sure"), hidden=64, layers=2, spread=0.12)


def test_answers_change_less_than_by_magnitude(sure: Path, tmp_path: Path) -> None:
    exact, wrong = answers(sure), {}
    for method in ("magnitude", *METHODS):
        run_pass("prune_magnitude", sure, tmp_path / method, method=method, sparsity=50, samples=64, tokens=64)
        wrong[method] = float((answers(tmp_path / method) - exact).norm() / exact.norm())
    assert wrong["sparsegpt"] < 0.95 * wrong["wanda"]
    assert wrong["wanda"] < wrong["magnitude"]


@pytest.mark.parametrize("method", METHODS)
def test_a_share_and_a_choice_of_layers_in_16_bits(sure: Path, tmp_path: Path, method: str) -> None:
    run_pass("mixed_precision", sure, tmp_path / "bf16")
    facts = run_pass(
        "prune_magnitude", tmp_path / "bf16", tmp_path / "p", method=method, sparsity=30, include=["mlp"],
        exclude=["down"], **SHORT,
    )  # fmt: skip
    assert str(facts["weights set to zero"]).startswith(("29.", "30."))
    weight = Reader(tmp_path / "p").tensor("model.layers.0.mlp.up_proj.weight")
    assert weight.dtype == torch.bfloat16
    if method == "wanda":
        assert set((weight == 0).sum(dim=1).tolist()) == {19}  # of 64


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sure: Path, tmp_path: Path, method: str) -> None:
    made = []
    for turn, seed in (("a", 0), ("b", 0), ("c", 1)):
        run_pass("prune_magnitude", sure, tmp_path / turn, method=method, seed=seed, **SHORT)
        made.append((tmp_path / turn / "model.safetensors").read_bytes())
    assert made[0] == made[1] != made[2]


def test_options_of_a_method_are_those_that_show(sure: Path, tmp_path: Path) -> None:
    made = []
    for turn, changes in enumerate(({}, {"damping": 0.5}, {"scope": "global"})):
        run_pass("prune_magnitude", sure, tmp_path / str(turn), method="sparsegpt", **SHORT, **changes)
        made.append((tmp_path / str(turn) / "model.safetensors").read_bytes())
    assert made[1] != made[0] == made[2]


@pytest.mark.parametrize("name", ["model.layers.1.mlp.up_proj.weight", "model.layers.0.input_layernorm.weight"])
def test_what_is_no_number_is_named(sure: Path, tmp_path: Path, name: str) -> None:
    source = shutil.copytree(sure, tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    tensors[name].view(-1)[0] = float("nan")
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="not numbers") as caught:
        run_pass("prune_magnitude", source, tmp_path / "p", method="wanda", **SHORT)
    assert caught.value.where


def test_a_model_that_cannot_be_walked_is_told_what_to_choose(
    sure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No family that is supported cannot be walked: the sign of one is set here."""

    def nothing(model: object) -> None:
        raise UserError("No layers.", "Nothing.", code="unsupported_architecture")

    monkeypatch.setattr("engine.blocks.streamed.find_blocks", nothing)
    with pytest.raises(UserError, match="cannot be pruned by calibration text") as caught:
        run_pass("prune_magnitude", sure, tmp_path / "p", method="wanda", **SHORT)
    assert caught.value.remedy == "Set “Method” to “magnitude”."


def test_steps_rise_and_a_cancellation_leaves_no_checkpoint(sure: Path, tmp_path: Path) -> None:
    heard: list[float] = []
    run_pass(
        "prune_magnitude", sure, tmp_path / "p", method="sparsegpt",
        step=lambda done, total, text: heard.append(done / total), **SHORT,
    )  # fmt: skip
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(set(heard)) > 15

    def step(done: float, total: float, text: str) -> None:
        if done > 1.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("prune_magnitude", sure, tmp_path / "q", step=step, method="sparsegpt", **SHORT)
    assert not list((tmp_path / "q").iterdir())


def test_the_card_says_which_method(sure: Path) -> None:
    assert SPEC.glyph(PruneMagnitudeOptions()) == "30 % zeros"
    assert SPEC.glyph(PruneMagnitudeOptions(method="wanda")) == "30 % zeros wanda"
    assert SPEC.glyph(PruneMagnitudeOptions(method="sparsegpt", structure="n:m")) == "2:4 sparsegpt"
    info = inspect(sure)
    peaks = [SPEC.peak_bytes(info, PruneMagnitudeOptions(method=method)) for method in ("magnitude", *METHODS)]
    assert peaks == sorted(set(peaks))
