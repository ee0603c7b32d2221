"""Reading tensors lazily, writing them in shards, linking what did not change."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from engine.checkpoint import writer as writer_module
from engine.checkpoint.headers import INDEX
from engine.checkpoint.inspect import inspect
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Writer
from engine.protocol.errors import Failure, UserError


def _sharded(source: Path, folder: Path) -> Reader:
    reader = Reader(source)
    writer = Writer(folder, reader, shard_bytes=300_000)
    for name in sorted(reader):
        writer.add(name, reader.tensor(name))
    writer.finish()
    return Reader(folder)


def test_shards_are_bounded_and_hold_every_tensor(tiny_llama: Path, tmp_path: Path) -> None:
    written, source = _sharded(tiny_llama, tmp_path / "out"), Reader(tiny_llama)
    assert len(written.shards) > 3
    assert set(written.names) == set(source.names)
    assert all(torch.equal(written.tensor(name), source.tensor(name)) for name in source)
    index = json.loads((tmp_path / "out" / INDEX).read_text())
    assert index["metadata"]["total_size"] == inspect(tmp_path / "out").bytes
    for names in written.shards.values():
        assert len(names) == 1 or sum(written.header(name).bytes for name in names) <= 300_000


def test_unchanged_shards_are_linked_and_changed_ones_streamed(tiny_llama: Path, tmp_path: Path) -> None:
    source = _sharded(tiny_llama, tmp_path / "source")
    name = "model.layers.1.mlp.up_proj.weight"
    asked = []
    writer = Writer(tmp_path / "out", source)
    writer.rewrite({name: lambda: {name: source.tensor(name) * 2}}, asked.append)
    writer.finish({**source.config, "hasten": {"note": 1}})
    out = Reader(tmp_path / "out")
    assert asked == [name]
    assert torch.equal(out.tensor(name), source.tensor(name) * 2)
    inodes = {(tmp_path / "source" / file).stat().st_ino for file in source.shards}
    shared = [file for file in out.shards if (tmp_path / "out" / file).stat().st_ino in inodes]
    assert len(shared) == len(source.shards) - 1
    assert out.config["hasten"] == {"note": 1}
    assert (tmp_path / "out" / "tokenizer.json").samefile(tmp_path / "source" / "tokenizer.json")


def test_an_unfinished_folder_is_no_checkpoint(tiny_llama: Path, tmp_path: Path) -> None:
    reader = Reader(tiny_llama)
    writer = Writer(tmp_path / "out", reader, shard_bytes=1)
    for name in reader:
        writer.add(name, reader.tensor(name))
    assert not any(path.name == "config.json" or path.suffix == ".safetensors" for path in (tmp_path / "out").iterdir())
    with pytest.raises(UserError):
        inspect(tmp_path / "out")


def test_rope_theta_is_spelt_out_for_older_readers(tiny_llama: Path, tmp_path: Path) -> None:
    reader = Reader(tiny_llama)
    writer = Writer(tmp_path / "out", reader)
    writer.rewrite({})
    writer.finish({**reader.config, "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}})
    assert Reader(tmp_path / "out").config["rope_theta"] == 5e5


def test_a_full_disk_is_told_as_such(tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import SafetensorError

    def full(*args: object, **kwargs: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(writer_module, "save_file", full)
    reader = Reader(tiny_llama)
    writer = Writer(tmp_path / "out", reader)
    writer.add("a", torch.zeros(1))
    with pytest.raises(OSError) as caught:
        writer.finish()
    assert caught.value.errno == errno.ENOSPC
    assert Failure.of(caught.value).code == "disk_full"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda folder: (folder / "config.json").unlink(), "not_a_checkpoint"),
        (lambda folder: (folder / "config.json").write_text("[1"), "not_a_checkpoint"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing_shard"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x08" * 100), "corrupt_shard"),
        (
            lambda folder: (folder / INDEX).write_text('{"weight_map": {"a": "gone.safetensors"}}'),
            "missing_shard",
        ),
    ],
    ids=["no config", "broken config", "no weights", "broken weights", "missing shard"],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_is_said(tiny_llama: Path, tmp_path: Path, spoil: object, code: str) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_llama / name).read_bytes())
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(UserError) as caught:
        Reader(tmp_path)
    assert caught.value.code == code
