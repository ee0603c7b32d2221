from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench.questions import compare_pairs, is_right, last_number, read_questions
from engine.compare.evidence import Question
from engine.protocol.errors import UserError

YAML = """\
- prompt: What is the capital of France?
  expect: Paris
- prompt: How much is 12 times 12?
  expect: 144
  how: numeric
- prompt: "Yes or no?"
  expect: [yes, "no"]
  how: exact
"""
LINES = """\
{"prompt": "Capital of France?", "expect": "Paris"}

{"prompt": "Pi?", "expect": 3.14, "how": "numeric", "tolerance": 0.01}
"""
TABLE = 'prompt,expect,how,tolerance\nCapital of France?,Paris,,\n"A year, please",\\d{4},regex,\n'


@pytest.mark.parametrize(
    ("name", "text", "count", "last"),
    [
        ("q.yaml", YAML, 3, ("exact", ("true", "no"), 0.0)),
        ("q.jsonl", LINES, 2, ("numeric", ("3.14",), 0.01)),
        ("q.csv", TABLE, 2, ("regex", (r"\d{4}",), 0.0)),
    ],
)
def test_questions_are_read_from_three_kinds_of_file(
    tmp_path: Path, name: str, text: str, count: int, last: tuple[str, tuple[str, ...], float]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_questions(tmp_path / name)
    assert len(found) == count
    assert found[0].how == "contains"
    assert (found[-1].how, found[-1].expect, found[-1].tolerance) == last


def test_no_file_asks_nothing() -> None:
    assert read_questions(None) == read_questions("") == ()


@pytest.mark.parametrize(
    ("name", "text", "line", "cause"),
    [
        ("q.yaml", YAML + "- prompt: Alone\n", 9, "lacks “expect”"),
        ("q.yaml", "- prompt: a\n  expect: b\n  how: roughly\n", 1, "“how” is “roughly”"),
        ("q.yaml", "- prompt: a\n  expect: b\n  hwo: exact\n", 1, "no field “hwo”"),
        ("q.yaml", "- prompt: [a\n", 2, "not YAML"),
        ("q.yaml", "- just a line\n", 1, "named fields"),
        ("q.jsonl", LINES + "{oops}\n", 4, "not JSON"),
        ("q.jsonl", '{"prompt": "a", "expect": "many", "how": "numeric"}', 1, "“many” is not a number"),
        ("q.jsonl", '{"prompt": "a", "expect": "(", "how": "regex"}', 1, "not a regular expression"),
        ("q.jsonl", '{"prompt": "a", "expect": "b", "tolerance": 1}', 1, "of numeric answers"),
        ("q.csv", TABLE + "one,two,exact,,five\n", 4, "more columns"),
        ("q.csv", TABLE + 'a,b,exact,wide\n', 4, "“tolerance” is “wide”"),
    ],
)  # fmt: skip
def test_a_bad_file_names_the_line(tmp_path: Path, name: str, text: str, line: int, cause: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=cause) as caught:
        read_questions(tmp_path / name)
    assert str(caught.value.where).endswith(f"{name}, line {line}")


@pytest.mark.parametrize("name", ["absent.yaml", "questions.txt", "empty.csv", "mapping.yaml"])
def test_a_file_that_holds_no_questions_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "questions.txt").write_text("What?\n")
    (tmp_path / "empty.csv").write_text("prompt,expect\n")
    (tmp_path / "mapping.yaml").write_text("a: 1\n")
    with pytest.raises(UserError):
        read_questions(tmp_path / name)


@pytest.mark.parametrize(
    ("how", "expect", "answer", "right"),
    [
        ("exact", "Paris", " Paris\n", True),
        ("exact", "Paris", "Paris.", False),
        ("contains", "paris", "It is Paris.", True),
        ("contains", "Rome", "It is Paris.", False),
        ("regex", r"\b19\d\d\b", "built in 1931.", True),
        ("regex", r"^19", "built in 1931.", False),
        ("numeric", "144", "12 × 12 = 144.", True),
        ("numeric", "1234.5", "about 1,234.5", True),
        ("numeric", "-3", "x is −3", True),
        ("numeric", "5", "5 or 6", False),
        ("numeric", "5", "none", False),
    ],
)
def test_answers_are_judged_as_asked(how: str, expect: str, answer: str, right: bool) -> None:
    question = Question.model_validate({"prompt": "q", "expect": (expect,), "how": how})
    assert is_right(question, answer) is right


def test_a_number_may_be_off_by_the_tolerance() -> None:
    question = Question(prompt="q", expect=("3.14",), how="numeric", tolerance=0.01)
    assert is_right(question, "3.145")
    assert not is_right(question, "3.2")
    assert last_number("1e3") == 1000
    assert last_number("In 1998, 2") == 2


def test_any_of_several_answers_is_right() -> None:
    question = Question(prompt="q", expect=("Paris", "Lutetia"))
    assert is_right(question, "lutetia")


def test_the_paired_test_is_mcnemars_exact_one() -> None:
    # R: binom.test(1, 10)$p.value
    found = compare_pairs([True] * 9 + [False] + [True] * 5, [False] * 9 + [True] + [True] * 5)
    assert (found.lost, found.gained) == (9, 1)
    assert found.p_value == pytest.approx(0.021484375)
    same = compare_pairs([True, False], [True, False])
    assert (same.lost, same.gained, same.p_value) == (0, 0, 1.0)
