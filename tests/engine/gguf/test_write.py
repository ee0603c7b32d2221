"""GGUF files hold the run's checkpoint: numbers, metadata, tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from engine.checkpoint import gguf_header
from engine.checkpoint.gguf import convert
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.gguf.kinds import weight_bytes
from engine.gguf.vocabulary import read_vocabulary
from engine.gguf.write import Written, write_gguf
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.runtimes.open import SILENT
from engine.text.tokenizer import load_tokenizer
from tests.helpers.architectures import decoder
from tests.helpers.onnx_runtime import quantized, run_pass

TEXTS = ["Once upon a time, there was 1 girl.", "It's 3 o'clock\n\n and  well", "你好，世界", "so happy 😀🦙 é", ""]


def written(checkpoint: Path, path: Path, notices: list[str] | None = None) -> Written:
    told = [] if notices is None else notices
    return write_gguf(checkpoint, path, StepContext(step=SILENT.step, notice=told.append), name="Tiny")


def logits(checkpoint: Path) -> np.ndarray:
    ids = torch.randint(3, 380, (1, 60), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found: np.ndarray = load_model(checkpoint, dtype=torch.float32)(ids).logits.numpy()
    return found


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_floats_read_back_to_the_bit_and_answer_the_same(tiny_llama: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    result = written(tiny_llama, file)
    assert (result.largest_difference, result.exact) == (0.0, result.tensors)
    assert result.weight_bytes == weight_bytes(inspect(tiny_llama))
    assert error(logits(convert(file, tmp_path / "back", SILENT)), logits(tiny_llama)) < 1e-6


GRIDS: list[tuple[dict[str, Any], str, float]] = [
    ({"bits": 8, "group_size": 32, "head": 8}, "Q8_0", 2.0**-11),
    ({"bits": 8, "group_size": "row"}, "Q8_0", 2.0**-11),
    ({"bits": 4, "group_size": 64, "head": 4}, "Q4_0", 2.0**-11),
    ({"bits": 4, "group_size": 32, "symmetric": False, "head": 8}, "Q4_1", 2.0**-9),
]


@pytest.mark.parametrize(("options", "kind", "rounding"), GRIDS, ids=lambda value: str(value))
def test_integers_stay_the_grids_own(
    options: dict[str, Any], kind: str, rounding: float, tiny_llama: Path, tmp_path: Path
) -> None:
    checkpoint = quantized(tiny_llama, tmp_path, **options)
    file, notices = tmp_path / "model.gguf", list[str]()
    result = written(checkpoint, file, notices)
    kinds = {tensor.name: tensor.type for tensor in gguf_header.read(file).tensors}
    assert {kinds[f"blk.0.{part}.weight"] for part in ("attn_q", "attn_v", "attn_output", "ffn_down")} == {kind}
    assert kinds["token_embd.weight"] == {8: "Q8_0", 4: "Q4_0"}.get(options.get("head", 0), "F32")
    assert "output.weight" not in kinds  # tied heads stay tied
    # float32 scales lose bits in half precision, and it is said
    assert 0 < result.largest_difference <= rounding
    assert any(f"{result.largest_difference:.3%}" in text for text in notices)
    assert result.weight_bytes == weight_bytes(inspect(checkpoint))
    assert error(logits(convert(file, tmp_path / "back", SILENT)), logits(checkpoint)) < 4 * rounding


@pytest.mark.parametrize(("bits", "kind"), [(8, "Q8_0"), (4, "Q4_0")])
def test_16_bit_scales_lose_nothing(bits: int, kind: str, tiny_llama: Path, tmp_path: Path) -> None:
    half = run_pass(tiny_llama, "mixed_precision", {"dtype": "bfloat16", "islands": False}, tmp_path / "half")
    checkpoint = quantized(half, tmp_path, bits=bits)
    notices: list[str] = []
    result = written(checkpoint, tmp_path / "model.gguf", notices)
    assert set(result.bytes_by_type) == {kind, "BF16", "F32"}
    assert (result.largest_difference, result.exact, notices) == (0.0, result.tensors, [])


def test_grids_without_a_block_are_written_as_floats_and_told(
    tiny_llama: Path, stories260k: Path, tmp_path: Path
) -> None:
    notices: list[str] = []
    checkpoint = quantized(tiny_llama, tmp_path, bits=8, group_size=16)
    assert set(written(checkpoint, tmp_path / "16.gguf", notices).bytes_by_type) == {"F32"}
    assert "groups of 16" in notices[0]
    checkpoint = quantized(tiny_llama, tmp_path, bits=8, symmetric=False)
    result = written(checkpoint, tmp_path / "offsets.gguf", notices)
    assert (set(result.bytes_by_type), result.largest_difference) == ({"F32"}, 0.0)
    assert "with offsets" in notices[1]
    # rows of 172 weights are not cut into blocks of 32, the others are
    checkpoint = quantized(stories260k, tmp_path, bits=8, group_size="row")
    assert set(written(checkpoint, tmp_path / "row.gguf", notices).bytes_by_type) == {"F32", "Q8_0"}
    assert any("5 layers" in text and "172" in text for text in notices)


@pytest.mark.parametrize(
    "name", ["llama with wide heads", "llama 3", "llama, linear", "llama, yarn", "qwen2", "qwen3", "phi3"]
)
def test_other_decoders_answer_the_same_through_transformers(name: str, tmp_path: Path) -> None:
    checkpoint = decoder(tmp_path / "model", name)
    file = tmp_path / "model.gguf"
    written(checkpoint, file)
    assert error(logits(convert(file, tmp_path / "back", SILENT)), logits(checkpoint)) < 1e-6


def test_what_transformers_would_read_wrongly_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    written(decoder(tmp_path / "biased", "llama with biases"), file)
    with pytest.raises(UserError, match="does not read the biases"):
        convert(file, tmp_path / "back", SILENT)
    written(decoder(tmp_path / "stretched", "llama 3"), file)
    stored = next(tensor for tensor in gguf_header.read(file).tensors if tensor.name == "rope_freqs.weight")
    with file.open("r+b") as opened:
        opened.seek(stored.offset)
        opened.write(np.linspace(1.0, 9.0, stored.shape[0], dtype=np.float32).tobytes())
    with pytest.raises(UserError, match="stretches positions"):
        convert(file, tmp_path / "back", SILENT)


def test_metadata_says_how_positions_turn(tmp_path: Path) -> None:
    written(decoder(tmp_path / "qwen", "qwen2"), tmp_path / "qwen.gguf")
    header = gguf_header.read(tmp_path / "qwen.gguf")
    assert header.value("rope.freq_base") == 1e6
    checkpoint = decoder(tmp_path / "llama", "llama, yarn")
    config = json.loads((checkpoint / "config.json").read_text())
    # as checkpoints written before Transformers 5 have it
    rope = config.pop("rope_parameters")
    config["rope_theta"] = 5e5
    config["rope_scaling"] = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    assert rope["rope_theta"] != 5e5
    (checkpoint / "config.json").write_text(json.dumps(config))
    written(checkpoint, tmp_path / "llama.gguf")
    header = gguf_header.read(tmp_path / "llama.gguf")
    assert header.value("rope.freq_base") == 5e5
    assert (header.value("rope.scaling.type"), header.value("rope.scaling.factor")) == ("yarn", 4.0)


def test_a_window_limits_what_is_promised(tmp_path: Path) -> None:
    notices: list[str] = []
    result = written(decoder(tmp_path / "model", "mistral with a window"), tmp_path / "model.gguf", notices)
    assert result.context == gguf_header.read(tmp_path / "model.gguf").value("context_length") == 100
    assert any("up to 100 tokens" in text for text in notices)


@pytest.mark.parametrize("name", ["stories260k", "tiny_llama"])
def test_a_tokenizer_comes_back(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(request.getfixturevalue(name), tmp_path / "model")
    table = json.loads((checkpoint / "tokenizer_config.json").read_text())
    table["chat_template"] = "{% for message in messages %}{{ message['content'] }}<|{{ bos_token }}{% endfor %}"
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(table))
    file = tmp_path / "model.gguf"
    written(checkpoint, file)
    ours, theirs = load_tokenizer(checkpoint), load_tokenizer(convert(file, tmp_path / "back", SILENT))
    for text in TEXTS:
        assert theirs(text)["input_ids"] == ours(text)["input_ids"], text
    assert theirs.chat_template == ours.chat_template
    for role in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(theirs, role) == getattr(ours, role)
    fields = gguf.GGUFReader(file).fields
    assert bool(fields["tokenizer.ggml.add_bos_token"].contents()) == (name == "stories260k")


def test_ways_of_cutting_text_go_by_their_names(tiny_llama: Path, tmp_path: Path) -> None:
    qwen = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # noqa: E501
    for digits, ignore, expected in ((r"\p{N}|", False, "qwen2"), (r"\p{N}{1,3}|", True, "llama-bpe")):
        folder = shutil.copytree(tiny_llama, tmp_path / expected)
        stored = json.loads((folder / "tokenizer.json").read_text())
        split = {"type": "Split", "pattern": {"Regex": qwen.replace(r"\p{N}|", digits)}, "behavior": "Isolated",
                 "invert": False}  # fmt: skip
        cut = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        stored["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, cut]}
        stored["model"]["ignore_merges"] = ignore
        (folder / "tokenizer.json").write_text(json.dumps(stored))
        assert read_vocabulary(folder, 512).pre == expected


def test_the_samples_digits_are_cut_singly(sample: Path) -> None:
    assert read_vocabulary(sample, 49152).pre == "smollm"


def test_unknown_tokenizers_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(tiny_llama, tmp_path / "model")
    stored = json.loads((checkpoint / "tokenizer.json").read_text())
    stored["pre_tokenizer"] = {"type": "Whitespace"}
    (checkpoint / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match="has no name for"):
        written(checkpoint, tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("llama 3", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, "stretched"),
        ("qwen2", {"hidden_act": "gelu"}, "activation"),
        ("smollm3", {"no_rope_layers": [1, 0, 1, 0]}, "without positions"),
        ("qwen2", {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}, "fill the model's width"),
    ],
)
def test_what_llama_cpp_computes_otherwise_is_refused(
    name: str, changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    checkpoint = decoder(tmp_path / "model", name, **changes)
    with pytest.raises(UserError, match=words):
        written(checkpoint, tmp_path / "model.gguf")


def test_encoders_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="BertModel cannot be written as GGUF"):
        written(tiny_bert, tmp_path / "model.gguf")
