"""A session for conversations: of each prompt it reads only what the one before did not begin with."""

from __future__ import annotations

import numpy as np

from engine.decoding.wrapped import WrappedSession
from engine.runtimes.base import Floats, Ids, Session

# Keys and values written a token at a time, or in pieces, round otherwise than those of a prompt read at once. Where
# the logits behind them differ by a larger share of the largest than this, every prompt is read whole: kernels that
# compute with floats differ by a millionth, those that round activations to 8 bits by hundredths.
_MOST = 1e-3
_PIECE = 128  # tokens appended at once: their logits are computed too, and take room


class RememberingSession(WrappedSession):
    """`model`, whose `prefill` keeps what the open sequence and the new prompt begin with alike.

    For one text at a time; batches are read as ever. Timings are honest for a conversation and for nothing else: a
    measurement must not be given a model that has read its prompt before.

    Attributes:
        remembers: reading on gives what reading anew does, so that it is done at all.
    """

    def __init__(self, model: Session) -> None:
        """Try whether `model` reads on as it reads anew. It is closed with this session."""
        super().__init__(model)
        self._held: list[int] = []  # the tokens of the open sequence, if it is one text
        self.remembers = model.task == "text-generation" and model.continues and self._share() <= _MOST

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V]."""
        held, self._held = self._held, []
        if len(ids) > 1 or not self.remembers or (mask is not None and not mask.all()):
            return self._model.prefill(ids, mask)
        new = [int(token) for token in ids[0]]
        same = _common(held, new[:-1])  # the last token is read in any case, for its logits
        if same <= len(new) - same:  # appended tokens cost up to twice as much, see _PIECE
            logits = self._model.prefill(ids)
        else:
            if same < len(held):
                self._model.rewind(len(held) - same)
            logits = self._append(ids[:, same:])
        self._held = new
        return logits

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        held, self._held = self._held, []  # nothing is known of the sequence should the model fail
        logits = self._model.decode(ids)
        self._held = _longer(held, ids[:, None])
        return logits

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        held, self._held = self._held, []
        logits = self._model.extend(ids)
        self._held = _longer(held, ids)
        return logits

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        self._model.rewind(count)
        del self._held[max(0, len(self._held) - count) :]

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._held = []
        return self._model.logits(ids)

    def _append(self, ids: Ids) -> Floats:
        """Append `ids` [1, T]; the logits of the last position, [1, V]."""
        if ids.shape[1] == 1:
            return self._model.decode(ids[:, 0])
        for start in range(0, ids.shape[1], _PIECE):
            logits = self._model.extend(ids[:, start : start + _PIECE])
        return logits[:, -1]

    def _share(self) -> float:
        """How far the logits behind a text that grew differ from those of it read at once; a share of the largest."""
        words = self._model.prefill(np.zeros((1, 1), dtype=np.int64)).shape[-1]
        self._model.extend(np.zeros((1, 2), dtype=np.int64))  # from here on the session knows that it may be rewound
        ids = np.random.default_rng(0).integers(words // 10, words, (1, 32))  # the first ids are special
        whole = self._model.prefill(ids)
        self._model.prefill(ids[:, :12])
        for token in ids.T[12:20]:
            self._model.decode(token)
        self._model.extend(ids[:, :4])
        self._model.rewind(4)
        grown = self._append(ids[:, 20:])
        return float(np.abs(grown - whole).max() / np.abs(whole).max())


def _common(held: list[int], new: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(held, new, strict=False)
    return next((index for index, (old, token) in enumerate(pairs) if old != token), min(len(held), len(new)))


def _longer(held: list[int], ids: Ids) -> list[int]:
    """`held` and `ids` [B, T] behind it; nothing where it is not one text."""
    return held + [int(token) for token in ids[0]] if held and len(ids) == 1 else []
