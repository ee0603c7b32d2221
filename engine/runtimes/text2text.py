"""What sessions of encoder-decoders have in common: the prompt read once, then an answer that grows. Free of torch."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np

from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.limits import answer_start, never_written


class Text2TextSession(Session):
    """An encoder-decoder; a runtime adds how it reads a prompt, appends to the answer and forgets.

    Attributes:
        start: the ids that every answer begins with, which are not part of what is written.
    """

    start: tuple[int, ...] = ()
    _written = 0  # tokens of the open answer, the start not counted

    def set_up_answers(self, folder: Path) -> None:
        """Take start and forbidden tokens from the JSON files in `folder`. Raises UserError without a start token."""
        self.start, self.never = answer_start(folder), never_written(folder)

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Read the prompts `ids` [B, T] and start their answers; the logits of the first answer token, [B, V].

        `mask` [B, T] is 1 on real tokens and 0 on padding, on either side of them.
        """
        self._read_prompt(*real_first(ids, mask))
        self._written = 0
        return self._append(np.tile(np.asarray(self.start, dtype=np.int64), (len(ids), 1)))[:, -1]

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row to the answers, `ids` [B]; the logits for the next, [B, V]."""
        return self.extend(ids[:, None])[:, -1]

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the answers; the logits after each of them, [B, T, V]."""
        logits = self._append(ids)
        self._written += ids.shape[1]
        return logits

    def rewind(self, count: int) -> None:
        """Forget the last `count` tokens of the answers. Raises ValueError for more than were written."""
        if not 0 <= count <= self._written:
            raise ValueError(f"{count} tokens cannot be taken back of {self._written}")
        if count:
            self._forget(count)
            self._written -= count

    def logits(self, ids: Ids) -> Floats:
        """There are none without a prompt: raises TypeError."""
        raise TypeError(f"a {self.task} model gives logits of an answer to a prompt only: prefill, then extend")

    def room(self, prompt_tokens: int) -> int:
        """The most tokens that an answer may have: it shares no room with the prompt."""
        return self.context_length - len(self.start) if prompt_tokens <= self.context_length else 0

    @abstractmethod
    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        """Encode `ids` [B, T] and forget the answer before; `mask` [B, T] is 1 on real tokens, which come first."""

    @abstractmethod
    def _append(self, ids: Ids) -> Floats:
        """Run the decoder over `ids` [B, T] after what it holds; the logits after each, [B, T, V]."""

    @abstractmethod
    def _forget(self, count: int) -> None:
        """Take the last `count` > 0 positions out of the decoder's cache."""


def real_first(ids: Ids, mask: Ids | None) -> tuple[Ids, Ids | None]:
    """`ids` and `mask` [B, T] with each row's padding moved behind its real tokens; no mask where nothing is padded.

    Encoders that count positions from the first column (BART) read a row only then as if it stood alone.
    """
    if mask is None or mask.all():
        return ids, None
    order = np.argsort(1 - mask, axis=1, kind="stable")
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(mask, order, axis=1)
