"""What the passes write, a process that knows only Transformers and compressed-tensors reads, with the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from tests.helpers import plain
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.passes import run_pass

PROMPT = [1, 5, 9, 17, 33]
KINDS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "int8 per row": [("quantize", {"group_size": "row"})],
    "int8/32 with head": [("quantize", {"head": 8})],
    "int4/64": [("quantize", {"bits": 4, "group_size": 64})],
    "int4/128 asymmetric with head": [("quantize", {"bits": 4, "group_size": 128, "symmetric": False, "head": 8})],
    "int4 and int8": [("quantize", {"bits": 4, "include": ["mlp"]}), ("quantize", {"bits": 8})],
    "int4, head with float offsets": [
        ("quantize", {"bits": 4}),
        ("quantize", {"bits": 4, "symmetric": False, "offsets": "float", "head": 4}),
    ],
    "bf16": [("mixed_precision", {})],
    "fp16 with fp32 norms": [("mixed_precision", {"dtype": "float16", "islands": False, "float32": ["norm"]})],
    "bf16, int8": [("mixed_precision", {}), ("quantize", {})],
    "2:4": [("prune_magnitude", {"structure": "n:m"})],
    "fewer layers, half zeros, int4": [
        ("prune_depth", {"named": "1"}),
        ("prune_magnitude", {"sparsity": 50, "scope": "global"}),
        ("quantize", {"bits": 4}),
    ],
    "narrower, fewer heads, int4": [
        ("prune_ffn", {"share": 30.0, "samples": 2, "tokens": 32}),
        ("prune_heads", {"groups": 2, "samples": 2, "tokens": 32}),
        ("quantize", {"bits": 4, "group_size": 32}),
    ],
}


ENCODER_DECODERS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "int8 with head": [("quantize", {"head": 8})],
    "int4/64 asymmetric": [("quantize", {"bits": 4, "group_size": 64, "symmetric": False})],
    "bf16": [("mixed_precision", {})],
    "fp16": [("mixed_precision", {"dtype": "float16", "islands": False})],
    "2:4, int8": [("prune_magnitude", {"structure": "n:m"}), ("quantize", {})],
}


def _build(source: Path, folder: Path, kinds: dict[str, list[tuple[str, dict[str, object]]]]) -> dict[str, Path]:
    built = {}
    folder.mkdir()
    for number, (kind, passes) in enumerate(kinds.items()):
        here = source
        for step, (name, options) in enumerate(passes):
            there = folder / f"{number}-{step}"
            run_pass(name, here, there, **options)
            here = there
        built[kind] = here
    return built


def _ours(folder: Path, count: int) -> list[int]:
    model = load_model(folder)
    # A mixture of types computes differently here; plain Transformers widens it, which ours does too when asked.
    if (json.loads((folder / "config.json").read_text()).get("hasten") or {}).get("precision"):
        model = load_model(folder, dtype=torch.float32)
    prompt = torch.tensor([PROMPT])
    out = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count, do_sample=False, pad_token_id=0
    )
    return list(out[0, 1 if model.config.is_encoder_decoder else len(PROMPT) :].tolist())


def _read_alike(built: dict[str, Path], folder: Path) -> None:
    """A process without Hasten loads every checkpoint and writes what Hasten writes."""
    done = subprocess.run(
        [sys.executable, "-I", str(Path(plain.__file__)), "12", ",".join(map(str, PROMPT)), *map(str, built.values())],
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert dict(zip(built, answers, strict=True)) == {kind: _ours(there, 12) for kind, there in built.items()}


def test_plain_transformers_reads_every_kind_and_answers_the_same(tmp_path: Path) -> None:
    built = {}
    for tied in (True, False):
        found = _build(make_llama(tmp_path / f"tied-{tied}", tied=tied), tmp_path / f"built-{tied}", KINDS)
        built |= {f"{kind}, tied: {tied}": folder for kind, folder in found.items()}
    _read_alike(built, tmp_path)


def test_encoder_decoders_too(tmp_path: Path) -> None:
    built = {}
    for family in ("t5", "bart", "marian"):
        found = _build(tiny_text2text(tmp_path / family, family), tmp_path / f"built-{family}", ENCODER_DECODERS)
        names = {name.rpartition(".")[0] for name in Reader(found["int8 with head"]) if name.endswith(".weight_packed")}
        assert any("decoder" in name and "attn" in name.lower().replace("attention", "attn") for name in names)
        assert any("encoder" in name for name in names)
        built |= {f"{family}, {kind}": folder for kind, folder in found.items()}
    _read_alike(built, tmp_path)
