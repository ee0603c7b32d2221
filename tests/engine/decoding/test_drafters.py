from pathlib import Path

import numpy as np

from engine.decoding.drafters import LookupDrafter, ModelDrafter
from engine.protocol.job import Sampling
from engine.runtimes.open import open_session
from engine.runtimes.sampling import Sampler

GREEDY = Sampler()


def test_lookup_continues_the_longest_ending_that_stood_before() -> None:
    drafter = LookupDrafter()
    drafter.start()
    text = [1, 2, 3, 4, 5, 9, 2, 3, 8, 7, 2, 3]
    assert drafter.propose(text, 3, GREEDY) == [8, 7, 2]  # the last place where 2, 3 stood
    text += [4]
    assert drafter.propose(text, 2, GREEDY) == [5, 9]  # 2, 3, 4 stood at the beginning
    assert drafter.propose([*text, 77], 2, GREEDY) == []
    drafter.start()
    assert drafter.propose([5, 6, 7], 2, GREEDY) == []  # nothing is left of the text before


def test_a_model_guesses_what_it_would_write_whatever_was_taken_back(tiny_llama: Path) -> None:
    session, own = open_session(tiny_llama, threads=1), open_session(tiny_llama, threads=1)
    drafter = ModelDrafter(session)
    text = [5, 9, 200, 31]

    def expected(count: int, sampling: Sampling | None = None) -> list[int]:
        steps = own.generate(np.array(text), count, sampling, stop_at_eos=False)
        return [step.token_id for step in steps]

    drafter.start()
    assert drafter.propose(text, 4, GREEDY) == expected(4)
    text += [7]  # not what was guessed
    assert drafter.propose(text, 4, GREEDY) == expected(4)
    text += expected(4)  # all of it right, and more
    text += [3, 8]
    assert drafter.propose(text, 2, GREEDY) == expected(2)
    sampling = Sampling(temperature=1.0, seed=3)
    assert drafter.propose(text, 3, Sampler(sampling)) == expected(3, sampling)
    session.context_length = len(text)
    assert drafter.propose(text, 3, GREEDY) == []  # its context is full
