"""The quantize pass by calibration text: what it writes, reports, keeps the same, and refuses."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.options import CalibrationOptions
from engine.calibration.windows import sample
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.passes.quantize.measured import MeasuredRounding
from engine.passes.quantize.spec import SPEC, QuantizeOptions
from engine.protocol.errors import Cancelled, UserError
from tests.helpers import architectures, encoders
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.passes import run_pass

SHORT = {"samples": 6, "tokens": 32, "steps": 4}
METHODS = ("clip", "gptq", "awq", "autoround")


def logits(folder: Path) -> torch.Tensor:
    """What the model answers to text that it was not calibrated on."""
    ids = sample(folder, inspect(folder), CalibrationOptions(samples=8, tokens=32, seed=9))
    model = load_model(folder)
    both = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    return model(input_ids=ids, **both).logits


def error(folder: Path, exact: torch.Tensor) -> float:
    return float((logits(folder) - exact).norm() / exact.norm())


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of width 128 whose logits are far apart."""
    return make_llama(tmp_path_factory.mktemp("sure"), hidden=128, layers=2, spread=0.08)


@pytest.fixture(scope="module")
def uneven(sure: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with few channels that are far larger than others."""
    folder = shutil.copytree(sure, tmp_path_factory.mktemp("uneven") / "model")
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("layernorm.weight"):
            tensor[::16] *= 20
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "shape",
    [
        {"bits": 4},
        {"bits": 4, "symmetric": False, "group_size": 16},
        {"bits": 4, "symmetric": False, "offsets": "float"},
        {"bits": 8, "group_size": "row", "head": 8},
        {"bits": 4, "group_size": 64, "head": 4, "include": ["mlp"], "exclude": ["down"]},
    ],
    ids=str,
)
def test_every_grid_is_written_as_predicted(sure: Path, tmp_path: Path, method: str, shape: dict[str, Any]) -> None:
    facts = run_pass("quantize", sure, tmp_path / "q", method=method, **SHORT, **shape)
    assert facts["by calibration text"] == facts["layers rounded"] > 0
    assert 0 < error(tmp_path / "q", logits(sure)) < (0.05 if shape["bits"] == 8 else 0.6)


def test_answers_change_less_than_by_rounding_to_nearest(sure: Path, tmp_path: Path) -> None:
    exact, wrong = logits(sure), {}
    for method in ("nearest", *METHODS):
        run_pass("quantize", sure, tmp_path / method, method=method, bits=4, symmetric=False, samples=64, tokens=64)
        wrong[method] = error(tmp_path / method, exact)
    assert max(wrong["gptq"], wrong["autoround"]) < 0.9 * wrong["nearest"]
    assert max(wrong["clip"], wrong["awq"]) < 1.05 * wrong["nearest"]


@pytest.mark.parametrize("kind", ["gemma", "qwen3", "llama with biases", "mistral with a window", "phi3"])
@pytest.mark.parametrize("method", METHODS[1:])
def test_other_decoders(tmp_path: Path, kind: str, method: str) -> None:
    source = architectures.decoder(tmp_path / "source", kind)
    facts = run_pass("quantize", source, tmp_path / "q", method=method, bits=4, head=4, **SHORT)
    assert facts["by calibration text"] == facts["layers rounded"] > 0
    assert torch.isfinite(logits(tmp_path / "q")).all()


@pytest.mark.parametrize("kind", ["t5", "bart", "marian"])
@pytest.mark.parametrize("method", METHODS[1:])
def test_encoder_decoders(tmp_path: Path, kind: str, method: str) -> None:
    source = tiny_text2text(tmp_path / "source", kind)
    facts = run_pass("quantize", source, tmp_path / "g", method=method, bits=4, head=8, samples=64, tokens=32, steps=30)
    assert facts["by calibration text"] == facts["layers rounded"] > 0
    run_pass("quantize", source, tmp_path / "n", bits=4, head=8)
    exact = logits(source)
    most = 1.25 if method == "awq" else 1.0  # random weights have no channels for it to gain from
    assert error(tmp_path / "g", exact) < most * error(tmp_path / "n", exact)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "DistilBert", "Albert"])
@pytest.mark.parametrize(
    ("task", "method"),
    [("feature-extraction", "gptq"), ("fill-mask", "gptq"), ("fill-mask", "awq"), ("fill-mask", "autoround")],
)
def test_encoders(tmp_path: Path, kind: str, task: str, method: str) -> None:
    source = encoders.model(kind, task, tmp_path / "source")
    facts = run_pass("quantize", source, tmp_path / "q", method=method, head=8, **SHORT)
    assert facts["by calibration text"] == facts["layers rounded"] > 0


def test_blocks_see_what_rounded_blocks_before_them_give(sure: Path, tmp_path: Path) -> None:
    """What reaches the last block while the model is walked is what the whole changed model computes."""
    ids = torch.arange(3, 35).reshape(4, 8)
    seen: list[torch.Tensor] = []
    with StreamedModel(sure) as model, Stages(model, ids, tmp_path) as stages:
        for name, block in stages.blocks(lambda share: None):
            block.mlp.up_proj.weight.mul_(1.5)
            if name.endswith(".1"):
                hook = block.register_forward_pre_hook(
                    lambda module, args, kwargs: seen.append(args[0]), with_kwargs=True
                )
                stages.run(lambda share: None)
                hook.remove()
        answers = list(stages.answers(lambda share: None))
    whole = load_model(sure)
    for layer in whole.model.layers:
        layer.mlp.up_proj.weight.mul_(1.5)
    expected = whole.model(ids, output_hidden_states=True)
    torch.testing.assert_close(torch.cat(seen), expected.hidden_states[1])
    torch.testing.assert_close(torch.cat(answers), expected.last_hidden_state)


def test_answers_kept_on_disk_are_the_same(sure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_pass("quantize", sure, tmp_path / "a", method="gptq", **SHORT)
    monkeypatch.setattr("engine.blocks.stages.ANSWERS_IN_MEMORY", 0)
    run_pass("quantize", sure, tmp_path / "b", method="gptq", **SHORT)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".json"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sure: Path, tmp_path: Path, method: str) -> None:
    made = []
    for turn, seed in (("a", 0), ("b", 0), ("c", 1)):
        run_pass("quantize", sure, tmp_path / turn, method=method, bits=4, head=4, seed=seed, **SHORT)
        made.append(digest(tmp_path / turn))
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("method", "changes"), [("gptq", [{"act_order": False}, {"damping": 0.5}]), ("autoround", [{"steps": 8}])]
)
def test_options_of_a_method_have_an_effect(
    sure: Path, tmp_path: Path, method: str, changes: list[dict[str, Any]]
) -> None:
    made = set()
    for turn, own in enumerate([{}, *changes]):
        run_pass("quantize", sure, tmp_path / str(turn), bits=4, **{**SHORT, "method": method, **own})
        made.add(digest(tmp_path / str(turn)))
    assert len(made) == 1 + len(changes)


def test_no_step_of_learning_is_rounding_to_nearest(sure: Path, tmp_path: Path) -> None:
    run_pass("quantize", sure, tmp_path / "a", bits=4, method="autoround", **{**SHORT, "steps": 0})
    run_pass("quantize", sure, tmp_path / "n", bits=4)
    assert digest(tmp_path / "a") == digest(tmp_path / "n")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scaling_alone_leaves_the_model_what_it_was(
    uneven: Path, tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights put back unrounded, what AWQ changed in norms and weights cancels out."""
    source = shutil.copytree(uneven, tmp_path / "source")
    tensors = {name: tensor.to(dtype) for name, tensor in load_file(source / "model.safetensors").items()}
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    scaled: dict[str, torch.Tensor] = {}

    def keep(self: MeasuredRounding, name: str, weight: torch.Tensor, *changed: Any) -> None:
        scaled[name] = weight.clone()
        kept(self, name, weight, *changed)

    kept = MeasuredRounding.keep
    monkeypatch.setattr(MeasuredRounding, "keep", keep)
    facts = run_pass("quantize", source, tmp_path / "q", method="awq", bits=4, **SHORT)
    assert int(facts["of these scaled"] or 0) >= 10
    now = {**load_file(tmp_path / "q" / "model.safetensors"), **scaled}
    model, exact = load_model(source), logits(source)
    model.load_state_dict({name: now[name].float() for name in model.state_dict() if name in now}, strict=False)
    assert not torch.equal(
        now["model.layers.0.input_layernorm.weight"], tensors["model.layers.0.input_layernorm.weight"]
    )
    ids = sample(source, inspect(source), CalibrationOptions(samples=8, tokens=32, seed=9))
    torch.testing.assert_close(model(ids).logits, exact, rtol=0, atol=1e-4 * float(exact.abs().max()))


def test_layers_that_stay_floats_are_scaled_along_and_integers_are_not(uneven: Path, tmp_path: Path) -> None:
    exact = logits(uneven)
    facts = run_pass("quantize", uneven, tmp_path / "a", method="awq", include=["q_proj", "gate"], **SHORT)
    assert facts["of these scaled"] == facts["layers rounded"]
    assert error(tmp_path / "a", exact) < 0.1
    facts = run_pass("quantize", tmp_path / "a", tmp_path / "b", method="awq", include=["k_proj"], **SHORT)
    assert facts["of these scaled"] == 0  # it shares its inputs with integers
    assert error(tmp_path / "b", exact) < 0.1


def test_a_head_is_rounded_for_what_reaches_it(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", tied=False, hidden=128, layers=1, spread=0.08)
    exact, wrong = logits(source), {}
    for method in ("nearest", "clip", "gptq"):
        run_pass("quantize", source, tmp_path / method, bits=8, head=4, method=method, samples=64, tokens=64)
        wrong[method] = error(tmp_path / method, exact)
    assert wrong["gptq"] < wrong["clip"] < wrong["nearest"]


def test_the_head_alone_is_rounded_by_what_integer_layers_give_it(sure: Path, tmp_path: Path) -> None:
    run_pass("quantize", sure, tmp_path / "a", bits=4)
    facts = run_pass("quantize", tmp_path / "a", tmp_path / "b", bits=4, head=4, method="gptq", **SHORT)
    assert (facts["layers rounded"], facts["by calibration text"]) == (0, 0)
    one, two = Reader(tmp_path / "a"), Reader(tmp_path / "b")
    assert all(torch.equal(one.tensor(name), two.tensor(name)) for name in one if ".layers." in name)
    assert not torch.equal(one.tensor("model.embed_tokens.weight"), two.tensor("model.embed_tokens.weight"))


def test_a_tied_head_stays_tied(sure: Path, tmp_path: Path) -> None:
    run_pass("quantize", sure, tmp_path / "q", bits=8, head=4, method="gptq", **SHORT)
    reader, model = Reader(tmp_path / "q"), load_model(tmp_path / "q")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert torch.equal(grid.dequantise(grid.read(reader, "model.embed_tokens")), model.lm_head.weight)


@pytest.mark.parametrize("name", ["model.layers.1.mlp.up_proj.weight", "model.layers.0.input_layernorm.weight"])
def test_what_is_no_number_is_named(sure: Path, tmp_path: Path, name: str) -> None:
    source = shutil.copytree(sure, tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    tensors[name].view(-1)[0] = float("nan")
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="not numbers") as caught:
        run_pass("quantize", source, tmp_path / "q", method="gptq", **SHORT)
    assert caught.value.where


@pytest.mark.parametrize("method", METHODS[1:])
def test_steps_rise(sure: Path, tmp_path: Path, method: str) -> None:
    heard: list[float] = []
    run_pass(
        "quantize", sure, tmp_path / "q", step=lambda done, total, text: heard.append(done / total), method=method,
        head=4, **SHORT,
    )  # fmt: skip
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(set(heard)) > 15


def test_a_cancellation_leaves_no_checkpoint(sure: Path, tmp_path: Path) -> None:
    def step(done: float, total: float, text: str) -> None:
        if done > 1.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("quantize", sure, tmp_path / "q", step=step, method="gptq", **SHORT)
    assert not list((tmp_path / "q").iterdir())


def test_the_card_says_which_method(sure: Path) -> None:
    assert SPEC.glyph(QuantizeOptions(bits=4)) == "int4 / 32"
    assert SPEC.glyph(QuantizeOptions(bits=4, method="gptq")) == "int4 / 32 gptq"
    info = inspect(sure)
    assert SPEC.peak_bytes(info, QuantizeOptions(method="gptq")) > SPEC.peak_bytes(info, QuantizeOptions())
