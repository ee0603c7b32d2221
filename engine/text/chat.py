"""From a conversation to the ids a model continues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.checkpoint.info import Task
from engine.protocol.errors import UserError
from engine.runtimes.base import Ids


def text_ids(tokenizer: Any, text: str) -> Ids:
    """`text` as ids [T] that a decoder continues: beginning mark as the tokenizer sets it, never an end mark.

    Raises UserError when there is nothing to begin with.
    """
    ids = list(tokenizer(text)["input_ids"])
    if ids and ids[-1] == tokenizer.eos_token_id and len(ids) > 1:
        ids.pop()
    if not ids:
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if begin is None:
            raise UserError("The prompt is empty.", "Type a few words for the model to go on from.")
        ids = [begin]
    return np.asarray(ids, dtype=np.int64)


def source_ids(tokenizer: Any, text: str) -> Ids:
    """`text` as ids [T] that an encoder-decoder reads: with every mark that the tokenizer sets, the end's included.

    Raises UserError for an empty text.
    """
    if not text.strip():
        raise UserError("The prompt is empty.", "Type the text that the model shall work on.")
    return np.asarray(tokenizer(text)["input_ids"], dtype=np.int64)


def prompt_ids(tokenizer: Any, messages: Sequence[dict[str, str]], task: Task = "text-generation") -> Ids:
    """`messages` ({"role", "content"}) as ids [T], through the chat template up to where the answer begins.

    A decoder without a template gets the last user message as plain text, and so does every encoder-decoder: it knows
    texts and answers, no conversations. Raises UserError when the template refuses, or there is nothing to answer.
    """
    last = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
    if task == "text2text-generation":
        return source_ids(tokenizer, last)
    if not getattr(tokenizer, "chat_template", None):
        return text_ids(tokenizer, last)
    from jinja2 import TemplateError

    try:
        ids = tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=False
        )
    except TemplateError as error:
        raise UserError(
            f"The model's chat template refuses this conversation: {error}.",
            "Begin with a user message and let user and assistant take turns.",
        ) from error
    return np.asarray(ids, dtype=np.int64)
