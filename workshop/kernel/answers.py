"""What a learner answers, in words or as a number, made comparable. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LITTLE = frozenset({"a", "an", "it", "its", "of", "one", "s", "the", "them", "they"})
_NOT = frozenset({"never", "not"})
_NONE = frozenset({"all same", "do not differ", "nil", "no", "none", "nothing", "nought"})
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


def plain(answer: str) -> str:
    """Case, quotes, full stops and articles do not make an answer another one, nor does `its own`."""
    words = re.sub(r"[^\w\s]", " ", answer.casefold()).split()
    return " ".join(word for word in words if word not in _LITTLE)


def choice(answer: str, choices: Sequence[str]) -> str | None:
    """The one of the choices that is meant: word for word, or as the only one whose words are all in it."""
    given = plain(answer)
    exact = [one for one in choices if plain(one) == given]
    words = set(given.split())
    near = [one for one in choices if words >= set(plain(one).split()) and not _NOT & words]
    fitting = exact or near
    return fitting[0] if len(fitting) == 1 else None


def number(answer: str) -> int | None:
    """The number that is meant by `6`, `0 of 8`, `six`, `none of them`, `all the same`; None if none is."""
    digits = re.search(r"\d+", answer, re.ASCII)
    if digits is not None:
        return int(digits[0])
    words = re.sub(r"[^\w\s]", " ", answer.casefold()).strip()
    if words in _NUMBERS:
        return _NUMBERS.index(words)
    return 0 if plain(answer) in _NONE else None
