"""A performance on the fake host, for the tests of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fake_host import COURSE, EFFECTS, FRONTS, HERE, Effect, FakeHost, machine

from workshop.lesson import Track, TrackStep
from workshop.session import Session
from workshop.shell import Result
from workshop.stage.lent import Takes, Unwatched
from workshop.stage.performance import Performance
from workshop.stage.scene import Scene

TRACK = Track(
    "talk",
    "A talk",
    8.0,
    "",
    (
        TrackStep("first/images", 2.0),
        TrackStep("first/inside", 3.0),
        TrackStep("first/count", 1.0, optional=True),
        TrackStep("second/clone", 2.0),
    ),
    HERE,
)


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Theatre:
    """A performance, its clock, and all the scenes that were seen of it."""

    def __init__(
        self,
        effects: Mapping[str, Effect] | None = None,
        says: Mapping[str, Result] | None = None,
        *,
        zfs: bool = True,
        takes: Takes = lambda step: None,
        **options: Any,
    ) -> None:
        self.host = FakeHost(
            {**EFFECTS, **(effects or {})},
            says=says,
            fronts=FRONTS,
            on=machine("root", *(("zfs",) if zfs else ())),
        )
        steps = tuple(step for lesson in COURSE.lessons for step in lesson.steps)
        course = replace(COURSE, tracks={"talk": TRACK})
        self.clock = Clock()
        self.slept: list[float] = []
        self.hurried = False
        session = Session(course, steps, self.host, track=TRACK)  # type: ignore[arg-type]
        self.performance = Performance(
            session,
            TRACK,
            now=self.clock,
            stage=Unwatched(),
            takes=takes,
            sleep=self._sleep,
            **options,
        )
        self.scenes: list[Scene] = []
        self.performance.subscribe(self.scenes.append)
        self.performance.begin()

    @property
    def scene(self) -> Scene:
        return self.performance.scene

    def press(self, *commands: str) -> Scene:
        for command in commands:
            self.performance.command(*command.split(" ", 1))
        return self.scene

    def type(self, *lines: str) -> Scene:
        for line in lines:
            self.performance.line(line)
        return self.scene

    def _sleep(self, seconds: float) -> bool:
        self.slept.append(seconds)
        return self.hurried
