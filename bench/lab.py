"""A session on a lab, as `workshop run` has it, for the measures that look inside."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from workshop.machine import examine
from workshop.parse import load
from workshop.session import Session
from workshop.ui.start import host


@contextmanager
def session() -> Iterator[Session]:
    """A session on all of the course, at none of its steps."""
    course = load()
    steps = tuple(each for lesson in course.lessons for each in lesson.steps)
    with host(Namespace(image=None, no_lab=False), examine()) as found:
        yield Session(course, steps, found)


@contextmanager
def played(step: str, *, calls: bool) -> Iterator[Session]:
    """A session at the beginning of a step; `calls`: with system calls watched, as a learner has it."""
    with session() as found:
        found.watch_calls = calls
        for _ in found.enter(step):
            pass
        yield found
