"""Everything a learner did, as values: every line, what it changed, the verdict, and what help there was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from workshop.frozen import frozen
from workshop.lesson import Course, Lesson, Step
from workshop.passed import Done

VARIABLE = re.compile(r"\{\{[a-z0-9]+\}\}")
"""What another machine, or another lab, filled in is not known here."""


@frozen
class Passage:
    """One step: what was done, and the remarks that honesty wants."""

    step: Step
    done: Done | None
    remarks: tuple[str, ...] = ()


@frozen
class Report:
    course: tuple[tuple[Lesson, tuple[Passage, ...]], ...]

    @property
    def passages(self) -> tuple[Passage, ...]:
        return tuple(passage for _, passages in self.course for passage in passages)

    @property
    def passed(self) -> tuple[Passage, ...]:
        return tuple(passage for passage in self.passages if passage.done is not None)

    @property
    def alone(self) -> tuple[Passage, ...]:
        """Passed, with nothing to remark."""
        return tuple(passage for passage in self.passed if not passage.remarks)


def report(course: Course, steps: Mapping[str, Done], changed: Callable[[Step], bool]) -> Report:
    """`changed` knows the steps whose goal was another one when they were passed."""

    def passages(lesson: Lesson) -> tuple[Passage, ...]:
        return tuple(_passage(course, step, steps.get(step.id), changed(step)) for step in lesson.steps)

    return Report(tuple((lesson, passages(lesson)) for lesson in course.lessons))


def _passage(course: Course, step: Step, done: Done | None, changed: bool) -> Passage:
    return Passage(step, done, tuple(remarks(course, step, done, changed)) if done is not None else ())


def remarks(course: Course, step: Step, done: Done, changed: bool = False) -> Iterator[str]:
    """With hints, with the solution, on a state that was rebuilt: none of it is a shame, all is said."""
    if done.hints:
        yield "with 1 hint" if done.hints == 1 else f"with {done.hints} hints"
    if done.told.solution:
        yield "with the solution shown"
    if done.told.rebuilt:
        titles = [found.title for each in done.told.rebuilt if (found := course.step(each)) is not None]
        yield f"on a state rebuilt by model answers: {', '.join(titles) or 'of steps that are no more'}"
    models = {_pattern(line.strip()) for script in step.solutions for line in script.lines}
    lines = [line.strip() for _, text in done.lines for line in text.split("\n")]
    if lines and all(any(re.fullmatch(model, line) for model in models) for line in lines):
        yield "by the very lines that the course offers"
    if changed:
        yield "when the step had another goal"


def _pattern(line: str) -> str:
    """A line of a solution, with anything in the place of its variables; some are empty."""
    return r"\S*".join(re.escape(part) for part in VARIABLE.split(line))
