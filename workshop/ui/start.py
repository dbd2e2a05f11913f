"""From the options of the command line to a session, or to a clear word why not."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workshop import rootless
from workshop.errors import MachineError
from workshop.language import tr
from workshop.machine import Machine, examine
from workshop.selection import named, select, why_not
from workshop.ui.terminal import require_terminal

if TYPE_CHECKING:
    from workshop.host import Host
    from workshop.lesson import Course, Step
    from workshop.progress import Progress

KEPT = (
    "NO_COLOR",
    "TERM",
    "COLORTERM",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "LANGUAGE",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
)
"""What sudo is to leave in the environment."""
WHY_ROOT = "The workshop needs root: it makes namespaces, mounts and cgroups, inside a lab of its own."
WITHOUT = "Without root it works too, in a user namespace: most lessons, and the rest says why not."


def need_root(words: Sequence[str], *, rootless_too: bool = True) -> None:
    """Return as root: the machine's by sudo, or that of a user namespace. Or say what to type."""
    if os.geteuid() == 0:
        return
    command = [sys.executable, "-m", "workshop", *words]
    typed = f"sudo {' '.join(command)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        without = f"\n          Without root: {' '.join(command)} --rootless" if rootless_too else ""
        raise MachineError(WHY_ROOT, f"Run it as root: {typed}{without}")
    print(tr(WHY_ROOT), file=sys.stderr)
    if shutil.which("sudo") is None:
        print("There is no sudo here to become root with.", file=sys.stderr)
    elif _agreed("Run it with sudo now?"):
        if _may(command):
            from workshop.progress import state_home

            os.environ["XDG_STATE_HOME"] = str(state_home(os.environ))
            os.execvp("sudo", ["sudo", f"--preserve-env={','.join(KEPT)}", *command])
        print(f"sudo refused. Somebody who may use it can: {typed}", file=sys.stderr)
    print(tr(WITHOUT), file=sys.stderr)
    if not _agreed("Go on without root?"):
        raise MachineError("Nothing was started.", f"When you like: {typed}")
    rootless.enter()


def _may(command: Sequence[str]) -> bool:
    """Does sudo let the user run that? It asks for the password now, and remembers it. Once it is another
    program, its exit status for a refusal, 1, could not be told from the workshop's for a step missed."""
    asked = subprocess.run(("sudo", "--list", "--", *command), stdout=subprocess.DEVNULL, check=False)
    return asked.returncode == 0


def _agreed(question: str) -> bool:
    try:
        return input(f"{tr(question)} [Y/n] ").strip().lower() in ("", "y", "yes")
    except EOFError:
        return False


@contextmanager
def host(options: Namespace, machine: Machine) -> Iterator[Host]:
    """A host of one's own, closed and cleaned up whatever happens. It gets ready in the background."""
    from workshop.bare import Bare
    from workshop.lab import Lab
    from workshop.ledger import Ledger

    for swept in Ledger.sweep():
        for problem in swept.problems:
            print(f"workshop: left by an earlier run, and not removed: {problem}", file=sys.stderr)
    made = Bare if options.no_lab else Lab
    lab = made.begin(machine, Ledger.open(), options.image)
    found: Host | None = None
    try:
        from workshop.host import Host

        columns, rows = shutil.get_terminal_size((80, 24))
        found = Host(lab, machine, (rows, columns))
        yield found
    finally:
        for problem in (found or lab).close():
            print(f"workshop: not removed: {problem}", file=sys.stderr)


def never_suspended() -> None:
    """Ctrl-Z while no line runs (a state is rebuilt, say) would leave the learner in the machine's own shell,
    as root, and the next line would be typed there."""
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)


def learn(options: Namespace, words: Sequence[str]) -> int:
    """`workshop learn`: the guided shell. The lab is built while the rest of the program is being loaded."""
    require_terminal()
    need_root(words)
    never_suspended()
    gc.disable()  # until the first prompt: of what is being loaded nothing is garbage
    machine = examine(lab=not options.no_lab)
    with host(options, machine) as found:
        found.open()

        from workshop.kept import load
        from workshop.progress import Progress
        from workshop.session import Session
        from workshop.ui.learn import learn as guide

        course = load(options.course)
        chosen = select(course, (), options.track)
        steps = tuple(step for step in chosen if not why_not(course, step, machine.capabilities))
        progress = Progress.open(course)
        first = _first(course, steps, options.lesson, progress, machine)
        track = course.tracks.get(options.track or "")
        said = _tell(progress.messages)
        try:
            return guide(Session(course, steps, found, progress, track), first.id)
        finally:
            _tell(progress.messages[said:])


def _tell(messages: Sequence[str]) -> int:
    """What a learner should know about the progress file; how much it was."""
    for message in messages:
        print(f"workshop: {message}", file=sys.stderr)
    return len(messages)


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
    if at is not None:
        return at
    missing = [step for step in steps if not progress.passed(step.id)]
    # A step that this version of the course does not have: its lesson is still the place.
    lesson = (progress.position or "").partition("/")[0]
    near = [step for step in missing if step.id.partition("/")[0] == lesson]
    return next(iter((*near, *missing)), steps[0])
