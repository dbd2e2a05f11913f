"""The disposable "host" that a learner works in: its own pid, mount, net, uts, ipc and cgroup namespaces.

The program stays outside and looks in. It forks the lab's first process, which the kernel kills when the
program dies, and with it everything in the lab's pid namespace; see `lab_init` for what the lab is made of,
and `ledger` for what the kernel does not take back by itself.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import select
import signal
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from workshop import cgroups, engines, images, lab_init, libc, loops, pool
from workshop.beacon import Beacon, put
from workshop.cgroups import Group
from workshop.errors import LabError
from workshop.kernel import mountinfo
from workshop.kernel.procfs import read_stat
from workshop.lab_init import CgroupMount, Plan
from workshop.ledger import Ledger
from workshop.machine import Machine

FOLDER = "/lab"
NO_OVERLAY = "no overlay on this machine's root: its folders are read-only here, and /etc is a copy"
ROOTLESS = "without root, this host's folders are the machine's, read-only; /etc is a copy"
IMAGES = f"{FOLDER}/images"
_SECONDS = 30.0
"""More than a lab ever takes; a dead network share may hold it up."""
_SOON = 0.3
"""Seconds in which an ordinary lab dies."""
_DYING = 20.0
"""Seconds for all of a lab to die: a fork bomb's thousand processes take a while on a slow machine."""

_JOIN = 'for group in {groups}; do echo $$ > "$group" || exit 3; done; exec {enter} "$@"'

# fmt: off
_PSEUDO = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
    "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs",
    "securityfs", "selinuxfs", "sysfs", "tmpfs", "tracefs",
))
# fmt: on
_OF_THE_LAB = (
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    FOLDER,
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
)


class Lab:
    """A living lab. `enter` is the argv prefix that runs a command in all its namespaces and cgroups."""

    depth = 1
    """How many pid namespaces it is further in than the program."""

    def __init__(self, machine: Machine, ledger: Ledger) -> None:
        self._machine = machine
        self._ledger = ledger
        self._given: Path | None = None
        self.name = ledger.id
        self.pid = 0
        self.groups: tuple[Group, ...] = ()
        self.problems: tuple[str, ...] = ()
        """What the lab had to go without, and why."""
        self.pool: str | None = None
        """The name of the lab's ZFS pool, once it was asked for."""
        self._reports = -1
        """Where the first process says that it is ready; -1 once it has."""

    @classmethod
    def create(cls, machine: Machine, ledger: Ledger, image: Path | None = None) -> Self:
        """`begin`, and wait until the lab is there."""
        lab = cls.begin(machine, ledger, image)
        lab.ready()
        return lab

    @classmethod
    def begin(cls, machine: Machine, ledger: Ledger, image: Path | None = None) -> Self:
        """Make a lab, which owns the ledger from now on: if it cannot be made, nothing of it stays.
        It is built in the background; `ready` waits for it.

        `image` is a tar file, a folder or an OCI layout to be the lessons' image."""
        lab = cls(machine, ledger)
        try:
            machine.require("root")
            if image is not None:
                lab._given = images.named(image, ledger.folder)
            lab._start()
        except BaseException:
            lab.close()
            raise
        return lab

    @property
    def first(self) -> int:
        """The pid of its first process, in its own numbers."""
        return 1

    @property
    def proc(self) -> Path:
        """The lab's procfs, as reached from outside: pids in it are the lab's own."""
        return Path(f"/proc/{self.pid}/root/proc")

    @property
    def cgroup_root(self) -> Path:
        """The lab's /sys/fs/cgroup, as reached from outside: its root is the lab's group."""
        return Path(f"/proc/{self.pid}/root/sys/fs/cgroup")

    @property
    def enter(self) -> tuple[str, ...]:
        time = "" if _same_time(self.pid) else "--time "
        namespaces = f"nsenter --target {self.pid} --mount --uts --ipc --net --pid --cgroup {time}--"
        groups = " ".join(f"'{group.leaf}/cgroup.procs'" for group in self.groups)
        return ("/bin/sh", "-c", _JOIN.format(groups=groups, enter=namespaces), "enter")

    @property
    def alive(self) -> bool:
        if self.pid and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        return bool(self.pid)

    def announce(self, heading: str = "", step: str = "") -> None:
        """Say where the lab is and what is played in it, to `workshop watch`."""
        outer = self._outer
        found = read_stat("/proc", outer)
        if found is not None:
            places = str(self.proc), self.first, str(self.cgroup_root)
            put(self._ledger.folder, Beacon(outer, found.start, *places, heading, step))

    @property
    def _outer(self) -> int:
        """The first process, as the machine counts."""
        return self.pid

    def prepare(self, need: str) -> None:
        """Have a facility ready: `pool`, `pool-if-any`, `image`. MachineError says what is missing for it."""
        if need == "pool-if-any":
            if self._machine.has("zfs"):
                self.prepare("pool")
        elif need == "pool":
            if self.pool is None:
                self.pool = pool.prepare(self._machine, self._ledger, self.enter, private=True)
        elif need == "image":
            if self._given is None:
                self._machine.require("busybox")
        else:
            raise LabError(f"The lab has no facility {need!r}.", "It has: pool, pool-if-any, image.")

    def variables(self) -> Mapping[str, str]:
        """The values of the variables in lessons."""
        image = place(self._given) if self._given else f"{IMAGES}/{images.DEBIAN}"
        places = cgroups.places(self.groups, namespace=self.depth > 0)
        userxattr = "" if self._machine.has("real-root") else "userxattr,"
        own = {"pool": self.pool or pool.NAME, "image": image, "lab": FOLDER, "userxattr": userxattr}
        return {**own, **places}

    def ready(self) -> None:
        """Wait until the lab is there. LabError says why it cannot be, and then nothing of it is left."""
        if self._reports < 0:
            return
        try:
            answer = _answer(self._reports)
            self._ledger.add(loops.entry(self.name, tuple(answer["devices"])))
            if not answer["overlaid"]:
                self.problems = (*self.problems, NO_OVERLAY if self._machine.has("real-root") else ROOTLESS)
            cgroups.enable(self.groups)
        except BaseException:
            self.close()
            raise
        finally:
            self._heard()

    def kill(self) -> None:
        """End every process in the lab, and wait for it; `reset` or `close` removes what it leaves."""
        if not self.pid:
            return
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        # What entered the lab, `nsenter`, is in its groups too, and has to reap what it began in there first.
        if not _reap(self.pid, _SOON):
            for group in self.groups:
                cgroups.kill(group.path)  # a frozen process does not die before it is thawed
            if not _reap(self.pid, _DYING):
                return
        self.pid, self.groups = 0, ()

    def reset(self) -> None:
        """End everything in the lab and make it anew."""
        self._end()
        self._start()
        self.ready()

    def close(self) -> tuple[str, ...]:
        """End everything in the lab and remove what it leaves; what could not be removed, with the reason."""
        problems = self._end(strict=False)
        return (*problems, *self._ledger.close())

    def _start(self) -> None:
        own = self._images()
        sockets = {
            name: path
            for name in engines.NAMES
            if self._machine.has(name) and (path := engines.socket_of(name))
        }
        for name, path in sockets.items():
            self._ledger.add(engines.note(name, path))
        orders, status = os.pipe(), os.pipe()
        self._reports = status[0]
        try:
            self.pid = _fork(orders, status)
            if self._machine.has("real-root") or self._machine.has("cgroup2"):
                self.groups, self.problems = cgroups.join(self.pid, self._ledger)
            _send(orders[1], self._plan(own, tuple(sockets.values())))
        finally:
            for fd in (*orders, status[1]):
                os.close(fd)

    def _heard(self) -> None:
        if self._reports >= 0:
            os.close(self._reports)
            self._reports = -1

    def _images(self) -> Mapping[str, str]:
        """The workshop's own images, by their name in /lab/images."""
        tools = images.tools()
        return {name: str(path) for name, path in images.prepare(tools).items()} if tools else {}

    def _plan(self, own: Mapping[str, str], sockets: Sequence[Path]) -> Plan:
        staging = self._ledger.folder / "root"
        staging.mkdir(exist_ok=True)
        bound = {str(path).replace("/var/run/", "/run/"): str(path) for path in sockets}
        if self._given:
            bound[place(self._given)] = str(self._given)
        return Plan(
            staging=str(staging),
            overlay=self._machine.has("overlay") and self._machine.has("real-root"),
            devices=self._machine.has("real-root"),
            submounts=_submounts(),
            cgroups=tuple(_cgroup_mount(group) for group in self.groups),
            leaf=tuple(str(group.leaf / "cgroup.procs") for group in self.groups if group.leaf != group.path),
            images=own,
            bound=bound,
        )

    def _end(self, *, strict: bool = True) -> tuple[str, ...]:
        """Kill the first process, and with it all others; wait until nothing of the lab is left."""
        self.pool = None
        self._heard()
        self.kill()
        if self.pid:
            problems: tuple[str, ...] = (f"the lab's first process, {self.pid}, does not die",)
        else:
            problems = self._ledger.remove()
        if problems and strict:
            raise LabError(f"The old lab cannot be removed: {problems[0]}.", "`workshop clean` tries again.")
        return problems


def _fork(orders: tuple[int, int], status: tuple[int, int]) -> int:
    """The first process of a new pid namespace.

    Which pid namespace the children go to is a matter of each thread (unshare(2)), so a thread made for it
    forks: the way back for the program itself would take rights over the machine's own namespace. Only when
    that thread is gone is the main one the parent, whose death the first process asks to be told of, after
    its orders.
    """
    found: list[int | BaseException] = []

    def fork() -> None:
        try:
            libc.unshare(libc.CLONE_NEWPID)
            with warnings.catch_warnings():
                # The child touches no lock of another thread: it calls the kernel, then execs.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                lab_init.become(orders[0], status[1])
            found.append(pid)
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=fork, name="first-process")
    thread.start()
    thread.join()
    while Path(f"/proc/self/task/{thread.native_id}").exists():
        time.sleep(0.0001)  # Python's thread has ended, and the kernel's not yet
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _send(fd: int, plan: Plan) -> None:
    with suppress(BrokenPipeError):  # then its answer says why
        data = pickle.dumps(plan)
        while data:
            data = data[os.write(fd, data) :]


def _answer(fd: int) -> dict[str, Any]:
    """What the first process reports before it becomes `sleep`: `devices` of its file systems, `overlaid`.
    LabError with what failed."""
    deadline = time.monotonic() + _SECONDS
    data = b""
    while True:
        if not select.select((fd,), (), (), max(0.0, deadline - time.monotonic()))[0]:
            raise LabError(
                "The lab does not get ready.", "A file system of this machine may hang; see `dmesg`."
            )
        chunk = os.read(fd, 65536)
        if not chunk:
            break
        data += chunk
    said = [json.loads(line) for line in data.splitlines()]
    for report in said:
        if "message" in report:
            raise LabError(f"The lab could not be made: {report['message']}", report["hint"])
    for report in said:
        if "devices" in report:
            return dict(report)
    raise LabError("The lab could not be made: its first process was killed.", "Out of memory? See `dmesg`.")


def _reap(pid: int, seconds: float) -> bool:
    """Wait for a killed child: it ends when every process of its pid namespace has."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if not select.select((fd,), (), (), seconds)[0]:
            return False
    finally:
        os.close(fd)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return True


def _same_time(pid: int) -> bool:
    """Is a process in the program's own time namespace? time_namespaces(7)"""
    try:
        return Path(f"/proc/{pid}/ns/time").readlink() == Path("/proc/self/ns/time").readlink()
    except OSError:
        return True


def place(given: Path) -> str:
    """Where an image that was named is in the lab: a name that needs no quotes in a shell."""
    return f"{IMAGES}/{re.sub(r'[^A-Za-z0-9._-]', '-', given.name)}"


def _submounts() -> tuple[str, ...]:
    """The machine's other real file systems, `/home` say, from `/proc/self/mountinfo`."""
    mounts = mountinfo.read("/proc", os.getpid()) or ()
    wanted = {
        m.target: None
        for m in mounts
        if m.fstype not in _PSEUDO
        and m.target != "/"
        and not any(m.target == place or m.target.startswith(f"{place}/") for place in _OF_THE_LAB)
    }
    return tuple(wanted)


def _cgroup_mount(group: Group) -> CgroupMount:
    hierarchy = group.hierarchy
    if hierarchy.place == cgroups.TOP:
        return CgroupMount("", hierarchy.options)
    name = hierarchy.place.name
    links = tuple(c for c in hierarchy.controllers if c != name and not c.startswith("name="))
    return CgroupMount(name, hierarchy.options, links)
