"""The learner's host as the engine sees it: a lab (or the machine itself), two shells, and eyes on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from workshop.attended import Attended
from workshop.kernel import container
from workshop.kernel.collect import Collector, Reader
from workshop.kernel.model import Snapshot
from workshop.kernel.procfs import to_inner
from workshop.lab import Lab
from workshop.lesson import SHELLS, ShellName
from workshop.machine import Machine, search_path
from workshop.shell import PtyShell, Shell, Terminal

if TYPE_CHECKING:
    from workshop.kernel.syscalls import Call, Tracer

START = "/lab"
"""Where both shells start; their home too, so that no start-up file of the machine's root is in the way."""


class Host:
    """Owns the lab, the shells, the collector and the tracers; `renew` makes all of them anew."""

    def __init__(self, lab: Lab, machine: Machine, size: tuple[int, int] = (24, 80)) -> None:
        self.machine = machine
        self.size = size
        self._lab = lab
        self._shells: dict[ShellName, Shell] = {}
        self._tracers: dict[ShellName, Tracer] = {}
        self._collector: Collector | None = None
        self._watch_calls = False
        self._flooded = False
        self._fresh = True
        self._proc = -1

    @property
    def alive(self) -> bool:
        return self._lab.alive

    @property
    def problems(self) -> tuple[str, ...]:
        """What the host has to go without, and why."""
        return self._lab.problems

    @property
    def variables(self) -> Mapping[str, str]:
        return self._lab.variables()

    @property
    def shells(self) -> Mapping[ShellName, Shell]:
        return MappingProxyType(self._shells)

    @property
    def proc(self) -> Path:
        """The host's procfs, as reached from here. It stays the one that the host began with,
        whatever a learner mounts over `/proc` later: the path goes through an open directory."""
        return Path(f"/proc/self/fd/{self._proc}")

    def renew(self, needs: Sequence[str] = ()) -> None:
        """A host on which nothing has been done yet, with the facilities that a lesson needs."""
        if not self._fresh:
            self._drop()
            self._lab.reset()
        self._fresh = False
        self.open()
        for need in needs:
            self._lab.prepare(need)
        self._proc = os.open(self._lab.proc, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._collector = Collector(self._reader())

    def tell(self, heading: str, step: str) -> None:
        """Which step is played, for who looks on."""
        self._lab.announce(heading, step)

    def open(self) -> None:
        """Start the shells, as soon as the lab is there. They become ready in the background."""
        self._lab.ready()
        for name in SHELLS:
            if name not in self._shells:
                self.reopen(name)

    def reopen(self, name: ShellName) -> None:
        """Start a shell, in place of the one that has ended."""
        self._close_shell(name)
        env = {**os.environ, "HOME": START, "PATH": search_path()}
        self._shells[name] = PtyShell(self._lab.enter, name=name, size=self.size, cwd=START, env=env)

    def look(self) -> Snapshot:
        """Everything, now."""
        assert self._collector is not None
        return self._collector.collect(tuple(self.foreground(name) for name in self._shells))

    def detailed(self, snapshot: Snapshot, pids: Sequence[int]) -> Snapshot:
        """A snapshot of this host's, with what a score card asks for besides."""
        return container.detailed(snapshot, pids, proc=self.proc)

    def from_outside(self) -> tuple[Snapshot, int] | None:
        """The host itself, as a process of the machine: a lab's first one. None: it is the machine."""
        return (container.look(self._lab.pid), self._lab.pid) if self._lab.depth else None

    def foreground(self, name: ShellName) -> int:
        """The pid, in the host's numbers, of the process that has a shell's terminal."""
        shell = self._shells[name]
        inner = to_inner(shell.foreground() or shell.pid, self._lab.depth)
        return inner if inner is not None else to_inner(shell.pid, self._lab.depth) or self._lab.first

    @property
    def watch_calls(self) -> bool:
        return self._watch_calls

    @watch_calls.setter
    def watch_calls(self, on: bool) -> None:
        """From the next line on."""
        self._watch_calls = on
        if not on:
            for name in self._shells:
                self._untrace(name)

    def attend(self, name: ShellName, terminal: Terminal) -> Terminal:
        """A line is about to run: watch its system calls, if that is wanted, until it floods the terminal."""
        self._flooded = False
        if not self._watch_calls:
            return terminal
        if name not in self._tracers or not self._tracers[name].alive:
            self._trace(name)
        return Attended(terminal, lambda: self._let_go(name))

    def calls(self, name: ShellName) -> tuple[tuple[Call, ...] | None, str]:
        """The system calls since the last question; None with the reason where they cannot be watched."""
        if self._flooded:
            return None, "the line printed so much that it was better not to slow it down"
        tracer = self._tracers.get(name)
        if tracer is None:
            return None, "system calls are not being watched"
        calls = tracer.drain()
        return calls, tracer.why

    def abort(self) -> None:
        """End all in the lab at once, from any thread; whoever uses the host finds that out. The machine
        itself is left alone."""
        if self._lab.depth and self._lab.pid:
            with suppress(ProcessLookupError):
                os.kill(self._lab.pid, signal.SIGKILL)

    def close(self) -> tuple[str, ...]:
        """End all of it; what could not be removed, with the reason."""
        self._drop()
        return self._lab.close()

    def _reader(self) -> Reader:
        lab = self._lab
        return Reader(
            proc=self.proc,
            host=lab.first,
            cgroup_root=lab.cgroup_root,
            run_prefix=lab.enter,
            pool=lab.pool,
        )

    def _let_go(self, name: ShellName) -> None:
        self._flooded = True
        self._untrace(name)

    def _trace(self, name: ShellName) -> None:
        from workshop.kernel.syscalls import Tracer  # only for those who watch

        self._untrace(name)
        self._tracers[name] = Tracer(self._shells[name].pid, self._lab.depth)

    def _untrace(self, name: ShellName) -> None:
        tracer = self._tracers.pop(name, None)
        if tracer is not None:
            tracer.close()

    def _close_shell(self, name: ShellName) -> None:
        self._untrace(name)
        shell = self._shells.pop(name, None)
        if shell is not None:
            shell.close()

    def _drop(self) -> None:
        self._lab.kill()  # that ends the shells with all they began, faster than they would
        for name in tuple(self._shells):
            self._close_shell(name)
        if self._collector is not None:
            self._collector.close()
            self._collector = None
        if self._proc >= 0:
            os.close(self._proc)
            self._proc = -1
