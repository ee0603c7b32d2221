from pathlib import Path
from typing import Any

import pytest

from engine.text.stream import TextStream
from engine.text.tokenizer import load_tokenizer

CHINESE_AND_EMOJI = "你好，世界！模型变快了 🚀👩‍🔬 Grüße — done."


def byte_level(folder: Path) -> Any:
    """A tokenizer with one token a byte: every Chinese character and emoji is split."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["abc"], vocab_size=260, special_tokens=["<s>", "</s>"], show_progress=False)
    PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    return load_tokenizer(folder)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    return byte_level(tmp_path)


def pieces(tokenizer: Any, text: str) -> list[str]:
    stream = TextStream(tokenizer)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*(stream.push(token) for token in ids), stream.flush()]


def test_characters_split_over_tokens_come_whole(tokenizer: Any) -> None:
    parts = pieces(tokenizer, CHINESE_AND_EMOJI)
    assert len(parts) > len(CHINESE_AND_EMOJI)
    assert "".join(parts) == CHINESE_AND_EMOJI
    assert not any("\ufffd" in part for part in parts)
    assert all(len(part) <= 1 for part in parts[:-1])


def test_byte_fallback_and_spaces_of_a_sentencepiece_tokenizer(stories15m: Path) -> None:
    text = "Once upon a time 你好 🚀🚀 there was"
    parts = pieces(load_tokenizer(stories15m), text)
    assert "".join(parts) == text
    assert not any("\ufffd" in part for part in parts)


def test_context_gives_the_first_piece_its_space(stories15m: Path) -> None:
    tokenizer = load_tokenizer(stories15m)
    prompt, follow = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("Once upon", "a time"))
    stream = TextStream(tokenizer, prompt)
    assert "".join(stream.push(token) for token in follow) + stream.flush() == " a time"


def test_unfinished_character_is_flushed_once(tokenizer: Any) -> None:
    stream = TextStream(tokenizer)
    ids = tokenizer("a你", add_special_tokens=False)["input_ids"][:-1]
    assert "".join(stream.push(token) for token in ids) == "a"
    assert stream.flush() == "\ufffd"
    assert stream.flush() == ""


def test_bytes_that_are_no_text_do_not_hold_the_stream(tokenizer: Any) -> None:
    broken = tokenizer("你", add_special_tokens=False)["input_ids"][1]
    stream = TextStream(tokenizer)
    assert any(stream.push(broken) for _ in range(40))


def test_special_tokens_are_not_shown(tokenizer: Any) -> None:
    stream = TextStream(tokenizer)
    assert stream.push(tokenizer.eos_token_id) + stream.flush() == ""
