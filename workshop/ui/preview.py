"""`workshop preview FILE`: a lesson as a learner reads it, at each save, with what `lint` says below it.

The file is looked at four times a second: an editor may write it, replace it, or take it away for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from workshop.errors import UsageError
from workshop.lesson import Lesson, Step
from workshop.lint import lint
from workshop.parse import read
from workshop.render import lesson as render
from workshop.render import verdicts
from workshop.render.layout import readable
from workshop.render.markdown import inline
from workshop.render.theme import Signs, counted
from workshop.ui.console import console, is_dumb, signs_of
from workshop.variables import fill

OFTEN = 0.25
EXAMPLES = {
    "pool": "tank",
    "image": "/lab/images/debian.tar",
    "lab": "/lab",
    "userxattr": "",
    "memory": "/sys/fs/cgroup",
    "cpu": "/sys/fs/cgroup",
    "pids": "/sys/fs/cgroup",
    "cgroup2": "/sys/fs/cgroup",
    "freezer": "/sys/fs/cgroup",
}
"""What the variables stand for, on a machine that has it all."""


def main(path: Path) -> int:
    """Until Ctrl-C; once where nobody watches (a pipe, a dumb terminal)."""
    if not path.is_file():
        raise UsageError(f"There is no lesson {path}.", "`workshop new NAME` makes one.")
    screen = console()
    watched = screen.file.isatty() and not is_dumb()
    before: Lesson | None = None
    seen = -1
    try:
        while True:
            now = _stamp(path)
            if now not in (seen, -1):
                seen = now
                if watched:
                    screen.clear()
                before = show(path, before, screen, signs_of())
                if watched:
                    screen.print(Text("Shown again at each save. Ctrl-C ends.", style="quiet"))
            if not watched:
                return 0
            time.sleep(OFTEN)
    except KeyboardInterrupt:
        return 0


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1  # an editor is replacing it


def show(path: Path, before: Lesson | None, screen: Console, signs: Signs) -> Lesson | None:
    """The steps that are not as they were `before`, or all; then what is wrong. Returns the lesson."""
    lessons = read(path).course.lessons if path.exists() else ()
    lesson = lessons[0] if lessons else None
    if lesson is not None:
        old = {_content(step) for step in before.steps} if before else set()
        changed = tuple(step for step in lesson.steps if _content(step) not in old)
        for step in changed or lesson.steps:
            for part in parts(lesson, step, signs):
                screen.print(part)
                screen.print()
    found = lint(path)
    for problem in found:
        screen.print(Text(f"{signs.bad} {problem}", overflow="fold"))
    errors = counted(len(found), "problem") if found else "Nothing is wrong"
    screen.print(Text(f"{errors} in {path}", style="label"))
    return lesson


def _content(step: Step) -> tuple[object, ...]:
    """What is shown of a step: it may move in the file, and is the same."""
    scripts = tuple(script.lines for script in step.solutions)
    return step.title, step.text, step.ask, step.choices, step.hints, step.why, step.docker, scripts, step.key


def parts(lesson: Lesson, step: Step, signs: Signs) -> Iterator[RenderableType]:
    """A step from its text to what is said when it is passed, in the order in which a learner meets it."""

    def text(source: str) -> str:
        return fill(source, EXAMPLES)

    intro = text(lesson.text) if lesson.steps[:1] == (step,) else ""
    yield render.step(lesson, step, text(step.text), signs, intro=intro)
    for hint in step.hints:
        yield render.hint(text(hint), signs)
    scripts = [tuple(text(line) for line in script.lines) for script in step.solutions]
    yield readable(render.solutions(scripts, signs))
    yield readable(verdicts.passed(step, None, text(step.why), text(step.docker), signs))
    if step.key:
        yield readable(Text("Key: ", style="label").append_text(inline(text(step.key))))
