"""What a line printed → the known errors in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workshop.lesson import Diagnosis

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r")
"""Colours, titles and the carriage returns of a terminal: a pattern is written for what a person reads."""


def errors(known: Iterable[Diagnosis], line: str, output: str, status: int | None) -> tuple[Diagnosis, ...]:
    """The errors that `line` printed, in the order in which they came: the first is often why there are
    others. A line that succeeded made none, whatever it printed; `status` None: it entered a shell."""
    if status == 0:
        return ()
    text = CONTROLS.sub("", output)
    found = []
    for each in known:
        match = re.search(each.message, text, re.MULTILINE) if each.message else None
        if match and re.search(each.line, line):
            found.append((match.start(), each))
    return tuple(each for _, each in sorted(found, key=lambda pair: pair[0]))


def best(diagnoses: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Without those that step back for another one of them, and each once."""
    once = {each.id: each for each in diagnoses}
    return tuple(each for each in once.values() if not once.keys() & set(each.unless))
