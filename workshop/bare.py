"""`--no-lab`: the machine itself as the learner's host, for a throw-away VM. Same interface as `lab.Lab`.

What the workshop makes here (/lab, the pool, its cgroups, whatever runs in them) is in the ledger and
removed in the end. What the learner makes besides, a bridge say, stays: that is what a throw-away machine
is for.
"""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from contextlib import suppress
from pathlib import Path

from workshop import cgroups, engines, libc, loops, pool
from workshop.errors import LabError, MachineError
from workshop.lab import FOLDER, IMAGES, Lab, place
from workshop.ledger import Entry
from workshop.removal import MARK

_JOIN = 'for group in {groups}; do echo $$ > "$group" || exit 3; done; exec "$@"'


class Bare(Lab):
    """No lab: pid 1 of the machine is the host."""

    depth = 0
    _keeper = 0

    @property
    def proc(self) -> Path:
        return Path("/proc")

    @property
    def cgroup_root(self) -> Path:
        return Path("/sys/fs/cgroup")

    @property
    def enter(self) -> tuple[str, ...]:
        groups = " ".join(f"'{group.leaf}/cgroup.procs'" for group in self.groups)
        return ("/bin/sh", "-c", _JOIN.format(groups=groups), "enter")

    @property
    def first(self) -> int:
        """A process of ours in the machine's namespaces: pid 1 may be closed even to root."""
        return self._keeper

    @property
    def _outer(self) -> int:
        return self._keeper

    @property
    def alive(self) -> bool:
        return True

    def prepare(self, need: str) -> None:
        if need == "pool" and self.pool is None:
            self.pool = pool.prepare(self._machine, self._ledger, self.enter, private=False)
        else:
            super().prepare(need)

    def kill(self) -> None:
        """The machine lives on; the shells end what they began."""

    def _start(self) -> None:
        if Path(FOLDER).exists():
            raise MachineError(
                f"There is a {FOLDER} on this machine already, and it is not the workshop's.",
                "Without --no-lab, the workshop works in a lab of its own. Or move the folder away.",
            )
        self.pid = 1
        for name in engines.NAMES:
            if self._machine.has(name) and (socket := engines.socket_of(name)):
                self._ledger.add(engines.note(name, socket))
        self._ledger.add(Entry("path", FOLDER, {"id": self.name}))
        self._ledger.add(Entry("mounts", FOLDER))
        self._ledger.add(loops.entry(self.name, below=f"{FOLDER}/"))
        try:
            Path(FOLDER).mkdir()
            Path(FOLDER, MARK).write_text(f"{self.name}\n")
            for folder in (IMAGES, f"{FOLDER}/containers"):
                Path(folder).mkdir()
            for name, source in self._images().items():
                shutil.copyfile(source, Path(IMAGES, name))
            if self._given:
                Path(place(self._given)).symlink_to(self._given)
        except OSError as error:
            raise LabError(f"{error.strerror}: {error.filename}", "Is the disk full?") from error
        self._keeper = _keeper()
        self.groups, self.problems = cgroups.join(self._keeper, self._ledger)

    def _end(self, *, strict: bool = True) -> tuple[str, ...]:
        self.pool, self.groups = None, ()
        if self._keeper:
            os.kill(self._keeper, signal.SIGKILL)
            os.waitpid(self._keeper, 0)
            self._keeper = 0
        problems = self._ledger.remove()
        if problems and strict:
            raise LabError(
                f"What was there cannot be removed: {problems[0]}.", "`workshop clean` tries again."
            )
        return problems


def _keeper() -> int:
    """The first process in the groups: systemd drops a scope that is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child calls the kernel, then execs
        pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            libc.die_with_parent()
            os.setsid()
            os.execv("/bin/sleep", ("sleep", "infinity"))
        os._exit(1)
    return pid
