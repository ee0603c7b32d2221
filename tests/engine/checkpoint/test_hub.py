"""The hub, against a local server that speaks its API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from engine.checkpoint import hub
from engine.checkpoint.inspect import inspect
from engine.checkpoint.resolve import resolve
from engine.passes.base import StepContext
from engine.protocol.errors import Cancelled, UserError
from tests.helpers.contexts import Heard
from tests.helpers.hub_server import COMMIT, Hub, serve

REPO = "people/tiny-llama"


@pytest.fixture
def server(tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve() as running:
        running.repos[REPO] = {path.name: path.read_bytes() for path in tiny_llama.iterdir()} | {
            "pytorch_model.bin": b"pickle", "onnx/model.onnx": b"graph", "own_code.py": b"raise SystemExit",
            ".gitattributes": b"",
        }  # fmt: skip
        running.repos["people/pickled"] = {"config.json": b"{}", "pytorch_model.bin": b"pickle"}
        running.repos["people/data"] = {"README.md": b"nothing"}
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", running.endpoint)
        template = running.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
        yield running


def _failure(repo: str, revision: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        hub.download(repo, Heard().context, revision)
    return caught.value


def test_search(server: Hub) -> None:
    assert hub.search("tiny") == [
        {"id": REPO, "downloads": 7, "likes": 3, "task": "text-generation", "bytes": 4020, "gated": False}
    ]


def test_download_takes_what_is_safe_and_counts_bytes(server: Hub, tiny_llama: Path) -> None:
    heard = Heard()
    folder = hub.download(REPO, heard.context)
    assert {path.name for path in folder.iterdir()} == {path.name for path in tiny_llama.iterdir()}
    assert (folder / "model.safetensors").read_bytes() == (tiny_llama / "model.safetensors").read_bytes()
    total = sum(path.stat().st_size for path in tiny_llama.iterdir())
    done = [step[0] for step in heard.steps]
    assert {step[1] for step in heard.steps} == {total}
    assert done == sorted(done)
    assert done[-1] == total
    assert len(set(done)) > len(list(folder.iterdir())) / 2
    assert inspect(folder).architecture == "LlamaForCausalLM"


def test_an_adapter_is_downloaded_though_it_has_no_configuration_of_a_model(server: Hub) -> None:
    server.repos["people/adapter"] = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"weights"}
    folder = hub.download("people/adapter", Heard().context)
    assert {path.name for path in folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}


def test_second_download_fetches_no_file_again(server: Hub) -> None:
    first = hub.download(REPO, Heard().context)
    server.requests.clear()
    assert hub.download(REPO, Heard().context) == first
    assert not [request for request in server.requests if request.startswith("GET") and "/resolve/" in request]


def test_broken_connection_goes_on_where_it_broke(server: Hub, tiny_llama: Path) -> None:
    server.cut_after = 100_000
    folder = hub.download(REPO, Heard().context)
    assert (folder / "model.safetensors").read_bytes() == (tiny_llama / "model.safetensors").read_bytes()
    assert server.ranges == ["bytes=100000-"]


def test_modules_of_sentence_encoders_come_along(server: Hub) -> None:
    pooling = b'{"pooling_mode_mean_tokens": true}'
    server.repos[REPO] |= {"modules.json": b"[]", "1_Pooling/config.json": pooling}
    folder = hub.download(REPO, Heard().context)
    assert (folder / "1_Pooling" / "config.json").read_bytes() == pooling


def test_interrupted_download_goes_on(server: Hub, tiny_llama: Path) -> None:
    def stop(done: float, total: float, text: str) -> None:
        if done > 500_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        hub.download(REPO, StepContext(step=stop, notice=print))
    folder = hub.download(REPO, Heard().context)
    assert len(server.ranges) == 1
    assert int(server.ranges[0].removeprefix("bytes=").removesuffix("-")) > 100_000
    assert (folder / "model.safetensors").read_bytes() == (tiny_llama / "model.safetensors").read_bytes()


def test_resolving_a_hub_id_with_a_revision(server: Hub) -> None:
    folder = resolve(f"{REPO}@v1", Heard().context)
    assert folder.name == COMMIT
    assert folder.parents[1].joinpath("refs", "v1").read_text() == COMMIT


def test_offline_answers_what_is_there(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hub.download(REPO, Heard().context)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    server.requests.clear()
    assert hub.download(REPO, Heard().context) == folder
    assert _failure("people/other").code == "network"
    with pytest.raises(UserError) as caught:
        hub.search("tiny")
    assert caught.value.code == "network"
    assert not hub.reachable(REPO)
    assert server.requests == []


def test_unknown_model_and_revision(server: Hub) -> None:
    assert _failure("people/absent").code == "not_found"
    failure = _failure(REPO, "v9")
    assert failure.code == "not_found"
    assert "revision" in failure.cause


def test_gated_model_says_how_to_get_in(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.gated.add(REPO)
    failure = _failure(REPO)
    assert failure.code == "not_found"
    assert f"{server.endpoint}/{REPO}" in failure.remedy
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub.download(REPO, Heard().context)
    assert "Bearer secret" in server.tokens


def test_pickles_are_refused(server: Hub) -> None:
    assert _failure("people/pickled").code == "pickle_only"
    assert not [request for request in server.requests if request.endswith(".bin")]


def test_repository_without_a_model(server: Hub) -> None:
    assert _failure("people/data").code == "not_a_checkpoint"


def test_no_network(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    assert _failure(REPO).code == "network"
    assert not hub.reachable(REPO)


def test_reachable(server: Hub) -> None:
    assert hub.reachable(REPO)


def test_the_sample_prefers_the_hub(server: Hub, tiny_llama: Path) -> None:
    from engine.checkpoint import sample

    server.repos[sample.REPO] = server.repos[REPO]
    folder = sample.ensure(Heard().context)
    assert folder == sample.sample_folder()
    assert (folder / "model.safetensors").read_bytes() == (tiny_llama / "model.safetensors").read_bytes()
    assert not any(path.is_symlink() for path in folder.iterdir())
