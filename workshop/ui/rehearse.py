"""`workshop present --rehearse`: the report of a rehearsal, and its recordings."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence

from workshop.errors import MachineError
from workshop.lesson import Course, Track
from workshop.machine import Machine, examine
from workshop.render import stage as picture
from workshop.render.ansi import drawn
from workshop.render.stage import COLUMNS, FOLLOWS, ROWS, Row
from workshop.render.stage_theme import styles
from workshop.selection import select, why_not
from workshop.stage import takes
from workshop.stage.lent import Unwatched
from workshop.stage.pace import clock
from workshop.stage.performance import Performance
from workshop.stage.rehearsal import Report
from workshop.stage.rehearsal import rehearse as played
from workshop.stage.scene import Scene
from workshop.stage.takes import Beat
from workshop.ui.headless import MISSED, Progressing
from workshop.ui.start import host, need_root

SIZE = (ROWS, COLUMNS)
PAUSE = 1.2
"""Seconds before each line of a recording."""


def rehearse(options: Namespace, words: Sequence[str]) -> int:
    """0: nothing would go wrong; 1: something would; 3: this machine lacks something that the talk needs."""
    from workshop.session import Session
    from workshop.ui.present import playable, track_of

    need_root(words)
    machine = examine()
    course, track = track_of(options)
    progressing = Progressing()
    with host(options, machine) as found:
        session = Session(course, playable(course, track, machine), found, track=track)
        performance = Performance(session, track, stage=Unwatched(SIZE), sleep=lambda seconds: True)
        recorder = Recorder()
        performance.subscribe(recorder.hear)
        report = played(
            performance,
            options.runs or 1,
            fits=lambda scene: (picture.overflow(scene), picture.too_wide(scene)),
            tell=progressing.say,
            marker=recorder.mark,
        )
        recorder.end()
    progressing.say("")
    lacking = _lacking(course, track, machine)
    show(report, options.runs or 1, lacking)
    try:
        for name, beats in (("", recorder.transcript), ("screen", recorder.screen)):
            takes.write(takes.file_of(track, name), beats, track.title, SIZE, time.time())
        print(f"\nRecorded: {takes.file_of(track)}")
    except OSError as error:
        print(f"\nThe recordings cannot be written: {error}", file=sys.stderr)
        return MISSED
    if report.faults:
        return MISSED
    return MachineError.status if lacking else 0


class Recorder:
    """Hears the scenes of the last run: the lines and what they printed, and the audience's screen."""

    def __init__(self) -> None:
        self.transcript: list[Beat] = []
        self.screen: list[Beat] = []
        self._on = False
        self._began = 0.0
        self._shown = ""
        self._count = 0
        self._spoken = 0.0
        """Seconds that were added, so that a room can read what a machine has typed."""

    def mark(self, step_id: str) -> None:
        if not self._on:
            self._on, self._began = True, time.monotonic()
        moment = time.monotonic() - self._began
        self.transcript.append((moment + self._spoken, "m", step_id))
        self.screen.append((moment, "m", step_id))
        self._count = 0

    def end(self) -> None:
        self._on = False

    def hear(self, scene: Scene) -> None:
        if not self._on:
            return
        moment = time.monotonic() - self._began
        self.screen.append((moment, "o", drawn(frame(scene), styles(scene.theme, "full"))))
        if scene.mode == "working" or not scene.ran:
            self._count = 0
            return
        if len(scene.ran) > self._count:
            self._count = len(scene.ran)
            self._shown = ""
            self._spoken += PAUSE
            start = "" if self.transcript[-1][1] == "m" else "\r\n"
            line = f"{start}{scene.ran[-1].shell} # {scene.ran[-1].line}\r\n"
            self.transcript.append((moment + self._spoken, "o", line))
        output = scene.ran[-1].output
        if output != self._shown and output.startswith(self._shown):
            more, self._shown = output[len(self._shown) :], output
            self.transcript.append((moment + self._spoken, "o", more.replace("\n", "\r\n")))


def frame(scene: Scene) -> list[Row]:
    """The audience's screen, the prompt with it."""
    above = picture.top(scene, ROWS - FOLLOWS - 1, COLUMNS)
    prompt: Row = [("class:key", f"{scene.user} "), ("class:command", scene.next_line[: COLUMNS - 2])]
    rule: Row = [("class:quiet", "─" * COLUMNS)]
    return [*above, rule, picture.place(scene), prompt, []]


def show(report: Report, runs: int, lacking: Sequence[tuple[str, str]]) -> None:
    print(f"{'step':<44} {'planned':>8} {'p50':>7} {'p95':>7} {'panic':>7}")
    machine = 0.0
    for stop in report.stops:
        half, most = report.seconds(stop.id, 0.5), report.seconds(stop.id, 0.95)
        machine += most
        panic = report.panic(stop.id)
        title = stop.title if len(stop.title) <= 44 else f"{stop.title[:43]}…"
        print(f"{title:<44} {clock(stop.minutes * 60):>8} {half:6.2f}s {most:6.2f}s {panic:6.2f}s")
    planned = sum(stop.minutes for stop in report.stops) * 60
    times = "once" if runs == 1 else f"{runs} times"
    print(f"\nPlayed {times} at {COLUMNS}x{ROWS}, without a network.")
    talk = clock(planned - machine)
    print(f"{clock(planned)} planned, {machine:.1f} s of it are the machine's: {talk} to talk.")
    for title, why in lacking:
        print(f"left out  {title}: {why}")
    for fault in report.faults:
        print(f"WRONG     {fault.step}: {fault.what}")
    if not report.faults and not lacking:
        print("Nothing would go wrong.")


def _lacking(course: Course, track: Track, machine: Machine) -> list[tuple[str, str]]:
    """The steps of the talk that this machine cannot play, and why."""
    steps = select(course, (), track.id)
    return [(s.title, why) for s in steps if (why := why_not(course, s, machine.capabilities))]
