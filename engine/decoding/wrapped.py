"""A session around another one: everything is the inner model's own but for what a subclass does differently."""

from __future__ import annotations

from engine.runtimes.base import Floats, Ids, Session, TextBatch


class WrappedSession(Session):
    """`model` under the same name. It is closed with this session."""

    def __init__(self, model: Session) -> None:
        self._model = model
        self.folder, self.task, self.runtime = model.folder, model.task, model.runtime
        self.device, self.eos, self.never = model.device, model.eos, model.never
        self.context_length, self.continues = model.context_length, model.continues
        self.weight_bytes, self.remark = model.weight_bytes, model.remark

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """The model's own."""
        return self._model.prefill(ids, mask)

    def decode(self, ids: Ids) -> Floats:
        """The model's own."""
        return self._model.decode(ids)

    def extend(self, ids: Ids) -> Floats:
        """The model's own."""
        return self._model.extend(ids)

    def rewind(self, count: int) -> None:
        """The model's own."""
        self._model.rewind(count)

    def logits(self, ids: Ids) -> Floats:
        """The model's own."""
        return self._model.logits(ids)

    def hidden(self, batch: TextBatch) -> Floats:
        """The model's own."""
        return self._model.hidden(batch)

    def classify(self, batch: TextBatch) -> Floats:
        """The model's own."""
        return self._model.classify(batch)

    def padded(self, length: int) -> int:
        """The model's own."""
        return self._model.padded(length)

    def close(self) -> None:
        """Close the model."""
        self._model.close()
