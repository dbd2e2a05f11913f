"""One process of a machine beside the machine's first one: just enough of a `Snapshot` to judge it.

Whoever started the process: an engine, the workshop, `unshare` by hand.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from workshop.errors import MachineError, UsageError
from workshop.kernel import cgroupfs, folders, mountinfo, processes, procfs
from workshop.kernel.model import Cgroup, Mount, MountTable, Network, Process, Snapshot, mount_key

PF_KTHREAD = 0x00200000
_FLAGS = 6
"""Place of the flags in `/proc/PID/stat`, counted from the state."""
MOST_DEVICES = 200


def look(pid: int, *, proc: Path = Path("/proc")) -> Snapshot:
    """Process `pid` and the one that it is compared with.

    UsageError when there is no such process to judge: it is gone, ended meanwhile, is a thread of the
    kernel's, or the host itself. MachineError when we may not look.
    """
    directory = procfs.Directory(proc)
    try:
        started = _start(directory, pid)
        host = _reference(directory)
        found = _processes(directory, (host, pid))
        if pid not in found or not found[pid].ns or found[pid].start != started:
            raise _ended(pid)
        tables = {each: MountTable(each, _mounts(directory, each)) for each in (pid, host)}
        found[pid] = replace(found[pid], proc_pid_ns=_shown(directory, pid))
        snapshot = Snapshot(
            host=host,
            processes=found,
            mounts={mount_key(found[each]): table for each, table in tables.items()},
            networks=_network(proc, found[pid], found[host]),
            cgroups=tuple(_cgroups(found, tables[host])),
            release=os.uname().release,
            absent=folders.absent(proc / str(host) / "root"),
            devices={pid: _devices(proc / str(pid) / "root/dev")},
        )
        if _started(directory, pid) != started:
            raise _ended(pid)
        return snapshot
    finally:
        directory.close()


def detailed(snapshot: Snapshot, pids: Iterable[int], *, proc: Path = Path("/proc")) -> Snapshot:
    """The snapshot with what only a score card asks for: the labels and the devices of these processes."""
    directory = procfs.Directory(proc)
    try:
        known = [pid for pid in pids if pid in snapshot.processes]
        labels = {pid: replace(snapshot.processes[pid], label=_label(directory, pid)) for pid in known}
        devices = {pid: _devices(proc / str(pid) / "root/dev") for pid in known}
    finally:
        directory.close()
    return replace(snapshot, processes={**snapshot.processes, **labels}, devices=devices)


def _start(directory: procfs.Directory, pid: int) -> int:
    """When the process started, if it is one that can be judged."""
    text = directory.read(f"{pid}/stat")
    if not text:
        raise UsageError(f"There is no process {pid}.", "`ps -ef` lists those that there are.")
    found = procfs.parse_stat(text)
    if int(text[text.rindex(b")") + 1 :].split()[_FLAGS]) & PF_KTHREAD:
        raise UsageError(f"Process {pid} ({found.comm}) is a thread of the kernel's, and in no container.")
    if found.state in ("Z", "X"):
        raise UsageError(f"Process {pid} ({found.comm}) has ended: a zombie has no namespaces any more.")
    leader = procfs.parse_status(directory.read(f"{pid}/status") or b"").get("Tgid", str(pid))
    if leader != str(pid):
        raise UsageError(f"{pid} is a thread of process {leader}.", f"Verify {leader}.")
    if pid in (1, os.getpid()):
        what = "this machine's first one" if pid == 1 else "this program itself"
        raise UsageError(
            f"Process {pid} is {what}: the others are compared with it.", "Name a process of a container."
        )
    try:
        os.readlink(f"{pid}/ns/mnt", dir_fd=directory.fd)
    except PermissionError:
        raise MachineError(
            f"The namespaces of process {pid} may not be looked at.", "Run it as root: sudo workshop verify …"
        ) from None
    except OSError:
        raise _ended(pid) from None
    return found.start


def _reference(directory: procfs.Directory) -> int:
    """What "the host" is: its first process, or the program itself where that may not be looked at."""
    return 1 if directory.link("1/ns/mnt") is not None else os.getpid()


def _mounts(directory: procfs.Directory, pid: int) -> tuple[Mount, ...]:
    text = directory.read(f"{pid}/mountinfo") or b""
    return mountinfo.parse(text.decode(errors="surrogateescape"))


def _started(directory: procfs.Directory, pid: int) -> int | None:
    text = directory.read(f"{pid}/stat")
    found = procfs.parse_stat(text) if text else None
    return found.start if found is not None and found.state not in ("Z", "X") else None


def _ended(pid: int) -> UsageError:
    return UsageError(f"Process {pid} ended while it was looked at.")


def _processes(directory: procfs.Directory, pids: Iterable[int]) -> dict[int, Process]:
    found = {}
    for pid, process in processes.Processes(directory).only(pids).items():
        found[pid] = replace(process, ids=processes.ids(directory, pid), label=_label(directory, pid))
    return found


def _label(directory: procfs.Directory, pid: int) -> str | None:
    text = (directory.read(f"{pid}/attr/current") or b"").rstrip(b"\0\n").decode(errors="replace")
    return text or None


def _shown(directory: procfs.Directory, pid: int) -> int | None:
    """The pid namespace that its `/proc` is of, if there is one."""
    link = directory.link(f"{pid}/root/proc/1/ns/pid")
    return int(link[5:-1]) if link else None


def _network(proc: Path, process: Process, host: Process) -> Mapping[int, Network]:
    inode = process.ns.get("net")
    if inode is None or inode == host.ns.get("net"):
        return {}
    from workshop.kernel.netlink import Netlink  # not before there is a network to read

    contents = Netlink().read(f"{proc}/{process.pid}/ns/net")
    return {inode: Network(process.pid, None, **contents._asdict())} if contents is not None else {}


def _cgroups(found: Mapping[int, Process], table: MountTable) -> Iterator[Cgroup]:
    """The groups of all of them, and the groups above those."""
    controllers = {name: "" for process in found.values() for name in process.cgroups}
    for hierarchy in cgroupfs.hierarchies("/sys/fs/cgroup", table.mounts, controllers):
        for name in hierarchy.controllers:
            paths = {above for p in found.values() for above in _upwards(p.cgroups.get(name, "/"))}
            for path in sorted(paths):
                values = cgroupfs.values(f"{hierarchy.path}{path}", name)
                if values:
                    pids = tuple(pid for pid, p in found.items() if p.cgroups.get(name) == path)
                    yield Cgroup(name, path, pids, values)


def _upwards(path: str) -> Iterator[str]:
    while path and path != "/":
        yield path
        path = path.rpartition("/")[0]


def _devices(folder: Path) -> tuple[str, ...]:
    """The nodes in a `/dev`, as `c 1:3 null`."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                kind = {stat.S_IFBLK: "b", stat.S_IFCHR: "c"}.get(stat.S_IFMT(status.st_mode))
                if kind:
                    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
                    found.append(f"{kind} {number} {entry.name}")
    except OSError:
        pass  # no /dev, or it is gone
    return tuple(sorted(found)[:MOST_DEVICES])
