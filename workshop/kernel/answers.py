"""What a learner answers, in words or as a number, made comparable. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LITTLE = frozenset({"a", "an", "it", "its", "of", "one", "s", "the", "them", "they"})
_NOT = frozenset({"hardly", "kein", "keine", "never", "nicht", "no", "nor", "not", "ohne", "t", "without"})
"""`t` is what is left of `isn't`."""
_NONE = frozenset({"keine", "nil", "no", "none", "nothing", "nought", "null", "zero"})
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


def plain(answer: str) -> str:
    """Case, quotes, full stops and articles do not make an answer another one, nor does `its own`."""
    return " ".join(word for word in _words(answer) if word not in _LITTLE)


def choice(answer: str, choices: Sequence[str]) -> str | None:
    """The one of the choices that is meant: word for word, or as the only one whose words are all in it.
    `yes` or `no` at the beginning says it; elsewhere a denial says that it is something else."""
    given = plain(answer)
    exact = [one for one in choices if plain(one) == given]
    words = given.split()
    begins = [one for one in choices if one in ("yes", "no") and words[:1] == [one]]
    near = [one for one in choices if set(words) >= set(plain(one).split()) and not _NOT & set(words)]
    fitting = exact or begins or near
    return fitting[0] if len(fitting) == 1 else None


def number(answer: str) -> int | None:
    """The number that is meant by `6`, `6 of 8`, `six`, `none of the 8`, `all the same`; None if none is."""
    words = _words(answer)
    if words[:1] and words[0] in _NONE:
        return 0
    if words and words[0] in _NUMBERS:
        return _NUMBERS.index(words[0])
    denied = bool(_NOT & set(words))
    if ("differ" in words and denied) or ("same" in words and not denied):
        some = any(word.isdecimal() for word in words) and "all" not in words
        return None if some else 0
    digits = re.search(r"(?<![\w.,-])\d+(?![.,]?\w)", answer, re.ASCII)
    return int(digits[0]) if digits is not None else None


def _words(answer: str) -> list[str]:
    return re.sub(r"[^\w\s]", " ", answer.casefold()).split()
