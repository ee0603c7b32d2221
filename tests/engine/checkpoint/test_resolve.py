"""References become plain checkpoint folders: LoRA, pickles, refusals, fingerprints."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine import paths
from engine.checkpoint.fingerprint import fingerprint
from engine.checkpoint.inspect import inspect
from engine.checkpoint.resolve import resolve
from engine.protocol.errors import Cancelled, UserError
from tests.helpers.contexts import Heard


@pytest.fixture
def pickled(tiny_llama: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "pickled"))
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture
def adapter(tiny_llama: Path, tmp_path: Path) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM")
    tuned = get_peft_model(model, config)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.1)
    tuned.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def _failure(reference: object, **options: bool) -> UserError:
    with pytest.raises(UserError) as caught:
        resolve(str(reference), Heard().context, **options)
    return caught.value


def test_plain_folder_stays_where_it_is(tiny_llama: Path) -> None:
    assert resolve(str(tiny_llama), Heard().context) == tiny_llama.resolve()


def test_nothing_by_that_name() -> None:
    assert _failure("no such thing").code == "not_found"
    assert _failure("/absent/folder").code == "not_found"
    assert _failure("owner/name").code == "network"  # the tests run offline


def test_pickle_is_refused_then_converted_on_request(pickled: Path, tiny_llama: Path) -> None:
    assert _failure(pickled).code == "pickle_only"
    folder = resolve(str(pickled), Heard().context, convert_pickle=True)
    assert folder.parent == paths.models() / "converted"
    made, plain = load_file(folder / "model.safetensors"), load_file(tiny_llama / "model.safetensors")
    assert made.keys() == plain.keys()
    assert all(torch.equal(made[name], plain[name]) for name in plain)
    assert not list(folder.glob("*.bin"))
    assert resolve(str(pickled), Heard().context, convert_pickle=True) == folder


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('the pickle ran')",)


def test_pickle_with_code_is_never_run(pickled: Path) -> None:
    torch.save({"a": _Trap()}, pickled / "pytorch_model.bin")
    failure = _failure(pickled, convert_pickle=True)
    assert failure.code == "pickle_only"
    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps(_Trap(), protocol=2))
    assert _failure(pickled, convert_pickle=True).code in ("pickle_only", "corrupt_shard")
    assert not list(paths.models().glob("converted/*"))


def test_damaged_pickle(pickled: Path) -> None:
    file = pickled / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:5000])
    assert _failure(pickled, convert_pickle=True).code == "corrupt_shard"


def test_code_carrying_checkpoint_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "own"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["OwnForCausalLM"], "auto_map": {"AutoModelForCausalLM": "own.OwnForCausalLM"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('the code ran')")
    assert _failure(folder).code == "remote_code"
    assert resolve(str(folder), Heard().context, trust_remote_code=True) == folder.resolve()


def test_lora_is_merged_onto_its_base(adapter: Path) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    folder = resolve(str(adapter), Heard().context)
    ids = torch.arange(30).reshape(1, 30)
    with torch.no_grad():
        expected = AutoPeftModelForCausalLM.from_pretrained(adapter)(ids).logits
        found = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert inspect(folder).warnings == ()
    assert resolve(str(adapter), Heard().context) == folder


def test_lora_that_names_itself_as_its_base_is_refused(adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(adapter)}))
    with pytest.raises(UserError) as caught:
        resolve(str(adapter), Heard().context)
    assert "names the adapter itself" in caught.value.cause


def test_a_large_checkpoint_can_be_cancelled_while_it_is_read(tiny_llama: Path) -> None:
    def step(done: float, total: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fingerprint(tiny_llama, step)


def test_lora_of_another_base_is_refused(adapter: Path, tiny_bert: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(tiny_bert)}))
    failure = _failure(adapter)
    assert failure.code == "corrupt_shard"
    assert not list(paths.models().glob("converted/*"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"peft_type": "IA3"}, "unsupported_architecture"), ({"base_model_name_or_path": None}, "not_a_checkpoint")],
)
def test_adapters_that_cannot_be_merged(adapter: Path, changes: dict[str, object], code: str) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | changes))
    assert _failure(adapter).code == code


def test_adapter_without_weights(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    assert _failure(adapter).code == "missing_shard"


def test_fingerprint_follows_the_content(tiny_llama: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_llama, tmp_path / "copy"))
    first = fingerprint(copy)
    assert first == fingerprint(tiny_llama)
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert fingerprint(copy) != first


def test_fingerprint_is_remembered(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint(tiny_llama)
    monkeypatch.setattr("engine.checkpoint.fingerprint.hashlib.file_digest", None)
    assert fingerprint(tiny_llama) == first


def test_a_broken_fingerprint_cache_is_only_a_cache(tiny_llama: Path) -> None:
    first = fingerprint(tiny_llama)
    (paths.home() / "cache" / "fingerprints.json").write_text("[")
    assert fingerprint(tiny_llama) == first
