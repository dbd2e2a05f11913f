"""Answers in the learner's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.kernel.answers import choice, number, plain


@pytest.mark.parametrize(
    ("answer", "choices", "meant"),
    [
        ("host", ("host", "own"), "host"),
        ("The host's.", ("host", "own"), "host"),
        ("its own", ("host", "own"), "own"),
        ("one of its own", ("same", "own", "none"), "own"),
        ("the same one as the shell", ("same", "own", "none"), "same"),
        ("not the same", ("same", "own", "none"), None),
        ("the host's or its own", ("host", "own"), None),
        ("no", ("yes", "no"), "no"),
        ("NO!", ("yes", "no"), "no"),
        ("maybe", ("yes", "no"), None),
        ("none of them", ("none", "fewer", "same"), "none"),
        ("no, it does not", ("yes", "no"), "no"),
        ("yes, of course", ("yes", "no"), "yes"),
        ("they aren't the same", ("same", "own", "none"), None),
        ("nicht same", ("same", "own", "none"), None),
        ("no fewer", ("none", "fewer", "same"), None),
        ("without own", ("same", "own", "none"), None),
        ("1", ("1", "2"), "1"),
        ("12", ("1", "2"), None),
        ("", ("yes", "no"), None),
        ("anything", (), None),
    ],
)
def test_choices(answer: str, choices: tuple[str, ...], meant: str | None) -> None:
    assert choice(answer, choices) == meant


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        *((word, 0) for word in ("0", "zero", "none", "none of them", "No", "nought", "0 of 8")),
        *((word, 0) for word in ("all the same", "they do not differ", "nothing.", "None!")),
        *(
            (word, 0)
            for word in ("none of the 8", "all 8 are the same", "zero of them", "none differ", "keine")
        ),
        *((word, 0) for word in ("the same", "they don't differ", "null")),
        *((word, 6) for word in ("6", "six", " 6 ", "6 of them", "six of them", "6.", "6 of 8", "it is 6")),
        *((word, 2) for word in ("2 are not the same", "2")),
        *((word, None) for word in ("-1", "6.5", "6 are the same", "v6", "6x")),
        *((word, None) for word in ("", "many", "\N{SUPERSCRIPT TWO}", "a few")),
    ],
)
def test_numbers(answer: str, meant: int | None) -> None:
    assert number(answer) == meant


@given(st.text())
def test_no_answer_is_too_strange(answer: str) -> None:
    assert plain(plain(answer)) == plain(answer)
    assert choice(answer, (answer,)) in (answer, None)
    found = number(answer)
    assert found is None or found >= 0
