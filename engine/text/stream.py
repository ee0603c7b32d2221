"""Turn a stream of token ids into text without ever showing half a character."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_REPLACEMENT = "\ufffd"
# A character is at most 4 bytes, so 4 tokens; a longer undecodable run is the model writing bytes that are no text.
_PATIENCE = 16


class TextStream:
    """Decodes ids one at a time; each piece holds whole characters only.

    Decodes a short window twice (with and without the new ids) and yields the difference, so that tokenizers whose
    pieces depend on the one before (leading spaces, byte fallback) come out as if decoded at once. tokenizers'
    DecodeStream does the same but cannot flush, and needs the Rust tokenizer.

    Attributes:
        tokenizer: what engine.text.tokenizer.load_tokenizer gives.
        context: ids that come before the stream (the prompt); they are not yielded.
    """

    def __init__(self, tokenizer: Any, context: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._ids = [int(token) for token in context[-8:]]
        self._begin = 0
        self._read = len(self._ids)

    def push(self, token: int) -> str:
        """The whole characters that `token` completes; "" in the middle of one."""
        self._ids.append(int(token))
        return self._take(len(self._ids) - self._read > _PATIENCE)

    def flush(self) -> str:
        """What is left at the end of a text; an unfinished character shows as U+FFFD."""
        return self._take(True)

    def _take(self, force: bool) -> str:
        before = self._decode(self._ids[self._begin : self._read])
        text = self._decode(self._ids[self._begin :])
        if text.endswith(_REPLACEMENT) and not force:
            return ""
        self._ids = self._ids[self._read :]
        self._begin, self._read = 0, len(self._ids)
        return text[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
