"""`workshop present`: the stage, from the options to its end."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from workshop.errors import MachineError, UsageError
from workshop.lesson import Course, Step, Track
from workshop.machine import Machine, examine
from workshop.selection import select, why_not
from workshop.ui.console import is_dumb
from workshop.ui.start import host, need_root, never_suspended

if TYPE_CHECKING:
    from workshop.session import Session
    from workshop.stage.desk import Desk


def present(options: Namespace, words: Sequence[str]) -> int:
    """0 at the end of a performance, however far it went."""
    if options.rehearse:
        from workshop.ui.rehearse import rehearse

        return rehearse(options, words)
    if options.runs is not None:
        raise UsageError("--runs goes with --rehearse.", "`workshop present --rehearse --runs N`")
    require_stage()
    need_root(words)
    never_suspended()
    course, track = track_of(options)
    machine = examine()
    steps = playable(course, track, machine)
    with host(options, machine) as found:
        found.open()  # the lab gets ready while the rest of the program is being loaded
        from workshop.session import Session
        from workshop.ui.outlets import outlets

        session = Session(course, steps, found, track=track)
        perform(session, track, options, lambda desk: outlets(options, track, desk))
    return 0


def perform(
    session: Session,
    track: Track,
    options: Namespace,
    around: Callable[[Desk], AbstractContextManager[None]] = lambda desk: nullcontext(),
) -> None:
    """The engine keeps this thread, as the lab lives only as long as the thread that made it; the screen and
    the door have threads of their own. `around` is open while the performance lasts, on the terminal as it
    was before."""
    from workshop.stage.desk import Desk
    from workshop.stage.performance import Performance
    from workshop.stage.remote import Door
    from workshop.stage.takes import takes_of
    from workshop.ui.curtain import curtain
    from workshop.ui.stage import StageScreen
    from workshop.ui.stage_completion import completer
    from workshop.ui.stage_terminal import Lent, Output

    output = Output.made()
    lent = Lent(output)
    performance = Performance(
        session,
        track,
        stage=lent,
        takes=takes_of(track),
        sleep=lambda seconds: desk.wait(seconds),
        typing=options.type,
        theme=options.theme,
    )
    desk = Desk(performance, interrupt=lent.leave, abort=session.host.abort)
    screen = StageScreen(
        desk, lent, output, performance.scene, typing=options.type, completer=completer(session)
    )
    with (
        around(desk),
        curtain(sys.stdin.fileno(), sys.stdout.fileno()),
        Door(desk),
    ):
        performance.subscribe(screen.show)
        screen.start()
        try:
            desk.serve(options.step or "")
        finally:
            screen.stop()
            lent.close()


def track_of(options: Namespace) -> tuple[Course, Track]:
    """The track that is to be played, and its course."""
    from workshop.kept import load

    course = load(options.course)
    steps = select(course, (), options.track)  # says which tracks there are, if not this one
    wanted = getattr(options, "step", None)
    if wanted and wanted not in [step.id for step in steps]:
        raise UsageError(
            f"The track {options.track} has no step {wanted!r}.", f"Its first one is {steps[0].id}."
        )
    return course, course.tracks[options.track]


def playable(course: Course, track: Track, machine: Machine) -> tuple[Step, ...]:
    """The steps of a track that this machine can play."""
    steps = select(course, (), track.id)
    found = tuple(step for step in steps if not why_not(course, step, machine.capabilities))
    if not found:
        why = why_not(course, steps[0], machine.capabilities)
        raise MachineError(
            f"This machine can play no step of {track.id}: {why}", "`workshop doctor` says more."
        )
    return found


def require_stage() -> None:
    """Say what is missing before a lab is made."""
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
