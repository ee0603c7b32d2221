from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.protocol.errors import UserError
from engine.text.chat import prompt_ids, text_ids
from engine.text.tokenizer import load_tokenizer

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system messages') }}{% endif %}"
    "{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)
TALK = [
    {"role": "user", "content": "a small model"},
    {"role": "assistant", "content": "waited"},
    {"role": "user", "content": "One day"},
]


@pytest.fixture
def tokenizer(tiny_llama: Path) -> Any:
    return load_tokenizer(tiny_llama)


def test_template_ends_where_the_answer_begins(tokenizer: Any) -> None:
    tokenizer.chat_template = TEMPLATE
    ids = prompt_ids(tokenizer, TALK)
    assert ids.dtype == np.int64
    assert tokenizer.decode(ids).endswith("assistant: waited\nuser: One day\nassistant:")


def test_without_template_the_last_user_message(tokenizer: Any) -> None:
    assert tokenizer.decode(prompt_ids(tokenizer, TALK)) == "One day"


def test_an_encoder_decoder_reads_the_last_message_with_its_end_mark(tokenizer: Any) -> None:
    tokenizer.chat_template = TEMPLATE
    ids = prompt_ids(tokenizer, [*TALK, {"role": "user", "content": "One day</s>"}], "text2text-generation")
    assert tokenizer.decode(ids) == "One day</s>"
    with pytest.raises(UserError, match="empty"):
        prompt_ids(tokenizer, [{"role": "user", "content": " "}], "text2text-generation")


def test_template_refusal_is_a_user_error(tokenizer: Any) -> None:
    tokenizer.chat_template = TEMPLATE
    with pytest.raises(UserError, match="no system messages"):
        prompt_ids(tokenizer, [{"role": "system", "content": "x"}])


def test_empty_prompt_begins_with_the_beginning_mark(tokenizer: Any) -> None:
    assert text_ids(tokenizer, "").tolist() == [tokenizer.bos_token_id]


def test_an_end_mark_is_not_part_of_a_prompt(tokenizer: Any) -> None:
    assert text_ids(tokenizer, "One day</s>").tolist() == text_ids(tokenizer, "One day").tolist()


def test_folder_without_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer"):
        load_tokenizer(tmp_path)
