"""The track `talk` with no one at the keys, observed and judged; against the same lines in a bash script.

The script has a new lab where the workshop has one, at the beginning of each lesson. Lines that need the
kernel's ZFS are left out on both sides: its pools outlive a lab, and the script would have to clean up.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from bench.lab import session
from bench.pairs import PAIRS, Row, pairs, ratio, timed
from bench.script import Bash, lab
from workshop import images
from workshop.events import Entered, Event, Typed
from workshop.lesson import ShellName
from workshop.selection import select, why_not
from workshop.shell import Silent

TRACK = "talk"


@dataclass
class Lab:
    """The lines that were typed in one lab, and what it has to have."""

    pool: bool
    typed: list[tuple[ShellName, str]] = field(default_factory=list)


def measure() -> list[Row]:
    steps, labs = _played()
    found = images.tools()
    own = images.prepare(found) if found else {}
    command = [sys.executable, "-m", "workshop", "run", "--track", TRACK, *steps]

    def ours() -> float:
        return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))

    def theirs() -> float:
        return timed(lambda: _script(labs, own))

    return [ratio(f"the track {TRACK} / the same lines in a script", pairs(ours, theirs, PAIRS), 1.5)]


def _played() -> tuple[list[str], list[Lab]]:
    """The ids of the track's steps, and what is typed when they are played."""
    labs: list[Lab] = []
    with session() as played:
        kernel = played.machine.has("zfs-kernel")
        steps = [
            step
            for step in select(played.course, (), TRACK)
            if not why_not(played.course, step, played.machine.capabilities)
            and not (kernel and "pool" in played.course.lesson_of(step).needs)
        ]
        for step in steps:
            events: list[Event] = list(played.enter(step.id))
            if any(isinstance(event, Entered) and event.fresh for event in events):
                labs.append(Lab("pool" in played.course.lesson_of(step).needs))
            events += played.play(played.solutions()[0], Silent())
            assert played.judged is not None and played.judged.passed, step.id
            labs[-1].typed += [(event.shell, event.line) for event in events if isinstance(event, Typed)]
    return [step.id for step in steps], labs


def _script(labs: list[Lab], own: Mapping[str, Path]) -> None:
    for each in labs:
        shells: dict[ShellName, Bash] = {}
        with lab(own, pool=each.pool) as first:
            for name, typed in groupby(each.typed, key=lambda one: one[0]):
                if name not in shells:
                    shells[name] = Bash(first)
                shells[name].run([line for _, line in typed])
        for shell in shells.values():
            shell.close()
