from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.bench import texts
from engine.bench.embeddings import Pooling, pool, read_pooling
from engine.protocol.errors import UserError
from engine.runtimes.base import TextBatch
from engine.text.tokenizer import load_tokenizer


def test_builtin_text_and_prompts_are_there() -> None:
    text, name = texts.read_text(None)
    assert name == "evaluation.txt"
    assert 2500 < len(text.split()) < 4000
    prompts = texts.builtin_prompts()
    assert len(prompts) == len(set(prompts)) == 6
    assert any("长城" in prompt for prompt in prompts)


def test_prompts_come_from_lines_or_yaml(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n\n two \n", encoding="utf-8")
    (tmp_path / "p.yaml").write_text("- one\n- |\n  two\n  lines\n", encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("a: 1\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    assert texts.read_prompts(None) == ()
    assert texts.read_prompts(tmp_path / "p.txt") == ("one", "two")
    assert texts.read_prompts(str(tmp_path / "p.yaml")) == ("one", "two\nlines")
    for name in ("bad.yaml", "absent.txt", "empty.txt"):
        with pytest.raises(UserError):
            texts.read_prompts(tmp_path / name)


def test_windows_start_with_the_beginning_mark_where_the_tokenizer_sets_one(stories260k: Path) -> None:
    tokenizer = load_tokenizer(stories260k)
    text = texts.read_text(None)[0][:6000]
    found = texts.windows(tokenizer, text, 512)
    assert all(window[0] == tokenizer.bos_token_id for window in found.ids)
    assert all(len(window) == 256 for window in found.ids[:-1])
    ids = np.concatenate([window[1:] for window in found.ids])
    assert ids.tolist() == tokenizer(text, add_special_tokens=False)["input_ids"][: len(ids)]
    assert not found.cut


def test_windows_without_a_mark_and_with_a_small_context(tiny_llama: Path) -> None:
    found = texts.windows(load_tokenizer(tiny_llama), texts.read_text(None)[0], 64)
    assert {len(window) for window in found.ids[:-1]} == {64}
    blocks = texts.blocks_of([63, 63, 40])
    assert len(blocks) == 166
    assert blocks.max() == 2


def test_timing_prompts_have_the_length_asked_for_and_differ(tiny_llama: Path) -> None:
    found = texts.prompts_of(load_tokenizer(tiny_llama), texts.read_text(None)[0], 48, 7)
    assert {len(ids) for ids in found} == {48}
    assert len({tuple(ids) for ids in found}) == 7


def test_a_missing_or_empty_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        texts.read_text(str(tmp_path / "none.txt"))
    (tmp_path / "empty.txt").write_text("  \n")
    with pytest.raises(UserError, match="empty"):
        texts.read_text(str(tmp_path / "empty.txt"))


def test_sentence_pairs_with_and_without_heading(tmp_path: Path) -> None:
    rows = '"A man, a plan.",A canal.,4.5\nA dog.,A cat.,1.0\nOne.,Two.,0\n'
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,score\n" + rows)
    left, right, gold = texts.read_pairs(str(tmp_path / "pairs.csv"))
    assert left[0] == "A man, a plan."
    assert right == ["A canal.", "A cat.", "Two."]
    assert gold.tolist() == [4.5, 1.0, 0.0]
    (tmp_path / "bad.csv").write_text(rows + "only one column\n")
    with pytest.raises(UserError, match="line 4"):
        texts.read_pairs(str(tmp_path / "bad.csv"))


def test_labelled_texts_keep_quotes_in_tsv(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text('sentence\tlabel\na " lone quote\t1\nplain\t0\n')
    assert texts.read_labels(str(tmp_path / "d.tsv"))[0] == ['a " lone quote', "plain"]


def test_pooling_follows_modules_json(tmp_path: Path) -> None:
    assert read_pooling(tmp_path) is None
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text('{"word_embedding_dimension": 4, "pooling_mode_cls_token": true}')
    (tmp_path / "modules.json").write_text(
        '[{"path": "", "type": "sentence_transformers.models.Transformer"},'
        ' {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'
    )
    assert read_pooling(tmp_path) == Pooling("cls", normalise=False)
    (tmp_path / "1_Pooling/config.json").write_text('{"pooling_mode_weightedmean_tokens": true}')
    with pytest.raises(UserError, match="weightedmean"):
        read_pooling(tmp_path)


def test_padding_does_not_count() -> None:
    states = np.array([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]], dtype=np.float32)
    batch = TextBatch(np.zeros((1, 3), np.int64), np.array([[1, 1, 0]]))
    assert pool(states, batch, Pooling("mean", normalise=False)).tolist() == [[2.0, 2.0]]
    assert pool(states, batch, Pooling("max", normalise=False)).tolist() == [[3.0, 4.0]]
    assert np.linalg.norm(pool(states, batch, Pooling())) == pytest.approx(1.0)


@pytest.mark.parametrize("lengths", [[], [600], [7], [512, 1, 512], [3] * 400, list(range(1, 300, 7))])
def test_texts_of_similar_length_share_a_batch(lengths: list[int]) -> None:
    batches = texts.by_length(lengths)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    ordered = [lengths[place] for batch in batches for place in batch]
    assert ordered == sorted(lengths)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= texts.TOGETHER
    if len(set(lengths)) > 2:
        assert len(batches) < len(lengths) / 2
