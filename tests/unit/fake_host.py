"""A host for tests of the engine: lines do what a test says they do to a snapshot; nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kernel_builders import HOST_MOUNTS, dataset, own, process, snapshot
from scripted import OK, ScriptedShell

from workshop.kernel.model import Process, Snapshot
from workshop.lesson import CheckCall, Course, Diagnosis, Lesson, Place, Script, ShellName, Step
from workshop.machine import Capability, Machine
from workshop.shell import Result, Terminal

HERE = Place("lessons/01-first.md", 1)
SHELLS: Mapping[ShellName, int] = {"host": 7, "container": 8}
FRESH = snapshot(process(7), process(8), mounts={7: HOST_MOUNTS, 8: HOST_MOUNTS})

Effect = Callable[[Snapshot], Snapshot]


def made(*names: str) -> Effect:
    """Datasets appear."""
    return lambda now: replace(now, datasets={**now.datasets, **{name: dataset(name) for name in names}})


def lost(name: str) -> Effect:
    return lambda now: replace(now, datasets={k: v for k, v in now.datasets.items() if k != name})


def started(*processes: Process) -> Effect:
    return lambda now: replace(now, processes={**now.processes, **{p.pid: p for p in processes}})


def contained(pid: int, *kinds: str, **fields: Any) -> Process:
    """A process with namespaces of its own, PID 1 in them."""
    return process(pid, ppid=8, ns=own(*kinds), nspids=(pid, 1), **fields)


def machine(*names: str) -> Machine:
    """One that has these, and nothing else."""
    return Machine({name: Capability(name, True, "the test says so") for name in names}, "6.18", "debian-13")


class FakeHost:
    """`effects`: what a line does. `says`: what a shell answers to it. `fronts`: who has the terminal."""

    watch_calls = False
    problems = ()
    proc = Path("/proc")

    def __init__(
        self,
        effects: Mapping[str, Effect] | None = None,
        *,
        says: Mapping[str, Result] | None = None,
        fronts: Mapping[str, int] | None = None,
        on: Machine | None = None,
    ) -> None:
        self.machine = on or machine("root")
        self.variables = {"lab": "/lab", "pool": "tank"}
        self.effects = dict(effects or {})
        self.says = dict(says or {})
        self.fronts = dict(fronts or {})
        self.now = FRESH
        self.alive = True
        self.shells: dict[ShellName, ScriptedShell] = {}
        self.renewed: list[tuple[str, ...]] = []
        """What the lesson needed, for each time that the host was made anew."""
        self.reopened: list[ShellName] = []
        self.looks = 0
        self.upcoming: list[Snapshot] = []
        """What the next looks show, before they show the present state."""

    @property
    def typed(self) -> list[str]:
        """What was typed since the host was made, shell by shell."""
        return [line for shell in self.shells.values() for line in shell.typed]

    def renew(self, needs: Sequence[str] = ()) -> None:
        self.renewed.append(tuple(needs))
        self.now, self.alive = FRESH, True
        self.shells = {name: self._shell(name) for name in SHELLS}

    def reopen(self, name: ShellName) -> None:
        self.reopened.append(name)
        self.shells[name] = self._shell(name)

    def abort(self) -> None:
        pass

    def tell(self, heading: str, step: str) -> None:
        self.told = heading, step

    def look(self) -> Snapshot:
        self.looks += 1
        return self.upcoming.pop(0) if self.upcoming else self.now

    def foreground(self, name: ShellName) -> int:
        return self.shells[name].foreground() or SHELLS[name]

    def attend(self, name: ShellName, terminal: Terminal) -> Terminal:
        return terminal

    def calls(self, name: ShellName) -> tuple[None, str]:
        return None, "system calls are not being watched"

    def _shell(self, name: ShellName) -> ScriptedShell:
        lines = {*self.effects, *self.says, *self.fronts}
        answers = {line: (lambda line=line: self._play(name, line)) for line in lines}
        return ScriptedShell(answers, name=name, pid=SHELLS[name])

    def _play(self, name: ShellName, line: str) -> Result:
        if line in self.effects:
            self.now = self.effects[line](self.now)
        self.shells[name].front = self.fronts.get(line, self.shells[name].front)
        return self.says.get(line, OK)


# -- a course to be played on it ----------------------------------------------------------------------------


def script(*lines: str, when: tuple[str, ...] = ()) -> Script:
    return Script(lines, HERE, when)


def check(name: str, **params: Any) -> CheckCall:
    return CheckCall(name, params, HERE)


def step(name: str, **fields: Any) -> Step:
    return Step(name, name.partition("/")[2].capitalize(), "Do it.", HERE, **fields)


def diagnosis(name: str, message: str = "") -> Diagnosis:
    return Diagnosis(name, name, "Because.", "Do this.", HERE, message)


IMAGES = step(
    "first/images",
    checks=(check("datasets_exist", names="{{pool}}/images"),),
    solutions=(
        script("zfs create tank/images", when=("docker",)),
        script("cd {{lab}}", "ls", "create images", "ls"),
        script("create them all"),
    ),
    hints=("`create` it.", "In {{pool}}."),
)
INSIDE = step(
    "first/inside",
    shell="container",
    checks=(check("own_pid_namespace"),),
    solutions=(script("go in"),),
)
COUNT = step(
    "first/count",
    checks=(check("predict_own_namespaces"),),
    ask="How many?",
    choices=("0", "1", "8"),
    solutions=(script("readlink", ":answer 1"),),
)
CLONE = step(
    "second/clone", checks=(check("datasets_exist", names="tank/clone"),), solutions=(script("clone"),)
)
FIRST = Lesson(
    "first", 1, "The first", 5, "About.", HERE, setup=(script("prepare"),), steps=(IMAGES, INSIDE, COUNT)
)
SECOND = Lesson("second", 2, "The second", 5, "About.", HERE, ("zfs",), ("pool",), steps=(CLONE,))
DIAGNOSES = {
    one.id: one
    for one in (
        diagnosis("no-dataset"),
        diagnosis("forgot-fork"),
        diagnosis("no-new-namespace"),
        diagnosis("not-found", "command not found"),
    )
}
COURSE = Course((FIRST, SECOND), diagnoses=DIAGNOSES)

INNER = contained(9, "pid", comm="sh")
EFFECTS: Mapping[str, Effect] = {
    "create images": made("tank/images"),
    "create them all": made("tank/images"),
    "go in": started(INNER),
    "clone": made("tank/clone"),
}
FRONTS: Mapping[str, int] = {"go in": INNER.pid}
