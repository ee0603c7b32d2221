"""What every runtime's decoder must do with an open sequence, checked against the same session's own logits."""

from __future__ import annotations

import numpy as np

from engine.runtimes.base import Ids, Session

TEXT: Ids = np.array([[5, 9, 200, 31, 77, 12, 140, 8, 61, 3, 250, 19]], dtype=np.int64)


def check_appending(session: Session, tolerance: float = 1e-4) -> None:
    """`extend` and `rewind` leave the sequence as if every token had been appended alone."""
    expected = session.logits(TEXT)[0]
    session.prefill(TEXT[:, :3])
    _agree(session.extend(TEXT[:, 3:8])[0], expected[3:8], tolerance)
    session.rewind(4)
    _agree(session.decode(TEXT[:, 4])[0], expected[4], tolerance)
    wrong = np.array([[7, 7, 7]], dtype=np.int64)
    session.extend(wrong)
    session.rewind(3)
    _agree(session.extend(TEXT[:, 5:])[0], expected[5:], tolerance)


def check_rounding_alike(session: Session) -> None:
    """Several tokens read at once give the very bits that each gives alone, after as many as the context holds."""
    ids = np.random.default_rng(1).integers(3, 380, (1, min(session.context_length, 400)))
    start = ids.shape[1] - 16
    session.prefill(ids[:, :start])
    alone = np.concatenate([session.decode(token) for token in ids.T[start:]])
    for cuts in ((16,), (2, 5, 9), (15, 1)):
        session.rewind(16)
        ends = start + np.cumsum(cuts)
        parts = [ids[:, end - count : end] for count, end in zip(cuts, ends, strict=True)]
        together = [session.extend(part)[0] if part.shape[1] > 1 else session.decode(part[0]) for part in parts]
        np.testing.assert_array_equal(np.concatenate(together), alone)


def check_padding(session: Session, tolerance: float = 1e-4) -> None:
    """A batch of texts of mixed lengths, padded left, gives every row what it gives alone."""
    starts = (0, 4, 5, 2)
    rows = [TEXT[:, start:6] for start in starts]
    more = TEXT[:, 6:]
    alone = []
    for row in rows:
        found = [session.prefill(row)[0]]
        found += [session.decode(token)[0] for token in more.T]
        alone.append(np.stack(found))
    ids = np.full((4, 6), 2, dtype=np.int64)
    mask = np.zeros_like(ids)
    for index, start in enumerate(starts):
        ids[index, start:], mask[index, start:] = TEXT[0, start:6], 1
    together = [session.prefill(ids, mask)]
    together += [session.decode(np.repeat(token, 4)) for token in more.T]
    for index, expected in enumerate(alone):
        _agree(np.stack(together)[:, index], expected, tolerance)
    session.rewind(4)  # a padded batch goes on like any other
    several = session.extend(np.repeat(more[:, 2:], 4, axis=0))
    for index, expected in enumerate(alone):
        _agree(several[index], expected[3:], tolerance)


def _agree(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(found, expected, atol=tolerance * float(np.abs(expected).max()), rtol=0)
