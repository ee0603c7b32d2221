from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import texts
from engine.bench.grid import shapes_of, time_grid
from engine.bench.shapes import read_grid
from engine.decoding.wrapped import WrappedSession
from engine.protocol.errors import UserError
from engine.protocol.job import Grid
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer


class Counting(WrappedSession):
    """Remembers the shapes it was asked for."""

    def __init__(self, model: Session) -> None:
        super().__init__(model)
        self.asked: list[tuple[int, int]] = []
        self.decoded = 0

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        self.asked.append((ids.shape[0], ids.shape[1]))
        return super().prefill(ids, mask)

    def decode(self, ids: Ids) -> Floats:
        self.decoded += 1
        return super().decode(ids)


def test_every_shape_is_timed_as_often_for_every_candidate(tiny_llama: Path) -> None:
    text, tokenizer = texts.read_text(None)[0], load_tokenizer(tiny_llama)
    sessions = [Counting(open_session(tiny_llama, threads=1)) for _ in range(2)]
    shapes = [(8, 2, 1), (16, 2, 1), (8, 4, 2)]
    told: list[tuple[int, int]] = []
    try:
        cells = time_grid(
            sessions, [lambda length, count: texts.prompts_of(tokenizer, text, length, count)] * 2, shapes,
            lambda: None, lambda done, total: told.append((done, total)), rounds=4,
        )  # fmt: skip
    finally:
        for session in sessions:
            session.close()
    assert [(c.prompt_tokens, c.new_tokens, c.batch) for c in cells] == shapes
    assert all(c.candidate == 1 and c.speedup.rounds == 4 and c.seconds > 0 for c in cells)
    assert {*sessions[0].asked} == {(1, 8), (1, 16), (2, 8)}
    assert len(sessions[0].asked) == len(sessions[1].asked)
    assert told[-1] == (30, 30)


def test_shapes_that_the_models_do_not_hold_are_told_apart() -> None:
    grid = Grid(prompt_tokens=(16, 200), new_tokens=(8, 64), batch=(1, 2))
    fitting, too_long = shapes_of(grid, 256)
    assert too_long == [(200, 64, 1), (200, 64, 2)]
    assert len(fitting) == 6


def test_a_grid_is_read_as_people_write_it() -> None:
    assert read_grid(" ") is None
    assert read_grid("32, 128x16") == Grid(prompt_tokens=(32, 128), new_tokens=(16,))
    assert read_grid("32×16,64×1,4") == Grid(prompt_tokens=(32,), new_tokens=(16, 64), batch=(1, 4))


@pytest.mark.parametrize("text", ["32", "ax16", "0x16", "1,2,3,4,5,6,7,8,9x1", "1x1x1x1"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="no grid"):
        read_grid(text)
