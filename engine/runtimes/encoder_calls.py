"""What an encoder's session answers, for runtimes whose graphs give one named output for a batch of texts."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from engine.runtimes.base import Floats, Ids, Session, TextBatch


class EncoderCalls(Session):
    """Hidden states, class logits of texts or tokens, or logits of masked tokens, by `_run`.

    Stands before the runtime's own session.
    """

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Encoders do not continue texts: raises TypeError."""
        raise TypeError(f"a {self.task} model does not continue texts")

    def decode(self, ids: Ids) -> Floats:
        """Encoders do not continue texts: raises TypeError."""
        raise TypeError(f"a {self.task} model does not continue texts")

    def logits(self, ids: Ids) -> Floats:
        """The vocabulary's logits of every position of `ids` [B, T], all of them real tokens: [B, T, V]."""
        if self.task != "fill-mask":
            raise TypeError(f"a {self.task} model has no logits over the vocabulary")
        return self._run("logits", TextBatch(ids, np.ones_like(ids)))

    def hidden(self, batch: TextBatch) -> Floats:
        """The last hidden states, [B, T, H]."""
        return self._run("last_hidden_state", batch)

    def classify(self, batch: TextBatch) -> Floats:
        """The class logits, [B, C]."""
        if self.task != "text-classification":
            raise TypeError(f"a {self.task} model does not classify")
        return self._run("logits", batch)

    def tag(self, batch: TextBatch) -> Floats:
        """The class logits of every token, [B, T, C]."""
        if self.task != "token-classification":
            raise TypeError(f"a {self.task} model does not tag tokens")
        return self._run("logits", batch)

    @abstractmethod
    def _run(self, output: str, batch: TextBatch) -> Floats:
        """The graph's `output` for `batch`."""
