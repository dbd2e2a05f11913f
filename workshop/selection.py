"""Which steps are meant: `3`, `process-trees`, `process-trees/become-pid-1`, or a track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from workshop.conditions import lacking
from workshop.errors import UsageError
from workshop.lesson import Course, Lesson, Step
from workshop.machine import Capability


def select(course: Course, words: Sequence[str] = (), track: str | None = None) -> tuple[Step, ...]:
    """The steps that are named, in the order of the course (or of the track); all of them if none is."""
    steps = (
        _track(course, track) if track else tuple(step for lesson in course.lessons for step in lesson.steps)
    )
    if not words:
        return steps
    wanted = {step.id for word in words for step in named(course, word)}
    chosen = tuple(step for step in steps if step.id in wanted)
    if not chosen:
        raise UsageError(
            f"Track {track} has no step of {', '.join(words)}.", "Leave --track out, or the names."
        )
    return chosen


def named(course: Course, word: str) -> tuple[Step, ...]:
    """The steps of one lesson, or one step."""
    step = course.step(word)
    if step is not None:
        return (step,)
    lesson = course.lesson(word) or _numbered(course, word)
    if lesson is not None:
        return lesson.steps
    known = [lesson.id for lesson in course.lessons] + [
        step.id for lesson in course.lessons for step in lesson.steps
    ]
    hint = _meant(word, known) or "`workshop lessons` lists the lessons and steps."
    raise UsageError(f"There is no lesson or step {word!r}.", hint)


def why_not(course: Course, step: Step, capabilities: Mapping[str, Capability]) -> str:
    """Why this machine cannot play a step; empty if it can."""
    missing = lacking((*course.lesson_of(step).requires, *step.when), capabilities)
    return missing[0] if missing else ""


def _numbered(course: Course, word: str) -> Lesson | None:
    return next((lesson for lesson in course.lessons if str(lesson.number) == word.lstrip("0")), None)


def _track(course: Course, name: str) -> tuple[Step, ...]:
    track = course.tracks.get(name)
    if track is None:
        known = sorted(course.tracks)
        others = f"One of: {', '.join(known)}." if known else "This course has no tracks."
        raise UsageError(f"There is no track {name!r}.", _meant(name, known) or others)
    found = (course.step(entry.step) for entry in track.steps)
    return tuple(step for step in found if step is not None)


def _meant(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else ""
