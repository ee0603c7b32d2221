"""Every failure ends with code 2 and one line that says what is wrong and what to do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Answer

Hasten = Callable[..., Answer]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def copy(tiny_llama: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A recipe that changes nothing."""
    path = tmp_path / "plain.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    return path


def change(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def refused(answer: Answer, *parts: str) -> None:
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1), answer
    for part in ("hasten: ", *parts):
        assert part in answer.err


def test_a_folder_without_config(hasten: Hasten, plain: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(hasten("run", tmp_path / "empty", "--recipe", plain), "config.json")


def test_a_checkpoint_that_is_not_there(hasten: Hasten, plain: Path) -> None:
    refused(hasten("run", "/no/such/folder", "--recipe", plain), "/no/such/folder")
    refused(hasten("inspect", "/no/such/folder"), "/no/such/folder")


def test_a_missing_shard(hasten: Hasten, plain: Path, copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(hasten("run", copy, "--recipe", plain), "model-00001-of-00002.safetensors")


def test_a_corrupt_shard(hasten: Hasten, plain: Path, copy: Path) -> None:
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    refused(hasten("run", copy, "--recipe", plain), "model.safetensors")


def test_a_pickle_is_refused_and_its_conversion_offered(hasten: Hasten, plain: Path, copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    refused(hasten("run", copy, "--recipe", plain), "pickle", "hasten import")


def test_code_of_a_checkpoint_is_not_run_unasked(hasten: Hasten, plain: Path, copy: Path) -> None:
    change(copy, auto_map={"AutoModelForCausalLM": "evil.Model"}, architectures=["EvilForCausalLM"], model_type="evil")
    (copy / "evil.py").write_text("raise SystemExit('it ran')")
    refused(hasten("run", copy, "--recipe", plain), "code")


def test_an_unsupported_architecture(hasten: Hasten, plain: Path, copy: Path) -> None:
    change(copy, architectures=["FluxTransformer2DModel"], model_type="flux")
    refused(hasten("run", copy, "--recipe", plain), "FluxTransformer2DModel")


def test_an_output_folder_that_cannot_be_written(
    hasten: Hasten, plain: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    refused(hasten("run", tiny_llama, "--recipe", plain, "--out", tmp_path / "file" / "out"), "folder")
    monkeypatch.setenv("HASTEN_HOME", str(tmp_path / "file"))
    refused(hasten("run", tiny_llama, "--recipe", plain), "a file where a folder is needed")
    if sys.platform == "linux":
        monkeypatch.setenv("HASTEN_HOME", "/proc/nowhere")
        refused(hasten("run", tiny_llama, "--recipe", plain), "may not be written")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("passes: [{pass: quantize, options: {bitz: 4}}]", ("bitz", "bits")),
        ("passes: [{pass: quantize, options: {bits: lots}}]", ("bits", "lots")),
        ("passes: [{pass: shrink}]", ("shrink", "quantize")),
        ("stages: []", ("stages",)),
        ("passes: {a: 1}", ("a list is needed",)),
        ("passes: [quantize]", ("passes.0", "a mapping of keys to values is needed")),
        ("passes: [{options: {}}]", ("passes.0.pass", "is missing")),
        ("passes: [", ("not valid YAML", "line 1")),
        ("[]", ("not a mapping",)),
        ("version: 9", ("version 9",)),
    ],
)
def test_a_wrong_recipe(hasten: Hasten, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    refused(hasten("run", tmp_path, "--recipe", tmp_path / "r.yaml"), *parts)


def test_an_impossible_order(hasten: Hasten, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("passes: [{pass: quantize}, {pass: prune_magnitude}]", encoding="utf-8")
    refused(hasten("run", tiny_llama, "--recipe", tmp_path / "r.yaml"), "must come before", "Move it before")


def test_a_run_needs_exactly_one_recipe(hasten: Hasten, tmp_path: Path, plain: Path) -> None:
    refused(hasten("run", tmp_path), "--preset")
    refused(hasten("run", tmp_path, "--recipe", plain, "--preset", "small-cpu"), "not both")
    refused(hasten("run", tmp_path, "--preset", "nonsense"), "small-cpu")
    refused(hasten("run", tmp_path, "--recipe", tmp_path / "absent.yaml"), "absent.yaml")


def test_wrong_arguments_and_unknown_runs(hasten: Hasten) -> None:
    refused(hasten("frobnicate"), "frobnicate")
    refused(hasten("run"), "--help")
    refused(hasten("compare", "--rounds", "1", "a"), "--rounds")
    refused(hasten("runs", "show", "nothing"), "hasten runs")
    refused(hasten("export", "nothing", "--format", "checkpoint", "--out", "/tmp/x"), "nothing")
    answer = hasten("runs", "show", "nothing", "--json")
    assert answer.code == 2
    assert answer.json["error"]["code"] == "not_found"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_cancels_cleanly(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("passes: [{pass: prune_magnitude}, {pass: quantize}]", encoding="utf-8")
    command = [sys.executable, "-m", "engine.cli", "run", str(tiny_llama), "--recipe", str(tmp_path / "r.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    assert any(line.startswith("Prune weights …") for line in iter(process.stderr.readline, ""))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("Cancelled.")
    assert "Traceback" not in err
