"""`workshop lint [PATH]`: what is wrong with lessons, or with a keys.toml, one line each."""

from __future__ import annotations

import sys
from pathlib import Path

from workshop.kept import no_lessons
from workshop.lesson import COURSE
from workshop.lint import lint
from workshop.registry import reference
from workshop.render.theme import counted
from workshop.ui import keymap

WRONG = 2


def main(path: Path = COURSE, *, checks: bool = False) -> int:
    """2 when there is an error; warnings alone do not fail. With `checks`, their reference instead."""
    if checks:
        print(reference())
        return 0
    if path.is_dir() and not any(path.glob("*.md")):
        raise no_lessons(path)
    found = keymap.read(path)[1] if path.name == keymap.FILE else lint(path)
    for problem in found:
        print(problem)
    errors = sum(not problem.warning for problem in found)
    said = [counted(errors, "error")] if errors else []
    said += [counted(len(found) - errors, "warning")] if errors < len(found) else []
    print(f"{', '.join(said) or 'Nothing is wrong'} in {path}", file=sys.stderr)
    return WRONG if errors else 0
