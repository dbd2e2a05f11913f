"""From the options of the command line to a session, or to a clear word why not."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workshop.bare import Bare
from workshop.errors import MachineError, UsageError
from workshop.host import Host
from workshop.lab import Lab
from workshop.ledger import Ledger
from workshop.lesson import Course, Step
from workshop.machine import Machine, examine
from workshop.parse import load
from workshop.progress import Progress
from workshop.selection import named, select, why_not
from workshop.session import Session

WHY_ROOT = "The workshop needs root: it makes namespaces, mounts and cgroups, inside a lab of its own."


def need_root(words: Sequence[str]) -> None:
    """Return as root, or offer sudo and become it, or say what to type."""
    if os.geteuid() == 0:
        return
    command = [sys.executable, "-m", "workshop", *words]
    if shutil.which("sudo") is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise MachineError(WHY_ROOT, f"Run it as root: sudo {' '.join(command)}")
    print(WHY_ROOT, file=sys.stderr)
    try:
        answer = input("Run it with sudo now? [Y/n] ").strip().lower()
    except EOFError:
        answer = "n"
    if answer not in ("", "y", "yes"):
        raise MachineError("Nothing was started.", f"When you like: sudo {' '.join(command)}")
    os.execvp("sudo", ["sudo", "--preserve-env=NO_COLOR,TERM,COLORTERM,LANG,LC_ALL", *command])


@contextmanager
def session(
    options: Namespace, course: Course, steps: Sequence[Step], machine: Machine, *, progress: Progress | None
) -> Iterator[Session]:
    """A session on a lab of its own, closed and cleaned up whatever happens."""
    columns, rows = shutil.get_terminal_size((80, 24))
    made = Bare if options.no_lab else Lab
    Ledger.sweep()
    with Ledger.open() as ledger:
        host = Host(made.create(machine, ledger, options.image), machine, (rows, columns))
        try:
            yield Session(course, steps, host, progress)
        finally:
            for problem in host.close():
                print(f"workshop: not removed: {problem}", file=sys.stderr)


def learn(options: Namespace, words: Sequence[str]) -> int:
    """`workshop learn`: the guided shell."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The guided shell needs a terminal to type in.", "`workshop run` plays the lessons without one."
        )
    need_root(words)
    from workshop.ui.learn import learn as guide

    course = load(options.course)
    machine = examine()
    steps = tuple(
        step for step in select(course, (), options.track) if not why_not(course, step, machine.capabilities)
    )
    progress = Progress.open(course)
    for message in progress.messages:
        print(f"workshop: {message}", file=sys.stderr)
    first = _first(course, steps, options.lesson, progress, machine)
    with session(options, course, steps, machine, progress=progress) as found:
        return guide(found, first.id)


def _first(
    course: Course, steps: Sequence[Step], word: str | None, progress: Progress, machine: Machine
) -> Step:
    """The step to begin with: the named one, else where the learner left, else the first not passed."""
    if word is not None:
        wanted = named(course, word)
        playable = [step for step in steps if step in wanted]
        if not playable:
            reason = why_not(course, wanted[0], machine.capabilities) or "the track does not have it"
            raise MachineError(
                f"{word} cannot be played: {reason}", "`workshop doctor` says what is missing."
            )
        return playable[0]
    at = next((step for step in steps if step.id == progress.position), None)
    return at or next((step for step in steps if not progress.passed(step.id)), steps[0])
