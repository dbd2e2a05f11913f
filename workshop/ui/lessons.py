"""`workshop lessons`: the map of the course; what is done, what this machine cannot play, and why."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workshop.kept import load
from workshop.lesson import COURSE, Course, Lesson
from workshop.machine import Machine, examine
from workshop.progress import Progress
from workshop.selection import why_not


def main(folder: Path = COURSE, *, json: bool = False) -> int:
    course = load(folder)
    progress = Progress.open(course)
    machine = examine()
    if json:
        for row in rows(course, progress, machine):
            print(jsonlib.dumps(row, ensure_ascii=False))
    else:
        _show(course, progress, machine)
    return 0


def rows(course: Course, progress: Progress, machine: Machine) -> Iterator[dict[str, Any]]:
    """One object for each lesson, then one for each track."""
    for lesson in course.lessons:
        yield {
            "event": "lesson",
            "id": lesson.id,
            "number": lesson.number,
            "title": lesson.title,
            "minutes": lesson.minutes,
            "steps": [
                {
                    "id": step.id,
                    "title": step.title,
                    "done": progress.passed(step.id),
                    "lacks": why_not(course, step, machine.capabilities) or None,
                }
                for step in lesson.steps
            ],
        }
    for track in course.tracks.values():
        yield {
            "event": "track",
            "id": track.id,
            "title": track.title,
            "minutes": track.minutes,
            "steps": [{"id": s.step, "minutes": s.minutes, "optional": s.optional} for s in track.steps],
        }


def _show(course: Course, progress: Progress, machine: Machine) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from workshop.render.theme import counted
    from workshop.ui.console import console, signs_of

    screen, signs = console(), signs_of()
    for message in progress.messages:
        screen.print(Text(message, style="label"))
    for lesson in course.lessons:
        done = sum(progress.passed(step.id) for step in lesson.steps)
        screen.print(
            Text.assemble(
                (f"{lesson.number:>3}  {lesson.title}", "title"),
                (f"  {lesson.minutes} min, {done} of {len(lesson.steps)} done", "quiet"),
                (f"  {lesson.id}", "code"),
            )
        )
        same = _same_reason(course, lesson, machine)
        if same:
            screen.print(Padding(f"not on this machine: {same}", (0, 0, 0, 7), expand=False))
        for step in lesson.steps:
            lacks = "" if same else why_not(course, step, machine.capabilities)
            passed = progress.passed(step.id)
            sign, style = (
                (signs.good, "good") if passed else (signs.unknown if lacks or same else signs.todo, "")
            )
            text = Text.assemble((sign, style), f" {step.title}")
            text.append("  done" if passed else "").append(f"  not on this machine: {lacks}" if lacks else "")
            text.append("  you are here" if step.id == progress.position else "", "label")
            screen.print(Padding(text, (0, 0, 0, 5), expand=False))
    for track in course.tracks.values():
        steps = counted(len(track.steps), "step")
        screen.print(
            Text.assemble(
                "\nTrack ", (track.id, "code"), f": {track.title}, {steps}, {track.minutes:g} minutes"
            )
        )


def _same_reason(course: Course, lesson: Lesson, machine: Machine) -> str:
    """Why no step of a lesson can be played, when all have one reason."""
    reasons = {why_not(course, step, machine.capabilities) for step in lesson.steps}
    return reasons.pop() if len(reasons) == 1 else ""
