"""A checkpoint's own code runs after an explicit yes, only that code, and only until it changes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import paths
from engine.checkpoint import safety, trust
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.resolve import resolve
from engine.links import checkpoint_files, link_or_copy
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe
from engine.recipe.validate import problems
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.helpers import checkpoints

CONTEXT = StepContext(step=lambda done, total, text: None, notice=lambda text: None)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


@pytest.fixture
def own(tiny_llama: Path, tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint whose architecture exists only in its own modeling_own.py, which tells `marker` that it ran."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return checkpoints.with_own_code(tiny_llama, tmp_path / "own", marker)


def _refused(call: object, *arguments: object) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


def test_nothing_runs_without_a_yes(own: Path, marker: Path) -> None:
    info = inspect(own)
    assert info.task == "text-generation"
    assert any("not run" in warning for warning in info.warnings)
    for call in (load_model, load_tokenizer, open_session, lambda folder: resolve(str(folder), CONTEXT)):
        failure = _refused(call, own)
        assert failure.code == "remote_code"
        assert "--trust-remote-code" in failure.remedy
    assert _refused(safety.require_supported, info).code == "remote_code"
    assert not any(path.suffix == ".py" for path in checkpoint_files(own))
    assert not marker.exists()


def test_a_yes_opens_the_model_and_a_changed_byte_takes_it_back(own: Path, marker: Path, tiny_llama: Path) -> None:
    assert resolve(str(own), CONTEXT, trust_remote_code=True) == own.resolve()
    assert not marker.exists()  # a yes by itself runs nothing
    info = inspect(own)
    safety.require_supported(info)
    assert any("you allowed it" in warning for warning in info.warnings)
    with_code, plain = open_session(own), open_session(tiny_llama)
    ids = load_tokenizer(own)("Once upon a time")["input_ids"]
    steps = [[step.token_id for step in s.generate(np.array(ids), 8)] for s in (with_code, plain)]
    assert steps[0] == steps[1]
    assert marker.exists()
    with_code.close()
    plain.close()
    with (own / "modeling_own.py").open("a") as file:
        file.write("\n")
    assert not trust.granted(own)
    assert _refused(load_model, own).code == "remote_code"


def test_every_python_file_counts(own: Path) -> None:
    trust.grant(own)
    (own / "more.py").write_text("")
    assert not trust.granted(own)
    trust.grant(own)
    (own / "more.py").rename(own / "other.py")
    assert not trust.granted(own)


def test_a_copy_keeps_the_yes_and_shares_no_code(own: Path, tmp_path: Path) -> None:
    trust.grant(own)
    for name in checkpoint_files(own):
        link_or_copy(own / name, tmp_path / "copy" / name)
    (own / "modeling_own.py").write_text("changed = True\n")
    assert trust.granted(tmp_path / "copy")
    assert not trust.granted(own)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_user_may_change_what_is_trusted(own: Path) -> None:
    trust.grant(own)
    assert stat.S_IMODE((paths.home() / "trusted.json").stat().st_mode) == 0o600
    assert [path.name for path in paths.home().iterdir()] == ["trusted.json"]


@pytest.mark.parametrize(
    "reference", ["someone/else--modeling_own.OwnForCausalLM", "/tmp/evil.Own", "absent.Own", "../m.Own"]
)
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_from_elsewhere_cannot_be_allowed(own: Path, file: str, reference: str, marker: Path) -> None:
    table = json.loads((own / file).read_text())
    key = "AutoModelForCausalLM" if file == "config.json" else "AutoTokenizer"
    value: object = reference if file == "config.json" else [None, reference]
    (own / file).write_text(json.dumps({**table, "auto_map": {**table.get("auto_map", {}), key: value}}))
    assert _refused(trust.grant, own).code == "unsupported_architecture"
    assert _refused(load_model, own).code == "unsupported_architecture"
    assert not marker.exists()


def test_a_known_architecture_never_runs_code(own: Path, tiny_llama: Path, marker: Path) -> None:
    config = json.loads((tiny_llama / "config.json").read_text())
    auto_map = json.loads((own / "config.json").read_text())["auto_map"]
    (own / "config.json").write_text(json.dumps({**config, "auto_map": auto_map}))
    load_model(own)
    assert resolve(str(own), CONTEXT, trust_remote_code=True) == own.resolve()
    assert not (paths.home() / "trusted.json").exists()
    trust.grant(own)
    load_model(own)
    load_tokenizer(own)
    assert not marker.exists()


def test_code_that_fails_is_named(own: Path) -> None:
    (own / "modeling_own.py").write_text("import a_package_that_nobody_has\n")
    trust.grant(own)
    failure = _refused(load_model, own)
    assert failure.code == "unsupported_architecture"
    assert "a_package_that_nobody_has" in failure.cause


@pytest.mark.parametrize("runtime", ["openvino", "torch_compile"])
def test_other_runtimes_send_to_transformers(own: Path, runtime: str) -> None:
    trust.grant(own)
    recipe = Recipe.model_validate({"target": {"runtime": runtime}})
    fix = next(p.fix for p in problems(recipe, inspect(own)) if p.fix is not None and p.fix.label == "Use Transformers")
    assert not [problem for problem in problems(fix.apply(recipe), inspect(own)) if problem.severity == "stop"]


def test_an_adapter_on_code_is_loadable_after_merging(own: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    (own / "unused.py").write_text("")
    trust.grant(own)
    model = get_peft_model(load_model(own), LoraConfig(target_modules=["q_proj"], r=2))
    model.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(own)
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    merged = resolve(str(tmp_path / "adapter"), CONTEXT)
    shutil.rmtree(own)
    with torch.no_grad():
        assert torch.isfinite(load_model(merged)(torch.arange(9)[None]).logits).all()
