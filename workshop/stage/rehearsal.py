"""The talk, played with no one at the keys, at the stage's size: how long each step takes, what does not fit,
what would go wrong; and the recordings for the rescue.

The lab has no way out to any network, so a step that needs one is found by being played.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Sequence

from workshop.frozen import frozen
from workshop.lesson import Step
from workshop.stage.performance import Performance
from workshop.stage.scene import Scene, Stop

SLOW = 5.0
"""Seconds in which a room sees nothing happen: a line or a panic that takes longer is a fault."""
ENGINE_RUN = re.compile(r"\b(docker|podman) run((?: -\S+)*) ([\w./:-]+)")


@frozen
class Measured:
    """One step of one run: seconds until it was ready, and for its lines."""

    step: str
    ready: float
    lines: float


@frozen
class Fault:
    """What would go wrong on stage."""

    step: str
    what: str


@frozen
class Report:
    stops: tuple[Stop, ...]
    measured: tuple[Measured, ...]
    panics: tuple[Measured, ...]
    faults: tuple[Fault, ...]

    def seconds(self, step: str, share: float) -> float:
        """`share` 0.5 is the median over the runs, 0.95 what only one run in twenty exceeded."""
        return percentile([m.ready + m.lines for m in self.measured if m.step == step], share)

    def panic(self, step: str) -> float:
        return max((m.ready for m in self.panics if m.step == step), default=0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: always one of the values; 0 for none."""
    ordered = sorted(values)
    return (
        ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.4999) - 1))] if ordered else 0.0
    )


def rehearse(
    performance: Performance,
    runs: int,
    *,
    fits: Callable[[Scene], tuple[int, int]],
    tell: Callable[[str], None] = lambda text: None,
    marker: Callable[[str], None] = lambda step: None,
) -> Report:
    """Play all steps so many times. `fits` says how many rows, and how many lines, of a scene do not fit the
    screen; `marker` is called with the step's id before each step of the last run."""
    stops = performance.scene.stops
    measured: list[Measured] = []
    faults: dict[Fault, None] = {}
    performance.begin()
    for run in range(1, runs + 1):
        performance.session.forget()
        for stop in stops:
            tell(f"run {run} of {runs}: {stop.title}")
            if run == runs:
                marker(stop.id)
            step, found = _step(performance, stop, fits)
            measured.append(step)
            faults |= dict.fromkeys(found)
    panics = []
    for stop in stops:
        tell(f"panic at: {stop.title}")
        performance.command("jump", stop.id)
        began = time.monotonic()
        performance.command("panic")
        panics.append(Measured(stop.id, time.monotonic() - began, 0.0))
        if panics[-1].ready > SLOW:
            faults[Fault(stop.id, f"the panic key takes {panics[-1].ready:.1f} s")] = None
    return Report(stops, tuple(measured), tuple(panics), tuple(faults))


def _step(
    performance: Performance, stop: Stop, fits: Callable[[Scene], tuple[int, int]]
) -> tuple[Measured, list[Fault]]:
    faults: list[Fault] = []
    began = time.monotonic()
    performance.command("jump", stop.id)
    ready = time.monotonic() - began
    step = performance.session.course.step(stop.id)
    assert step is not None
    if _next(performance.scene) is None:
        return Measured(stop.id, ready, 0.0), [Fault(stop.id, performance.scene.message)]
    if ready > SLOW:
        faults.append(Fault(stop.id, f"it takes {ready:.1f} s to be ready"))
    faults += [Fault(stop.id, what) for what in without_image(performance.scene.lines)]
    spent = 0.0
    while (line := _next(performance.scene)) is not None:
        began = time.monotonic()
        performance.command("run")
        seconds = time.monotonic() - began
        spent += seconds
        faults += [Fault(stop.id, what) for what in _line(step, line, seconds, performance.scene, fits)]
    if not _passed(performance.scene):
        faults.append(Fault(stop.id, f"the goal is missed. {performance.scene.message}"))
        performance.command("heal")
    return Measured(stop.id, ready, spent), faults


def _next(scene: Scene) -> str | None:
    return scene.next_line or None if scene.mode in ("ready", "passed") else None


def _passed(scene: Scene) -> bool:
    return scene.mode == "passed"


def _line(
    step: Step, line: str, seconds: float, scene: Scene, fits: Callable[[Scene], tuple[int, int]]
) -> list[str]:
    found = []
    if seconds > SLOW:
        found.append(f"{seconds:.1f} s pass until this line ends: {line}")
    rows, wide = fits(scene)
    if rows and not step.scrolls:
        found.append(f"{rows} rows do not fit the screen: {line}")
    if wide and not step.scrolls:
        found.append(f"{wide} lines are wider than the screen: {line}")
    return found


def without_image(lines: Sequence[str]) -> list[str]:
    """An image that an engine does not have here would be fetched, in front of everybody."""
    found = []
    for line in lines:
        if (asked := ENGINE_RUN.search(line)) is None:
            continue
        engine, image = asked[1], asked[3]
        try:
            done = subprocess.run(
                (engine, "image", "inspect", image), capture_output=True, timeout=10, check=False
            )
            there = done.returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            there = False
        if not there:
            found.append(f"{engine} has no image {image!r} and would fetch it: `{engine} pull {image}`")
    return found
