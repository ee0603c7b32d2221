from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.bench.candidates import diffs_of
from engine.bench.views import answer_logits, with_views
from engine.checkpoint.load import load_model
from engine.compare.table import Answer, AnswerToken
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.helpers import checkpoints


def test_every_token_is_seen_by_both_models(tiny_llama: Path, tmp_path: Path) -> None:
    other = checkpoints.tiny_llama(tmp_path, layers=2, seed=1)
    sessions = [open_session(folder, threads=1) for folder in (tiny_llama, other)]
    tokenizer = load_tokenizer(tiny_llama)
    prompt = np.array([5, 6, 7], dtype=np.int64)
    written = ((11, 12, 13), (11, 20))
    answers = [
        [Answer(prompt="q", text="", tokens=tuple(AnswerToken(id=i, text=str(i), seconds=0) for i in ids))]
        for ids in written
    ]
    diffs = diffs_of(answers, lambda index: True)
    done: list[tuple[int, int]] = []
    try:
        (found,) = with_views(
            diffs, answers, [[prompt], [prompt]], sessions, [tokenizer] * 2, lambda a, b: done.append((a, b))
        )
    finally:
        for session in sessions:
            session.close()
    assert done[-1] == (4, 4)
    assert [len(found.reference_views), len(found.candidate_views)] == [3, 2]
    expected = []
    for folder in (tiny_llama, other):
        with torch.inference_mode():
            logits = load_model(folder, dtype=torch.float32)(torch.tensor([[5, 6, 7, 11, 20]])).logits[0, 2:4]
        expected.append(logits.double().softmax(-1))
    for place, token in enumerate(written[1]):
        view = found.candidate_views[place]
        assert view.own == pytest.approx(float(expected[1][place, token]), abs=2e-5)
        assert view.other == pytest.approx(float(expected[0][place, token]), abs=2e-5)
        top = expected[0][place].topk(5)
        assert [p for _, p in view.other_top] == pytest.approx(top.values.tolist(), abs=2e-5)
        assert view.other_top[0][0].strip() == tokenizer.decode([int(top.indices[0])]).strip()


def test_answers_are_read_in_pieces_or_token_by_token_with_the_same_result(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(tiny_llama, threads=1)
    prompt, answer = np.array([5, 6, 7], dtype=np.int64), np.array([11, 12, 13, 14], dtype=np.int64)
    try:
        at_once = np.concatenate(list(answer_logits(session, prompt, answer)))
        monkeypatch.setattr("engine.bench.views.PIECE", 2)
        in_pieces = list(answer_logits(session, prompt, answer))
        session.continues = False  # widths must be made ready before they are appended
        one_by_one = np.concatenate(list(answer_logits(session, prompt, answer)))
    finally:
        session.close()
    assert [len(piece) for piece in in_pieces] == [1, 2, 1]
    np.testing.assert_allclose(at_once, np.concatenate(in_pieces), atol=1e-4)
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-4)
