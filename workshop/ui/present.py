"""`workshop present`: the stage, from the options to its end."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from workshop.errors import MachineError, UsageError
from workshop.lesson import Course, Step, Track
from workshop.machine import Machine, examine
from workshop.selection import select, why_not
from workshop.ui.console import is_dumb
from workshop.ui.start import host, need_root


def present(options: Namespace, words: Sequence[str]) -> int:
    if options.rehearse:
        from workshop.ui.rehearse import rehearse

        return rehearse(options, words)
    require_stage()
    need_root(words)
    machine = examine()
    gc.freeze()
    with host(options, machine) as found:
        found.open()
        from workshop.session import Session
        from workshop.stage.desk import Desk
        from workshop.stage.performance import Performance
        from workshop.stage.remote import Door
        from workshop.ui.curtain import curtain
        from workshop.ui.stage import StageScreen
        from workshop.ui.stage_terminal import Lent, Output

        course, track = track_of(options)
        session = Session(course, playable(course, track, machine), found, track=track)
        output = Output.made()
        lent = Lent(output)
        from workshop.stage.takes import takes_of

        performance = Performance(
            session,
            track,
            stage=lent,
            takes=takes_of(track),
            sleep=lambda seconds: desk.wait(seconds),
            typing=options.type,
            theme=options.theme,
        )
        desk = Desk(performance, interrupt=lent.leave)
        screen = StageScreen(desk, lent, output, performance.scene, typing=options.type)
        with curtain(sys.stdin.fileno(), sys.stdout.fileno()), Door(desk):
            performance.subscribe(screen.show)
            screen.start()
            try:
                desk.serve(options.step or "")
            finally:
                screen.stop()
                lent.close()
    return 0


def track_of(options: Namespace) -> tuple[Course, Track]:
    from workshop.kept import load

    course = load(options.course)
    select(course, (), options.track)  # says which tracks there are, if not this one
    return course, course.tracks[options.track]


def playable(course: Course, track: Track, machine: Machine) -> tuple[Step, ...]:
    steps = select(course, (), track.id)
    found = tuple(step for step in steps if not why_not(course, step, machine.capabilities))
    if not found:
        why = why_not(course, steps[0], machine.capabilities)
        raise MachineError(
            f"This machine can play no step of {track.id}: {why}", "`workshop doctor` says more."
        )
    return found


def require_stage() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The stage needs a terminal, for input and output.",
            "With no one at the keys, `workshop present --rehearse` plays the talk.",
        )
    if is_dumb(os.environ):
        raise UsageError(
            f"The stage draws, and a terminal of the kind {os.environ.get('TERM', '')!r} cannot.",
            "Set TERM to what your terminal is, for example xterm-256color.",
        )
