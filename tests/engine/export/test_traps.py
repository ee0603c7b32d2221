"""What is easily lost on the way out of Hasten, over all formats that hold a model: one test for each trap."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from engine.checkpoint import gguf_header
from engine.checkpoint.gguf import convert
from engine.export import catalog
from engine.jobs.export import handle as export
from engine.protocol.job import ExportJob
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.runtimes.limits import ending_tokens
from engine.runtimes.open import SILENT
from engine.text.tokenizer import load_tokenizer
from tests.engine.export.test_export import context, run_on
from tests.helpers.checkpoints import tokenizer

ROPE = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
PASSES = (PassEntry(**{"pass": "quantize", "options": {"bits": 8, "head": 8}}),)
# name -> export format, runtime, passes
FORMATS: dict[str, tuple[str, str, tuple[PassEntry, ...]]] = {
    "checkpoint, as it is": ("checkpoint", "transformers", ()),
    "checkpoint": ("checkpoint", "transformers", PASSES),
    "dense": ("dense", "transformers", PASSES),
    "transformers": ("runtime", "transformers", ()),
    "onnxruntime": ("runtime", "onnxruntime", PASSES),
    "openvino": ("runtime", "openvino", PASSES),
    "llamacpp": ("runtime", "llamacpp", PASSES),
    "gguf": ("gguf", "transformers", PASSES),
    "exported": ("exported", "transformers", ()),
    "compiled": ("compiled", "transformers", ()),
    "executorch": ("executorch", "transformers", ()),
}
NEEDS = {"llamacpp": "llama_cpp", "executorch": "executorch", "onnxruntime": "onnxruntime", "openvino": "openvino"}
Taken = Callable[[str], Path]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama as Transformers 5 saves it: stretched positions, tied heads, a large vocabulary, a chat template,
    and two tokens that end a text."""
    folder = tmp_path_factory.mktemp("source")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=4096, hidden_size=128, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True, rope_parameters=ROPE,
        bos_token_id=0, eos_token_id=[1, 3], pad_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    assert "rope_theta" not in json.loads((folder / "config.json").read_text())
    tokenizer(folder)
    made = AutoTokenizer.from_pretrained(folder)
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def taken(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """What an export is: made once, in a data folder of its own."""
    made: dict[str, Path] = {}

    def take(name: str) -> Path:
        format, runtime, passes = FORMATS[name]
        if find_spec(NEEDS.get(name, "torch")) is None:
            pytest.skip(f"{NEEDS[name]} is not installed")
        if not (found := catalog.get(format).availability()).usable:
            pytest.skip(found.reason)
        if name not in made:
            run = run_on(source, Recipe(passes=passes, target=Target(runtime=runtime, threads=1)))
            out = tmp_path_factory.mktemp("taken") / "out"
            made[name] = Path(export(ExportJob(run=run, format=format, out=str(out)), context())["path"])
        return made[name]

    return take


def folders(*, slow: tuple[str, ...] = ("compiled", "executorch")) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in FORMATS]


def test_every_format_is_here() -> None:
    small = {"recipe", "script", "report", "pdf", "figures", "table", "graph", "tensorboard", "wandb"}  # hold no model
    own = {"compact"}  # is opened by Hasten alone, which compares it bit by bit
    assert {format for format, _, _ in FORMATS.values()} == set(catalog.all_formats()) - small - own


@pytest.mark.parametrize("name", folders())
def test_older_readers_find_how_positions_turn(name: str, source: Path, taken: Taken) -> None:
    path = taken(name)
    if path.is_file():
        header = gguf_header.read(path)
        assert header.value("rope.freq_base") == ROPE["rope_theta"]
        assert "rope_freqs.weight" in {tensor.name for tensor in header.tensors}  # the stretching, worked out
        return
    config = json.loads((path / "config.json").read_text())
    assert config["rope_theta"] == ROPE["rope_theta"]
    assert config["rope_scaling"] == {key: value for key, value in ROPE.items() if key != "rope_theta"}
    read, original = (AutoConfig.from_pretrained(folder) for folder in (path, source))
    assert read.rope_parameters == original.rope_parameters == ROPE


@pytest.mark.parametrize("name", folders())
def test_tied_heads_stay_tied(name: str, source: Path, taken: Taken) -> None:
    path = taken(name)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    table, whole = 4096 * 128, (source / "model.safetensors").stat().st_size // 4
    wide = name in ("checkpoint, as it is", "transformers", "exported", "compiled", "executorch", "dense", "checkpoint")
    # packed weights are about a byte each; the vocabulary table stays in floating point where only layers are packed
    once = 4 * whole if wide else 1.3 * whole
    beside = 0.9 if name == "compiled" else 0.6  # machine code takes place too, but no second table's
    assert sum(file.stat().st_size for file in files) < once + (4 if wide else 1) * table * beside
    if path.is_dir():
        assert json.loads((path / "config.json").read_text())["tie_word_embeddings"] is True
    else:
        assert "output.weight" not in {tensor.name for tensor in gguf_header.read(path).tensors}


@pytest.mark.parametrize("name", folders())
def test_template_and_special_tokens_survive(name: str, source: Path, taken: Taken, tmp_path: Path) -> None:
    path = taken(name)
    folder = convert(path, tmp_path / "back", SILENT) if path.is_file() else path
    ours, theirs = load_tokenizer(source), load_tokenizer(folder)
    talk = [{"role": "user", "content": "Once upon a time"}]
    asked = [
        t.apply_chat_template(talk, add_generation_prompt=True, tokenize=True, return_dict=False)
        for t in (ours, theirs)
    ]
    assert asked[0] == asked[1]
    assert theirs.chat_template == TEMPLATE
    for role in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(theirs, role) == getattr(ours, role)
    assert ending_tokens(folder) == ({1} if path.is_file() else {1, 3})  # GGUF has one end of a text
