"""The mixed precision pass: types by pattern, and islands for what float16 cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.precision import Precision, precision_of
from engine.checkpoint.reader import Reader
from engine.passes.mixed_precision.maths import largest, outermost
from engine.passes.mixed_precision.spec import SPEC, MixedPrecisionOptions
from engine.protocol.errors import UserError
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.passes import run_pass

IDS = torch.arange(3, 40)[None]
SHORT = {"samples": 2, "tokens": 24}


def _scaled(folder: Path, **factors: float) -> Path:
    tensors = load_file(folder / "model.safetensors")
    for name, factor in factors.items():
        tensors[f"model.layers.1.{name.replace('__', '.')}.weight"] *= factor
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_one_type_for_all_is_a_plain_checkpoint(tiny_llama: Path, tmp_path: Path, dtype: str) -> None:
    run_pass("mixed_precision", tiny_llama, tmp_path / "m", dtype=dtype, **SHORT)
    assert inspect(tmp_path / "m").bytes * 2 == inspect(tiny_llama).bytes
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert plain.dtype is getattr(torch, dtype)
    assert "hasten" not in Reader(tmp_path / "m").config
    assert torch.equal(load_model(tmp_path / "m")(IDS).logits, plain(IDS).logits)


def test_an_activation_beyond_float16_makes_its_part_an_island(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=64, layers=3)
    _scaled(source, mlp__up_proj=1e4, mlp__gate_proj=1e4, mlp__down_proj=1e-8)
    facts = run_pass_without_prediction(source, tmp_path / "m")
    assert facts["kept in float32"] == "model.layers.1.mlp"
    reader = Reader(tmp_path / "m")
    assert reader.header("model.layers.1.mlp.up_proj.weight").dtype == "F32"
    assert reader.header("model.layers.0.mlp.up_proj.weight").dtype == "F16"
    exact, ours = load_model(source)(IDS).logits, load_model(tmp_path / "m")(IDS).logits
    assert torch.isfinite(ours).all()
    assert (exact - ours.float()).norm() / exact.norm() < 0.01
    # Without the island the same model overflows.
    assert not torch.isfinite(load_model(source, dtype=torch.float16)(IDS).logits).all()
    # Plain Transformers does not know islands; it is told a type that holds them all.
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").dtype is torch.float32


def test_a_weight_beyond_float16_makes_an_island_or_is_named(tmp_path: Path) -> None:
    source = _scaled(make_llama(tmp_path / "source", hidden=64, layers=3), mlp__up_proj=1e7, mlp__down_proj=1e-7)
    facts = run_pass_without_prediction(source, tmp_path / "m")
    assert "model.layers.1.mlp" in str(facts["kept in float32"])
    assert torch.isfinite(load_model(tmp_path / "m")(IDS).logits).all()
    with pytest.raises(UserError, match=r"up_proj.*more than float16"):
        run_pass("mixed_precision", source, tmp_path / "n", dtype="float16", islands=False)


def test_hidden_states_beyond_float16_ask_for_bfloat16(tmp_path: Path) -> None:
    source = _scaled(make_llama(tmp_path / "source", hidden=64, layers=3), mlp__down_proj=1e9)
    with pytest.raises(UserError, match="bfloat16"):
        run_pass("mixed_precision", source, tmp_path / "m", dtype="float16", **SHORT)


def test_an_encoder_decoder_is_walked_too(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    from tests.helpers.checkpoints import tokenizer

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=512, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, pad_token_id=2, eos_token_id=1,
        decoder_start_token_id=2,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(tmp_path / "t5")
    tokenizer(tmp_path / "t5")
    facts = run_pass("mixed_precision", tmp_path / "t5", tmp_path / "m", dtype="float16", **SHORT)
    assert "kept in float32" not in facts
    assert load_model(tmp_path / "m").dtype is torch.float16


def test_precision_is_that_of_the_innermost_recorded_module() -> None:
    precision = Precision("float16", {"a": "float32", "a.b": "bfloat16"})
    assert [precision.of(name) for name in ("a.b.c", "a.bc", "a", "ab")] == [
        "bfloat16",
        "float32",
        "float32",
        "float16",
    ]
    assert precision.widest == "float32"
    assert precision_of(precision.stored({"torch_dtype": "float32"})) == precision
    assert precision_of({"torch_dtype": "bfloat16"}) == Precision("bfloat16")


def test_maths() -> None:
    mask = torch.tensor([0.0, torch.finfo(torch.float32).min])
    assert largest([torch.tensor([1.0, -7.0]), (mask, None), torch.tensor([9])]) == 7
    assert outermost({"a": "x", "a.b": "y", "ab": "z"}) == {"a": "x", "ab": "z"}


@pytest.mark.parametrize(
    ("options", "severity", "text"),
    [
        ({"float32": ("norm",)}, "note", "all in float32"),
        ({"float32": ("nowhere",)}, "stop", "No module matches"),
        ({"dtype": "float32"}, "note", "changes nothing"),
    ],
)
def test_what_the_choice_means_is_said(tiny_llama: Path, options: dict[str, object], severity: str, text: str) -> None:
    found = list(SPEC.check(inspect(tiny_llama), MixedPrecisionOptions(**options), 0))
    assert [p.severity for p in found] == [severity]
    assert text in found[0].text


def run_pass_without_prediction(source: Path, destination: Path) -> dict[str, object]:
    """float16 with islands: which ones is only known by measuring, so the prediction leaves them out."""
    from engine.passes.base import PassContext
    from engine.passes.mixed_precision.run import run
    from tests.helpers.passes import no_step

    destination.mkdir()
    return dict(
        run(
            PassContext(
                step=no_step, notice=lambda text: None, source=source, destination=destination, info=inspect(source),
                options=MixedPrecisionOptions(dtype="float16", **SHORT),
            )
        )
    )  # fmt: skip
