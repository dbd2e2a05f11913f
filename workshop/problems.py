"""What is wrong in a file of the course: where, what, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workshop.errors import LessonError
from workshop.frozen import frozen
from workshop.lesson import Place


@frozen
class Problem:
    """`lessons/03-process-trees.md:41: there is no check "own_pid"; write own_pid_namespace`."""

    place: Place
    wrong: str
    write: str
    warning: bool = False
    unread: bool = False
    """A whole file, or a whole table of it, could not be read: what is missed for it is not said as well."""

    def __str__(self) -> str:
        return f"{self.place}: {'warning: ' if self.warning else ''}{self.wrong}; {self.write}"


class Report:
    """Collects the problems of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def error(self, line: int, wrong: str, write: str, *, unread: bool = False) -> None:
        self.problems.append(Problem(Place(self.path, line), wrong, write, unread=unread))


def refuse(problems: Iterable[Problem]) -> None:
    """Raise all the errors among the problems as one; warnings hinder nobody."""
    errors = in_order(problem for problem in problems if not problem.warning)
    if errors:
        raise LessonError("\n".join(map(str, errors)), "`workshop lint` shows everything that is wrong.")


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file and line, each said once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.place.path, p.place.line)))


def suggest(word: str, known: Sequence[str]) -> str:
    """What to write instead of `word`: the likeliest of the known words, or all of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close or not known:
        return f"write {close[0]}" if close else "take it away"
    # A long list helps nobody; the beginning of it shows what such a word looks like.
    return f"write one of {', '.join(known[:20])}{' …' if len(known) > 20 else ''}"
