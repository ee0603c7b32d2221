from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.compare.table import Answer, AnswerToken
from engine.compare.text_diff import diff


def answer(*tokens: tuple[int, str, float]) -> Answer:
    made = tuple(AnswerToken(id=i, text=t, seconds=0.1, probability=p) for i, t, p in tokens)
    return Answer(prompt="?", text="".join(token.text for token in made), tokens=made)


PARIS = answer((1, "Paris", 0.9), (2, ".", 0.8), (3, " It", 0.41), (4, " lies", 0.5))


def test_equal_answers_are_the_same() -> None:
    found = diff(PARIS, PARIS)
    assert found.same
    assert found.first_divergence is None
    assert [segment.kind for segment in found.segments] == ["same"]


def test_the_first_divergence_carries_both_probabilities() -> None:
    other = answer((1, "Paris", 0.9), (2, ".", 0.8), (9, " The", 0.37), (4, " lies", 0.5))
    found = diff(PARIS, other, prompt=2, index=1)
    assert (found.same, found.first_divergence) == (False, 2)
    assert (found.reference_probability, found.candidate_probability) == (0.41, 0.37)
    assert [s.kind for s in found.segments] == ["same", "changed", "same"]
    assert found.segments[1].reference_tokens == (2, 3)


def test_a_shorter_answer_diverges_where_it_ends() -> None:
    found = diff(PARIS, answer((1, "Paris", 0.9), (2, ".", 0.8)))
    assert found.first_divergence == 2
    assert found.candidate_probability is None
    assert [s.kind for s in found.segments] == ["same", "removed"]


def test_no_segment_ends_inside_a_character() -> None:
    """长 takes three byte tokens here; the answers differ in the last byte only."""
    left = answer((7, "", 0.5), (8, "", 0.5), (9, "长", 0.5), (1, "城", 0.5))
    right = answer((7, "", 0.5), (8, "", 0.5), (10, "镁", 0.5), (1, "城", 0.5))
    found = diff(left, right)
    assert found.first_divergence == 2
    assert [(s.kind, s.reference_text, s.candidate_text) for s in found.segments] == [
        ("changed", "长", "镁"),
        ("same", "城", "城"),
    ]
    assert found.segments[0].reference_tokens == (0, 3)


def test_other_vocabularies_are_compared_by_text() -> None:
    other = answer((11, "Paris", 0.9), (12, ".", 0.8), (13, " It", 0.4), (14, " lies", 0.5))
    assert not diff(PARIS, other).same
    assert diff(PARIS, other, same_tokens=False).same


tokens = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "a", "b", "é", "长"]), st.just(0.5)), max_size=12)


@given(tokens, tokens)
def test_segments_join_to_both_answers(left: list[tuple[int, str, float]], right: list[tuple[int, str, float]]) -> None:
    a, b = answer(*left), answer(*right)
    found = diff(a, b)
    assert "".join(s.reference_text for s in found.segments) == a.text
    assert "".join(s.candidate_text for s in found.segments) == b.text
    for segment in found.segments:
        assert "".join(t.text for t in a.tokens[slice(*segment.reference_tokens)]) == segment.reference_text
        assert "".join(t.text for t in b.tokens[slice(*segment.candidate_tokens)]) == segment.candidate_text
