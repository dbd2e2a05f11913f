"""`workshop new LESSON`: a lesson to begin with, and what to do with it."""

from __future__ import annotations

from pathlib import Path

from workshop import parse, scaffold
from workshop.lesson import COURSE

_NEXT = """{path}

It is a lesson already: one step, its check, a solution, a mistake, two hints. Change it piece by piece.

  workshop preview {path}    as a learner reads it, again at each save
  workshop lint {path}       what is wrong with it
  workshop lint --checks     what can be checked
  workshop learn {course}    play it
  workshop run {course} --verify    prove it (as root, or with --rootless)

docs/authoring.md has all there is to know."""


def main(name: str, folder: Path) -> int:
    path = scaffold.create(name, folder)
    lesson = path.stem.partition("-")[2]
    course = lesson if folder == COURSE else f"{lesson} --course {parse.shown(folder)}"
    print(_NEXT.format(path=parse.shown(path), course=course))
    return 0
