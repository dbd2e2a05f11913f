"""All the processes of a procfs, fast: what cannot have changed since the last time is not read again.

A process that has not run since (`/proc/PID/schedstat` says how long it ran, and how often it was put on a
processor) is in the same namespaces, with the same name and arguments. What others can change for
it is looked at all the same: its cgroups always; its parent when a process vanished; its root and folder when
its mounts changed (pivot_root(2) moves the roots of others), by `Processes.moved`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from workshop.kernel import cgroupfs, procfs
from workshop.kernel.model import Ids, Process

Maps = tuple[bytes, bytes]
"""What `uid_map` and `gid_map` hold."""


class _Known(NamedTuple):
    ran: bytes
    cgroup: bytes
    process: Process
    maps: Maps | None = None
    """Those by which `process.ids` was read."""


class Processes:
    """Reads the processes below one procfs; remembers them from one reading to the next."""

    def __init__(self, directory: procfs.Directory) -> None:
        self._dir = directory
        self._known: dict[int, _Known] = {}
        self._cgroups: dict[bytes, Mapping[str, str]] = {}
        self._bases: Mapping[str, str] = {}

    def seen_from(self, bases: Mapping[str, str]) -> None:
        """Cgroup paths are to be given as they look from these groups (controller to path)."""
        if bases != self._bases:
            self._bases = dict(bases)
            self._known.clear()
            self._cgroups.clear()

    def read(self, host: int) -> dict[int, Process]:
        """Every process, by pid; those that vanish meanwhile are left out."""
        pids = self._dir.pids()
        vanished = self._known.keys() - set(pids)
        known: dict[int, _Known] = {}
        own_pid_ns = self._pid_namespace(host)
        # A pid that was used again has another start time, so its children's parent is another one too.
        changed = set(vanished)
        for pid in pids:
            entry = self._one(pid, own_pid_ns, changed)
            if entry is not None:
                known[pid] = entry
        if changed:
            for pid, entry in known.items():
                if entry.process.ppid in changed:
                    fresh = self._fresh(pid, entry.ran, entry.cgroup, own_pid_ns)
                    if fresh is not None:
                        known[pid] = fresh
        self._known = known
        return {pid: entry.process for pid, entry in known.items()}

    def only(self, pids: Iterable[int]) -> dict[int, Process]:
        """These processes alone, each read in full."""
        found = {pid: self._fresh(pid, b"", self._dir.read(f"{pid}/cgroup") or b"", None) for pid in pids}
        return {pid: entry.process for pid, entry in found.items() if entry is not None}

    def moved(self, pid: int) -> Process | None:
        """Reads root and folder of a process again."""
        root, cwd = self._dir.root(pid), self._dir.link(f"{pid}/cwd")
        return self.update(pid, root=root, cwd=cwd)

    def update(self, pid: int, **fields: Any) -> Process | None:
        """Puts in what was found out about a process elsewhere; what it is like now."""
        entry = self._known.get(pid)
        if entry is None:
            return None
        if any(getattr(entry.process, name) != value for name, value in fields.items()):
            entry = self._known[pid] = entry._replace(process=replace(entry.process, **fields))
        return entry.process

    def identify(self, pids: Iterable[int], found: dict[int, Process]) -> None:
        """Puts in who these processes are, of those that were read last. One that has not run is who it was,
        but for the maps of its user namespace: others write those, so they are read each time, once for each
        namespace."""
        maps: dict[int | None, Maps] = {}
        for pid in pids:
            space = found[pid].ns.get("user")
            now = maps.get(space) if space is not None else None
            if now is None:
                now = maps[space] = id_maps(self._dir, pid)
            entry = self._known[pid]
            if entry.process.ids is None or entry.maps != now:
                found[pid] = replace(entry.process, ids=ids(self._dir, pid, now))
                self._known[pid] = entry._replace(process=found[pid], maps=now)

    def _memberships(self, text: bytes) -> Mapping[str, str]:
        found = self._cgroups.get(text)
        if found is None:
            groups = procfs.parse_cgroup(text)
            found = {
                name: cgroupfs.relative(path, self._bases.get(name, "/")) for name, path in groups.items()
            }
            self._cgroups[text] = found
        return found

    def _one(self, pid: int, own_pid_ns: int | None, changed: set[int]) -> _Known | None:
        ran = self._dir.read(f"{pid}/schedstat") or b""
        cgroup = self._dir.read(f"{pid}/cgroup")
        if cgroup is None:
            return None
        old = self._known.get(pid)
        if old is not None and old.ran == ran and _idle(ran, old.process):
            if old.cgroup == cgroup:
                return old
            process = replace(old.process, cgroups=self._memberships(cgroup))
            return old._replace(cgroup=cgroup, process=process)
        entry = self._fresh(pid, ran, cgroup, own_pid_ns)
        if old is not None and (entry is None or entry.process.start != old.process.start):
            changed.add(pid)
        return entry

    def _fresh(self, pid: int, ran: bytes, cgroup: bytes, own_pid_ns: int | None) -> _Known | None:
        read = self._dir.read
        text = read(f"{pid}/stat")
        if not text:
            return None
        stat = procfs.parse_stat(text)
        namespaces = self._dir.namespaces(pid)
        nspids: tuple[int, ...] = (pid,)
        if namespaces.get("pid") != own_pid_ns:
            status = read(f"{pid}/status")
            if not status:
                return None
            nspids = procfs.parse_nspids(procfs.parse_status(status))
        process = Process(
            pid=pid,
            ppid=stat.ppid,
            pgrp=stat.pgrp,
            session=stat.session,
            tty=stat.tty,
            state=stat.state,
            start=stat.start,
            comm=stat.comm,
            args=procfs.parse_cmdline(read(f"{pid}/cmdline") or b""),
            nspids=nspids,
            ns=namespaces,
            root=self._dir.root(pid),
            cwd=self._dir.link(f"{pid}/cwd"),
            cgroups=self._memberships(cgroup),
            stdout=self._dir.link(f"{pid}/fd/1"),
            threads=stat.threads,
            sig_caught=stat.sig_caught,
        )
        return _Known(ran, cgroup, process)

    def _pid_namespace(self, pid: int) -> int | None:
        text = self._dir.link(f"{pid}/ns/pid")
        return int(text[5:-1]) if text else None


def _idle(ran: bytes, process: Process) -> bool:
    """Whether an unchanged schedstat proves that the process did nothing: not while it is on a processor,
    nor with more threads than the one that the file is about, nor in a kernel that does not count."""
    return process.state != "R" and process.threads == 1 and bool(ran) and not ran.startswith(b"0 0 0")


def ids(directory: procfs.Directory, pid: int, maps: Maps | None = None) -> Ids | None:
    """Who process `pid` is; None when it is gone."""
    status = directory.read(f"{pid}/status")
    if not status:
        return None
    return procfs.parse_ids(procfs.parse_status(status), *(maps or id_maps(directory, pid)))


def id_maps(directory: procfs.Directory, pid: int) -> Maps:
    return directory.read(f"{pid}/uid_map") or b"", directory.read(f"{pid}/gid_map") or b""
