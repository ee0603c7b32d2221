"""Inspecting from headers, and every way a checkpoint can be wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.checkpoint import safety, trust
from engine.checkpoint.inspect import inspect, task_of
from engine.checkpoint.reader import Reader
from engine.protocol.errors import UserError
from tests.helpers.sparse import sparse_checkpoint


@pytest.fixture
def copy(tiny_llama: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_llama, tmp_path / "copy"))


def _change(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _failure(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        inspect(path)
    assert caught.value.cause.endswith(".")
    assert caught.value.remedy.endswith(".")
    return caught.value


def test_decoder(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    assert (info.architecture, info.model_type, info.task) == ("LlamaForCausalLM", "llama", "text-generation")
    assert (info.layers, info.hidden_size, info.vocab_size, info.context_length) == (3, 256, 512, 256)
    assert info.tied_embeddings
    assert not info.chat
    assert info.warnings == ()
    assert info.parameters == info.bytes // 4 == sum(tensor.elements for tensor in info.tensors)
    safety.require_supported(info)


def test_encoder(tiny_bert: Path) -> None:
    info = inspect(tiny_bert)
    assert (info.architecture, info.task, info.tied_embeddings) == ("BertModel", "feature-extraction", False)
    safety.require_supported(info)


def test_chat_template_and_licence_are_found(copy: Path) -> None:
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    (copy / "README.md").write_text("---\nlicense: apache-2.0\ntags: [x]\n---\n# Model\n")
    info = inspect(copy)
    assert info.chat
    assert info.licence == "apache-2.0"


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("LICENSE", "MIT License\n\nCopyright", "mit"),
        ("LICENCE.md", "Our own terms.", "see LICENCE.md"),
        ("README.md", "---\nlicense: [broken\n---\n", None),
        ("README.md", "---\nlicense: other\nlicense_name: qwen\n---\n", "qwen"),
    ],
)
def test_licence(copy: Path, name: str, text: str, licence: str | None) -> None:
    (copy / name).write_text(text)
    assert inspect(copy).licence == licence


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("Qwen2ForCausalLM", "text-generation"), ("GPT2LMHeadModel", "text-generation"),
        ("BertForMaskedLM", "fill-mask"), ("BertForSequenceClassification", "text-classification"),
        ("RobertaForTokenClassification", "token-classification"),
        ("T5ForConditionalGeneration", "text2text-generation"), ("MarianMTModel", "text2text-generation"),
        ("MPNetModel", "feature-extraction"),
    ],
)  # fmt: skip
def test_task(architecture: str, task: str) -> None:
    assert task_of(architecture) == task


def test_inspecting_loads_neither_torch_nor_transformers(tiny_llama: Path) -> None:
    program = (
        "import sys; from engine.checkpoint import inspect, safety, tree; info = inspect.inspect(sys.argv[1]); "
        "safety.require_supported(info); tree.tree(info); "
        "print([name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tiny_llama)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="files are not sparse there")
def test_large_checkpoint_is_read_from_its_headers(tmp_path: Path) -> None:
    folder = sparse_checkpoint(tmp_path / "large", layers=32)
    info = inspect(folder)
    assert info.bytes > 13e9
    assert info.parameters == info.bytes // 2
    assert len({tensor.file for tensor in info.tensors}) == 3


def test_no_such_path(tmp_path: Path) -> None:
    assert _failure(tmp_path / "absent").code == "not_found"


def test_no_config(copy: Path) -> None:
    (copy / "config.json").unlink()
    assert _failure(copy).code == "not_a_checkpoint"


def test_broken_config(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    assert _failure(copy).code == "not_a_checkpoint"


def test_missing_shard_is_named(tmp_path: Path) -> None:
    folder = sparse_checkpoint(tmp_path / "large", layers=2, hidden=256)
    (folder / "model-00002-of-00003.safetensors").unlink()
    failure = _failure(folder)
    assert failure.code == "missing_shard"
    assert "model-00002-of-00003.safetensors" in failure.cause


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "deep/model.safetensors"])
def test_an_index_cannot_name_files_elsewhere(copy: Path, name: str) -> None:
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"lm_head.weight": name}}))
    failure = _failure(copy)
    assert failure.code == "corrupt_shard"
    with pytest.raises(UserError, match="index"):
        Reader(copy)


def test_no_weights_at_all(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert _failure(copy).code == "missing_shard"


@pytest.mark.parametrize("damage", ["cut", "cut in header", "noise", "longer", "empty"])
def test_damaged_shard(copy: Path, damage: str) -> None:
    shard = copy / "model.safetensors"
    data = shard.read_bytes()
    shard.write_bytes(
        {"cut": data[:-10], "cut in header": data[:50], "noise": b"\0\1\2" * 50, "longer": data + b"x", "empty": b""}[
            damage
        ]
    )
    failure = _failure(copy)
    assert failure.code == "corrupt_shard"
    assert "model.safetensors" in failure.cause


def test_pickle_only(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    failure = _failure(copy)
    assert failure.code == "pickle_only"
    assert "Convert" in failure.remedy


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may read everything")
def test_unreadable_folder(copy: Path) -> None:
    (copy / "model.safetensors").chmod(0)
    assert _failure(copy).code == "not_writable"


def test_permission_error_is_explained(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(folder: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("engine.checkpoint.headers.weight_files", denied)
    assert _failure(copy).code == "not_writable"


def test_unknown_task_is_named(copy: Path) -> None:
    _change(copy, architectures=["ViTForImageClassification"])
    failure = _failure(copy)
    assert failure.code == "unsupported_architecture"
    assert "ViTForImageClassification" in failure.cause


def _refusal(folder: Path, **changes: object) -> UserError:
    _change(folder, **changes)
    with pytest.raises(UserError) as caught:
        safety.require_supported(inspect(folder))
    return caught.value


def test_code_of_an_unknown_architecture_is_refused(copy: Path) -> None:
    (copy / "own.py").write_text("raise SystemExit('it ran')")
    failure = _refusal(copy, architectures=["OwnForCausalLM"], auto_map={"AutoModelForCausalLM": "own.OwnForCausalLM"})
    assert failure.code == "remote_code"
    assert "OwnForCausalLM" in failure.cause


def test_allowed_code_must_have_the_architecture(copy: Path) -> None:
    (copy / "own.py").write_text("")
    _change(copy, architectures=["OwnForCausalLM"], auto_map={"AutoModelForCausalLM": "own.AnotherForCausalLM"})
    trust.grant(copy)
    assert _refusal(copy).code == "unsupported_architecture"


def test_code_that_is_not_needed_is_only_mentioned(copy: Path) -> None:
    _change(copy, auto_map={"AutoModelForCausalLM": "own.OwnForCausalLM"})
    info = inspect(copy)
    safety.require_supported(info)
    assert any("not run" in warning for warning in info.warnings)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"architectures": ["FutureForCausalLM"]}, "FutureForCausalLM"),
        ({"architectures": ["LEDForConditionalGeneration"], "model_type": "led"}, "encoder-decoder"),
        ({"architectures": ["BartModel"], "model_type": "bart", "is_encoder_decoder": True}, "encoder-decoder"),
        ({"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "num_local_experts": 8}, "mixtral"),
        ({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}, "recurrent"),
        ({"architectures": ["LlamaForCausalLM"], "vision_config": {"a": 1}}, "images"),
    ],
)
def test_unsupported_is_named(copy: Path, changes: dict[str, object], word: str) -> None:
    failure = _refusal(copy, **changes)
    assert failure.code == "unsupported_architecture"
    assert word in failure.cause


def test_encoder_decoder_is_supported(shared: Path) -> None:
    info = inspect(shared / "checkpoints" / "flan-t5-small-titler")
    safety.require_supported(info)
    assert info.task == "text2text-generation"
    assert info.parameters == 76_961_152
    assert info.stacks == "8 + 8"
