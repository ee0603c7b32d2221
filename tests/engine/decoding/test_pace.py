import pytest

from engine.decoding.pace import LONGEST_PAUSE, PAUSE, STALE, TRIAL, Checking, Pace


def checking(alone: float, slope: float) -> Checking:
    found = Checking()
    for count in (3, 5, 3, 5, 1, 1):
        found.observe(count, alone + slope * (count - 1))
    return found


def test_the_time_of_more_tokens_is_read_off_a_line() -> None:
    line = checking(10.0, 0.5)
    assert line.expected(1) == pytest.approx(10.0)
    assert line.expected(9) == pytest.approx(14.0)
    line.observe(1, 1000.0)  # an interruption
    assert line.expected(1) < 20.0


def test_guessing_pays_where_guesses_are_cheap_and_right() -> None:
    line = checking(20.0, 1.0)
    good = Pace(most=8, accepted=0.9, drafting=2.0)
    assert good.choose(line) >= 3
    assert Pace(most=8, accepted=0.98, drafting=0.0).choose(line) == 8


def test_guessing_stops_where_it_does_not_pay_and_is_tried_again_later() -> None:
    line = checking(20.0, 1.0)
    pace = Pace(most=8, accepted=0.8, drafting=19.0)  # a draft as slow as the model
    assert pace.choose(line) == 0
    for _ in range(PAUSE):
        pace.rest()
    assert pace.choose(line) == TRIAL
    assert pace.choose(line) == TRIAL  # as long as nothing was guessed
    pace.observe(TRIAL, 0)
    for _ in range(PAUSE):
        pace.rest()
    assert pace.choose(line) == 0  # the next pause is twice as long
    for _ in range(PAUSE):
        pace.rest()
    assert pace.choose(line) == TRIAL
    for _ in range(20 * LONGEST_PAUSE):
        pace.rest()
        if pace.choose(line):
            pace.observe(TRIAL, 0)
    for _ in range(LONGEST_PAUSE):
        pace.rest()
    assert pace.choose(line) == TRIAL  # but never endless


def test_a_token_alone_is_not_judged_by_several() -> None:
    line = checking(5.0, 0.0)
    for _ in range(STALE):
        assert not line.stale
        line.observe(4, 20.0)  # several at once have slower kernels
    assert line.stale
    assert line.expected(1) == pytest.approx(5.0)
    assert Pace(most=8, accepted=0.8).choose(line) == 0
    line.observe(1, 5.0)
    assert not line.stale


def test_wrong_guesses_lower_the_expected_share() -> None:
    line = checking(20.0, 1.0)
    pace = Pace(most=8, accepted=0.9, drafting=4.0)
    for _ in range(60):
        pace.observe(4, 0)
    assert pace.accepted < 0.1
    assert pace.choose(line) == 0
