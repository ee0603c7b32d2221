"""In a conversation only what is new is read, and the answers are those of a model that reads everything anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.decoding.drafters import LookupDrafter
from engine.decoding.remembering import RememberingSession
from engine.decoding.speculative import SpeculativeSession
from engine.decoding.wrapped import WrappedSession
from engine.jobs import chat, compare
from engine.protocol.job import ChatJob, CompareJob
from engine.recipe.recipe import Target
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.open import open_session
from engine.runtimes.transformers_eager.session import EagerSession
from tests.engine.bench.test_jobs import context_with
from tests.helpers import architectures
from tests.helpers.onnx_runtime import build


class Counting(WrappedSession):
    """Counts the tokens that its model computes with."""

    tokens = 0

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        self.tokens += ids.size
        return super().prefill(ids, mask)

    def extend(self, ids: Ids) -> Floats:
        self.tokens += ids.size
        return super().extend(ids)


def turns(session: Session, count: int = 4, length: int = 30) -> list[list[int]]:
    """The answers of a conversation whose messages have `length` tokens; the third prompt retells the second answer in
    other tokens, as a chat template may."""
    random = np.random.default_rng(2)
    text: list[int] = []
    answers = []
    for turn in range(count):
        text += random.integers(3, 500, length).tolist()
        answer = [step.token_id for step in session.generate(np.array(text), 12, stop_at_eos=False)]
        answers.append(answer)
        text += [7, *answer[2:]] if turn == 1 else answer
    return answers


@pytest.mark.parametrize("runtime", ["transformers", "onnxruntime", "openvino"])
def test_answers_are_the_same_and_less_is_read(runtime: str, tiny_llama: Path, tmp_path: Path) -> None:
    options = {} if runtime == "transformers" else {"accuracy": "exact"}
    folder = build(tiny_llama, tmp_path, Target(runtime=runtime, options=options, threads=1))
    forgetful = Counting(open_session(folder, threads=1))
    counting = Counting(open_session(folder, threads=1))
    session = RememberingSession(counting)
    assert session.remembers
    counting.tokens = 0
    assert turns(session) == turns(forgetful)
    # 4 messages, the last token of each answer, and the answer that was retold
    assert counting.tokens <= 4 * 30 + 3 + 12 < forgetful.tokens / 2
    session.close()
    forgetful.close()


def test_guessing_ahead_does_not_disturb_it(stories260k: Path) -> None:
    inner = RememberingSession(open_session(stories260k, threads=1))
    session = SpeculativeSession(inner, [LookupDrafter()])
    for _, pace in session._drafters:
        pace.choose = lambda checking: 4  # type: ignore[method-assign]
    session._budget.affordable = lambda *given: 4  # type: ignore[method-assign]
    assert turns(session) == turns(open_session(stories260k, threads=1))
    assert session.drafted > session.accepted


def test_a_window_that_slides_is_read_anew(tmp_path: Path) -> None:
    source = architectures.decoder(tmp_path / "model", "mistral with a window", sliding_window=8)
    assert not RememberingSession(open_session(source)).remembers


def test_batches_and_whole_logits_end_what_is_remembered(tiny_llama: Path) -> None:
    session, fresh = RememberingSession(open_session(tiny_llama)), open_session(tiny_llama)
    ids = np.random.default_rng(0).integers(3, 500, (2, 20))
    session.prefill(ids[:1])
    both = session.prefill(ids)
    np.testing.assert_allclose(both, fresh.prefill(ids), atol=1e-5)
    session.decode(ids[:, 0])
    np.testing.assert_allclose(session.prefill(ids[:1]), fresh.prefill(ids[:1]), atol=1e-5)
    session.logits(ids)
    np.testing.assert_allclose(session.prefill(ids[:1]), fresh.prefill(ids[:1]), atol=1e-5)


class Rounding(EagerSession):
    """A model whose kernels for several tokens are coarser than those for one."""

    def extend(self, ids: Ids) -> Floats:
        return np.round(super().extend(ids), 1)


def test_nothing_is_remembered_where_it_would_change_answers(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runtimes.transformers_eager.session.EagerSession", Rounding)
    assert not RememberingSession(open_session(tiny_llama)).remembers
    assert isinstance(open_session(tiny_llama, remember=True), Rounding)


def test_two_models_of_a_chat_remember_each_its_own_and_answer_as_if_newly_opened(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    class Watched(EagerSession):
        def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
            read.append(ids.shape[1])
            return super().prefill(ids, mask)

    monkeypatch.setattr("engine.runtimes.transformers_eager.session.EagerSession", Watched)
    context = context_with([])
    text = "Once upon a time a small model lived in a large computer. It answered slowly, and its people waited."
    job = ChatJob(candidates=(str(tiny_llama),) * 2, histories=_histories(text, text[:40]), max_new_tokens=8)
    first = chat.handle(job, context)
    longer = ChatJob(
        candidates=(str(tiny_llama),) * 2, histories=_histories(f"{text} One", f"{text[:40]} day"), max_new_tokens=8
    )
    read.clear()
    second = chat.handle(longer, context)
    assert read == []
    context.sessions.clear()
    again = [chat.handle(one, context) for one in (longer, job)]
    assert len(read) > 2  # what tries the models, and the prompts
    assert [_texts(answers) for answers in again] == [_texts(second), _texts(first)]
    context.sessions.clear()


def _texts(answers: dict[str, Any]) -> list[str]:
    return [answer["text"] for answer in answers["answers"]]


def _histories(*texts: str) -> tuple[tuple[dict[str, str], ...], ...]:
    return tuple(({"role": "user", "content": text},) for text in texts)


@pytest.mark.usefixtures("short_rounds")
def test_comparisons_remember_nothing(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(session: Session) -> None:
        raise AssertionError("a measured model must read its prompt")

    monkeypatch.setattr("engine.decoding.remembering.RememberingSession", refuse)
    job = CompareJob(
        candidates=(str(tiny_llama),) * 2, prompts=("Once",), rounds=3, prompt_tokens=8, new_tokens=4, memory=False,
        quality=False, threads=1,
    )  # fmt: skip
    compare.handle(job, context_with([]))
    with pytest.raises(AssertionError, match="must read"):
        open_session(tiny_llama, remember=True)
