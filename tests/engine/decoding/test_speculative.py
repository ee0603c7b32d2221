"""A speculating session writes what its model writes alone, whatever guesses."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.decoding.drafters import Drafter, LookupDrafter, ModelDrafter
from engine.decoding.speculative import SpeculativeSession
from engine.protocol.job import Sampling
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.open import open_session
from engine.runtimes.sampling import Sampler
from engine.runtimes.transformers_eager.session import EagerSession
from tests.helpers import architectures


class RandomDrafter(Drafter):
    """Guesses the model's own next tokens, some of them spoilt: every length of agreement occurs."""

    most = 6

    def __init__(self, model: Session) -> None:
        self._inner = ModelDrafter(model)
        self._random = np.random.default_rng(0)

    def start(self) -> None:
        self._inner.start()

    def propose(self, text: Sequence[int], count: int, sampler: Sampler) -> list[int]:
        guesses = self._inner.propose(text, count, sampler)
        return [g if self._random.random() < 0.8 else int(self._random.integers(3, 500)) for g in guesses]


def always(session: SpeculativeSession) -> SpeculativeSession:
    """Make it guess at every step, whatever the clock says."""
    for _, pace in session._drafters:
        pace.choose = lambda checking, most=pace.most: most  # type: ignore[method-assign]
    session._budget.affordable = lambda most, *given: most  # type: ignore[method-assign]
    return session


def prompts(count: int) -> Iterator[Ids]:
    random = np.random.default_rng(1)
    for _ in range(count):
        yield random.integers(3, 500, random.integers(1, 40))


def texts(session: Session, sampling: Sampling | None, count: int, new: int) -> list[list[int]]:
    return [
        [step.token_id for step in session.generate(ids, new, sampling, stop_at_eos=False)] for ids in prompts(count)
    ]


@pytest.mark.parametrize("sampling", [None, Sampling(temperature=0.9, top_k=20, seed=5)], ids=["greedy", "sampled"])
def test_guesses_do_not_change_the_answers(tiny_llama: Path, sampling: Sampling | None) -> None:
    alone = open_session(tiny_llama, threads=1)
    draft = open_session(tiny_llama, threads=1)
    session = always(SpeculativeSession(open_session(tiny_llama, threads=1), [RandomDrafter(draft)]))
    assert texts(session, sampling, 20, 30) == texts(alone, sampling, 20, 30)
    assert 0 < session.accepted < session.drafted


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_many_prompts_of_a_real_model(stories260k: Path, count: int) -> None:
    alone = open_session(stories260k, threads=1)
    session = always(SpeculativeSession(open_session(stories260k, threads=1), [LookupDrafter()]))
    assert texts(session, None, count, 24) == texts(alone, None, count, 24)
    assert session.accepted > 0


def test_an_answer_ends_where_the_models_does(tiny_llama: Path) -> None:
    alone, draft = open_session(tiny_llama, threads=1), open_session(tiny_llama, threads=1)
    session = SpeculativeSession(open_session(tiny_llama, threads=1), [])
    session.draft_with(draft)
    always(session)
    ids = np.array([5, 9, 200, 31, 77])
    free = [step.token_id for step in alone.generate(ids, 12, stop_at_eos=False)]
    session.eos = frozenset({free[4]})
    steps = list(session.generate(ids, 12, probabilities=True))
    cut = free.index(free[4]) + 1
    assert [step.token_id for step in steps] == free[:cut]
    assert [step.end for step in steps] == [False] * (cut - 1) + [True]
    assert all(step.seconds > 0 and 0 < (step.probability or 0) < 1 for step in steps)
    session.context_length = len(ids) + 3
    assert len(list(session.generate(ids, 12, stop_at_eos=False))) == 3


def test_a_close_call_is_settled_by_the_model_alone(tiny_llama: Path) -> None:
    model = open_session(tiny_llama, threads=1)
    session = always(SpeculativeSession(model, [ModelDrafter(open_session(tiny_llama, threads=1))]))
    session._doubt = float("inf")  # every logit is near every other: each token must be read alone
    ids = np.array([5, 9, 200, 31, 77])
    found = [step.token_id for step in session.generate(ids, 12, stop_at_eos=False)]
    alone = open_session(tiny_llama, threads=1)
    assert found == [step.token_id for step in alone.generate(ids, 12, stop_at_eos=False)]


class Rounding(EagerSession):
    """A model whose kernels for several tokens are coarser than those for one."""

    def extend(self, ids: Ids) -> Floats:
        return np.round(super().extend(ids), 1)


def test_nothing_is_guessed_where_it_would_change_answers(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runtimes.transformers_eager.session.EagerSession", Rounding)
    session = always(SpeculativeSession(open_session(tiny_llama, threads=1), [LookupDrafter()]))
    assert not session.exact
    texts(session, None, 5, 30)
    assert session.drafted == 0


def test_a_window_that_slides_can_be_rewound(tmp_path: Path) -> None:
    source = architectures.decoder(tmp_path / "model", "mistral with a window", sliding_window=8)
    alone = open_session(source, threads=1)
    drafter = RandomDrafter(open_session(source, threads=1))
    session = always(SpeculativeSession(open_session(source, threads=1), [drafter]))
    assert texts(session, None, 10, 30) == texts(alone, None, 10, 30)
    assert 0 < session.accepted < session.drafted
