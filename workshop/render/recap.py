"""A lesson that is over → what the learner typed in it, what that changed, and what to take home."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.lesson import Lesson, Step
from workshop.passed import Done
from workshop.render.layout import indented
from workshop.render.markdown import inline
from workshop.render.theme import UNICODE, Signs, counted, in_signs

MOST_LINES = 4
MOST_CHANGES = 2
"""More changes than this of a line are counted; `workshop report` has them all."""


def recap(
    lesson: Lesson, how: Callable[[str], Done | None], signs: Signs = UNICODE, steps: Sequence[Step] = ()
) -> RenderableType:
    """`steps` are those that can be played here; all of the lesson's, if not given."""
    title = f"What you did in lesson {lesson.number}, {lesson.title}"
    parts: list[RenderableType] = [Text(title, style="label")]
    open_ = []
    for step in steps or lesson.steps:
        done = how(step.id)
        if done is None:
            open_.append(step.title)
            continue
        parts += _step(step, done, signs)
    if open_:
        parts.append(Text(f"Not passed yet: {'; '.join(open_)}", overflow="fold"))
    return Group(*parts)


def _step(step: Step, done: Done, signs: Signs) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(f"{signs.good} {step.title}", style="title", overflow="fold")]
    telling = _telling(done)
    if len(telling) > MOST_LINES:
        left = counted(len(telling) - MOST_LINES, "earlier line")
        parts.append(indented(Text(f"{signs.ellipsis} {left}")))
    for line, changes in telling[-MOST_LINES:]:  # the last ones met the goal
        first, more, _ = line.partition("\n")
        text = f"{first} {signs.ellipsis}" if more else first
        parts.append(indented(Text(text, style="command", overflow="fold")))
        shown = [in_signs(change, signs) for change in changes[:MOST_CHANGES]]
        parts += [indented(Text(change, overflow="fold"), 4) for change in shown]
        if len(changes) > MOST_CHANGES:
            left = counted(len(changes) - MOST_CHANGES, "more change")
            parts.append(indented(Text(f"{signs.ellipsis} and {left}"), 4))
    if step.key:
        parts.append(indented(inline(step.key)))
    return parts


def _telling(done: Done) -> list[tuple[str, tuple[str, ...]]]:
    """The lines that changed something, and answers; all of them, where nothing is known of changes."""
    changes = done.told.changes
    rows = [(line, changes[at] if at < len(changes) else ()) for at, (_, line) in enumerate(done.lines)]
    return [row for row in rows if row[1] or row[0].startswith(":answer ")] or rows
