"""The course → its map: done, here, open, and what this machine cannot play, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.language import tr
from workshop.lesson import Lesson, Step
from workshop.render.layout import indented
from workshop.render.theme import UNICODE, Signs


def course(
    lessons: Sequence[tuple[Lesson, Sequence[Step]]],
    here: Step | None,
    done: Callable[[str], bool],
    cannot: Callable[[Lesson, Step], str],
    signs: Signs = UNICODE,
) -> RenderableType:
    """`cannot` gives the reason why a step cannot be played on this machine, or nothing."""
    parts: list[RenderableType] = []
    for lesson, steps in lessons:
        parts.append(Text(f"{lesson.number} {lesson.title}  ~{lesson.minutes} min", style="title"))
        for step in steps:
            parts.append(indented(_step(step, here, done(step.id), cannot(lesson, step), signs)))
    parts.append(
        Text.assemble((":goto STEP", "command"), tr(" goes to a step: "), (_example(lessons), "command"))
    )
    return Group(*parts)


def _step(step: Step, here: Step | None, done: bool, reason: str, signs: Signs) -> Text:
    text = Text(overflow="fold")
    if here is not None and step.id == here.id:
        text.append(f"{signs.here} ", "label").append(step.title, "title").append(
            f"  {tr('you are here')}", "label"
        )
        return text.append(f", {tr('done')}") if done else text
    if done:
        return text.append(f"{signs.good} ", "good").append(f"{step.title}  {tr('done')}")
    if reason:
        return text.append(f"{signs.unknown} {step.title}  {tr('not on this machine')}: {reason}")
    return text.append(f"{signs.todo} {step.title}")


def _example(lessons: Sequence[tuple[Lesson, Sequence[Step]]]) -> str:
    return next((f":goto {step.id}" for _, steps in lessons for step in steps), ":goto LESSON/STEP")
