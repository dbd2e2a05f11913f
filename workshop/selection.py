"""Which steps are meant: `3`, `3.1`, `process-trees`, `process-trees/become-pid-1`, or a track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from workshop.conditions import lacking
from workshop.errors import UsageError
from workshop.lesson import Course, Lesson, Step, Track
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
    name, of, number = word.partition("." if "." in word else "/")
    lesson = course.lesson(name) or _numbered(course, name)
    if lesson is not None and not of:
        return lesson.steps
    if lesson is not None and number.isdecimal() and 0 < int(number) <= len(lesson.steps):
        return lesson.steps[int(number) - 1 : int(number)]
    known = [lesson.id for lesson in course.lessons] + [
        step.id for lesson in course.lessons for step in lesson.steps
    ]
    hint = _meant(word, known) or "`workshop lessons` lists the lessons and steps."
    raise UsageError(f"There is no lesson or step {word!r}.", hint)


def why_not(course: Course, step: Step, capabilities: Mapping[str, Capability]) -> str:
    """Why this machine cannot play a step; empty if it can."""
    missing = lacking((*course.lesson_of(step).requires, *step.when), capabilities)
    return missing[0] if missing else ""


def left_out(
    course: Course, track: Track | None, one: Step, other: Step, capabilities: Mapping[str, Capability]
) -> tuple[tuple[Step, str], ...]:
    """The steps after `one` and before `other` that this machine cannot play, each with the reason."""
    order = select(course, (), track.id if track else None)
    try:
        between = order[order.index(one) + 1 : order.index(other)]
    except ValueError:
        return ()  # somebody went where the track does not go
    return tuple((step, why) for step in between if (why := why_not(course, step, capabilities)))


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
