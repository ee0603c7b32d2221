"""Where a token's error grew: what is asked of the engine, and how the answer is shown."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.compare.table import AnswerToken
from engine.compare.token_trace import TokenLayer, TokenSide, TokenTrace
from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Failed
from gui.jobs.client import JobRunner
from gui.pages.compare.token_window import ERROR_BAR, GROWTH_BAR, TokenWindow, token_job
from gui.pages.compare.turns import Turn
from gui.widgets.bars import SHARE
from tests.helpers.window import ScriptedClient, finished

pytestmark = pytest.mark.usefixtures("styled")

FOUND = TokenTrace(
    run="r1", token=" three", place=1, tokens=12, kl_divergence_nats=0.25,
    original=TokenSide(probability=0.6, top=((" three", 0.6), (" four", 0.2))),
    result=TokenSide(probability=0.3, top=((" four", 0.5), (" three", 0.3))),
    layers=(
        TokenLayer(index=None, error=0.0, growth=0.0),
        TokenLayer(index=0, own_error=0.1, error=0.1, growth=0.1),
        TokenLayer(index=1, error=0.4, growth=0.3),
        TokenLayer(index=2, own_error=0.2, error=0.35, growth=-0.05),
    ),
)  # fmt: skip


def _turn(prompt: str, *tokens: str) -> Turn:
    turn = Turn(prompt)
    turn.answer(1).extend(AnswerToken(id=place + 5, text=text, seconds=0.1) for place, text in enumerate(tokens))
    return turn


def test_the_job_has_all_that_was_said_before() -> None:
    first, second = _turn("a", "one", " two"), _turn("b", " three", " four")
    job = token_job("r1", [first, second], second, 1, 1, 2)
    assert [message["content"] for message in job.history] == ["a", "one two", "b"]
    assert (job.answer, job.place, job.threads) == ((5, 6), 1, 2)
    assert len(token_job("r1", [], first, 0, 1, None).history) == 1


@pytest.fixture
def window(qtbot: QtBot, jobs: JobRunner, client: ScriptedClient) -> TokenWindow:
    client.answer("token", Failed(failure=Failure.of(UserError("It is gone.", "Put it back."))))
    made = TokenWindow(token_job("r1", [], _turn("a", "b", "c"), 1, 1, None), ("original", "int4"), jobs)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.work.failure.failure is not None)
    client.answer("token", finished(**FOUND.model_dump(mode="json")))
    made.work.failure.remedy.emit("retry")
    qtbot.waitUntil(lambda: made.found is not None)
    return made


def test_it_tells_where_the_error_grew_and_what_both_would_say(window: TokenWindow) -> None:
    assert window.answer.text() == "Token 2: “ three” · the error grew most in Layer 1, by 30.0 %"
    assert "0.250 nats" in window.told.text()
    assert "12 tokens" in window.told.text()
    assert window.choices.text().index("original") < window.choices.text().index("int4")
    rows = [[window.model.index(row, column).data() for column in (0, 1, 4)] for row in range(4)]
    assert rows[0] == ["Embedding", "–", "±0 %"]
    assert rows[2] == ["Layer 1", "dropped", "+30.0 %"]
    shares = [[window.model.index(row, bar).data(SHARE) for bar in (ERROR_BAR, GROWTH_BAR)] for row in range(4)]
    assert shares[2] == [1, 1]
    assert shares[3] == [pytest.approx(0.875), None]
