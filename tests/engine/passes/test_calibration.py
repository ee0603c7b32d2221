"""Calibration texts and the windows taken from them; models walked block by block."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from engine.blocks.streamed import StreamedModel
from engine.calibration.options import CalibrationOptions
from engine.calibration.texts import builtin, read_text
from engine.calibration.walk import walk
from engine.calibration.windows import sample
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from tests.helpers.passes import no_step, run_pass


def test_the_built_in_text_is_there() -> None:
    assert len(read_text("").split()) > 2000
    assert read_text("") == builtin().read_text(encoding="utf-8")


def test_lines_of_json_are_joined(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [{"text": "one"}, {"content": "two"}, {"messages": [{"role": "user", "content": "three"}]}]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert read_text(str(file)) == "one\n\ntwo\n\nthree"
    file.write_text('{"text": "one"}\n[1]\n')
    with pytest.raises(UserError, match="Line 2"):
        read_text(str(file))


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\xff"])
def test_texts_that_are_no_use_are_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "a.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_text(str(file))
    assert caught.value.where == str(file)


def test_windows_come_from_the_text_and_follow_the_seed(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    one, again, other = (
        sample(tiny_llama, info, CalibrationOptions(samples=5, tokens=32, seed=seed)) for seed in (1, 1, 2)
    )
    assert one.shape == (5, 32)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert sample(tiny_llama, info, CalibrationOptions(samples=1, tokens=8000)).shape == (1, 256)


def test_a_text_of_two_words_is_too_short(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b")
    with pytest.raises(UserError, match="too short"):
        sample(tiny_llama, inspect(tiny_llama), CalibrationOptions(text=str(tmp_path / "a.txt")))


@pytest.mark.parametrize("kind", ["llama", "packed", "bert"])
def test_a_streamed_model_computes_what_the_whole_one_does(
    tiny_llama: Path, tiny_bert: Path, tmp_path: Path, kind: str
) -> None:
    folder = tiny_bert if kind == "bert" else tiny_llama
    if kind == "packed":
        run_pass("quantize", tiny_llama, tmp_path / "q", bits=4)
        folder = tmp_path / "q"
    ids = torch.arange(3, 35).reshape(2, 16)
    expected = load_model(folder)(input_ids=ids, output_hidden_states=True).hidden_states
    seen: list[tuple[Tensor, Tensor]] = []
    loaded = []

    def after(name: str, block: nn.Module, before: Tensor, output: Tensor) -> None:
        seen.append((before, output))
        loaded.append(sum(1 for other in model.blocks.values() if not next(other.parameters()).is_meta))

    with StreamedModel(folder) as model:
        walk(model, ids, after, no_step)
        assert all(parameter.is_meta for block in model.blocks.values() for parameter in block.parameters())
    assert loaded == [1] * len(model.blocks)
    for layer, (before, output) in enumerate(seen):
        torch.testing.assert_close(before, expected[layer])
        if layer + 1 < len(seen):
            torch.testing.assert_close(output, expected[layer + 1])
