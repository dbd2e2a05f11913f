"""A `Snapshot` of everything, from outside: `Collector(Reader(…)).collect(subjects)`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from workshop.errors import LabError
from workshop.frozen import frozen
from workshop.kernel import (
    btrfs,
    cgroupfs,
    folders,
    ipc,
    layers,
    mountinfo,
    probe,
    processes,
    procfs,
    storage,
    subject,
)
from workshop.kernel.model import (
    Cgroup,
    Dataset,
    File,
    Ipc,
    Mount,
    MountTable,
    Network,
    Process,
    Root,
    Snapshot,
    Subvolume,
    mount_key,
)
from workshop.kernel.netlink import Netlink


@frozen
class Reader:
    """Where to look. `host`: pid of the reference process, as `proc` counts. `cgroup_root`: where its
    `/sys/fs/cgroup` is reached. `run_prefix`: what to put before a tool to run it in the lab."""

    proc: Path = Path("/proc")
    host: int = 1
    cgroup_root: Path = Path("/sys/fs/cgroup")
    run_prefix: tuple[str, ...] = ()
    pool: str | None = None
    """The ZFS pool whose data sets are read."""
    roots: tuple[str, ...] = ("/lab/containers", "/lab/mydocker", "/lab/mydocker/layers")
    """Folders whose folders can become a root, or tell of those that do."""
    home: str = "/lab"
    """The learner's own folder: `layers` in it has layers, `notes` what the learner writes down, and only
    what is below it is read as a layer or a subvolume."""


_NETNS = "run/netns"


class _Named(NamedTuple):
    """A network namespace with a name: who sees it, by their net namespace, and where it is."""

    name: str | None
    by: int | None
    path: str


_UNNAMED = _Named(None, None, "")


class Collector:
    """Takes snapshots. It keeps one file open, the directory of the procfs, and what it read last time."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._dir = procfs.Directory(reader.proc)
        self._processes = processes.Processes(self._dir)
        self._netlink = Netlink()
        self._datasets = storage.Datasets(storage.runner(reader.run_prefix), reader.pool or "")
        self._tables: dict[str, tuple[bytes, MountTable]] = {}
        self._groups: Mapping[str, list[int]] = {}
        self._zfs: tuple[bytes, Mapping[str, Dataset]] | None = None
        self._hierarchies_of: tuple[object, tuple[cgroupfs.Hierarchy, ...]] = (None, ())
        self._absent = folders.absent(Path(self._path(reader.host, "root")))
        self._nsfs = os.stat("/proc/self/ns/net").st_dev  # noqa: PTH116

    def close(self) -> None:
        self._dir.close()

    def collect(self, subjects: Iterable[int] = ()) -> Snapshot:
        """Everything, now. `ids` is read for the host, the subjects, what these only wrap, and whatever is
        not in the host's namespaces. LabError when the host is gone."""
        host = self.reader.host
        hierarchies = self.hierarchies()
        self._processes.seen_from({name: h.base for h in hierarchies for name in h.controllers})
        found = self._processes.read(host)
        if host not in found:
            raise LabError("The lab is gone: its first process has ended.", "A reset makes a new one.")
        known = {host, *subjects} & found.keys()
        self._look_again(found, known)
        mounts = self._mounts(found)
        self._processes.identify(known | subject.candidates(found, host, known), found)
        datasets = self._read_datasets(found) if self.reader.pool else {}
        root = Path(self._path(host, "root"))
        subvolumes = self._subvolumes(mounts.get(mount_key(found[host])))
        networks, hostnames, queues = probe.apart(
            lambda: (self._networks(found), self._hostnames(found), self._ipc(found))
        )
        snapshot = Snapshot(
            host=host,
            processes=found,
            mounts=mounts,
            networks=networks,
            cgroups=_cgroups(found, hierarchies),
            datasets=datasets,
            hostnames=hostnames,
            ipc=queues,
            loops=storage.loops({mount.dev for table in mounts.values() for mount in table.mounts}),
            release=os.uname().release,
            layers=self._layers(mounts, subvolumes, datasets),
            subvolumes=subvolumes,
            notes=folders.texts(root, f"{self.reader.home}/notes"),
            folders=folders.read(root, self.reader.roots, (*_mounted(datasets), *subvolumes)),
            absent=self._absent,
        )
        if self.reader.pool:
            self._keep_datasets(found, datasets)
        return snapshot

    def _path(self, pid: int, name: str) -> str:
        return f"{self.reader.proc}/{pid}/{name}"

    def hierarchies(self) -> tuple[cgroupfs.Hierarchy, ...]:
        """As the host's mounts show them. Their root field is the group that the lab's cgroup namespace
        starts at, as the reader sees it: taken off, paths are the ones that a learner sees."""
        host = self.reader.host
        mounts = self._dir.read(f"{host}/mountinfo") or b""
        groups = self._dir.read(f"{host}/cgroup") or b""
        if self._hierarchies_of[0] != (mounts, groups):
            found = cgroupfs.hierarchies(
                self.reader.cgroup_root, _parse_mounts(mounts), procfs.parse_cgroup(groups)
            )
            self._hierarchies_of = (mounts, groups), found
        return self._hierarchies_of[1]

    def _look_again(self, found: dict[int, Process], pids: Iterable[int]) -> bool:
        """Reads roots and folders again, in place; whether any changed."""
        changed = False
        for pid in pids:
            moved = self._processes.moved(pid)
            if moved is not None and moved is not found[pid]:
                found[pid] = moved
                changed = True
        return changed

    def _mounts(self, found: dict[int, Process]) -> dict[str, MountTable]:
        """One table for all the processes that see the same; `proc_pid_ns` goes by it too."""
        groups = self._mount_groups(found)
        texts = self._mount_texts(groups)
        stale = [
            pid
            for key, (_, text) in texts.items()
            if key in self._tables and self._tables[key][0] != text
            for pid in groups[key]
        ]
        if self._look_again(found, stale):
            groups = self._mount_groups(found)
            texts = self._mount_texts(groups)
        tables = {}
        for key, (pid, text) in texts.items():
            old = self._tables.get(key)
            if old is not None and old[0] == text:
                table = old[1] if old[1].pid == pid else MountTable(pid, old[1].mounts)
            else:
                table = MountTable(pid, _parse_mounts(text))
            tables[key] = (text, table)
            owner = self._proc_owner(table)
            for member in groups[key]:
                if found[member].proc_pid_ns != owner:
                    updated = self._processes.update(member, proc_pid_ns=owner)
                    if updated is not None:
                        found[member] = updated
        self._tables, self._groups = tables, groups
        return {key: table for key, (_, table) in tables.items()}

    def _mount_groups(self, found: Mapping[int, Process]) -> dict[str, list[int]]:
        """Processes by what they see, the host first, then by pid."""
        groups: dict[str, list[int]] = {}
        keys: dict[tuple[int | None, Root], str] = {}
        for pid in (self.reader.host, *sorted(found.keys() - {self.reader.host})):
            process = found[pid]
            if process.root is None:
                continue
            short = (process.ns.get("mnt"), process.root)
            key = keys.get(short)
            if key is None:
                key = keys[short] = mount_key(process)
            groups.setdefault(key, []).append(pid)
        return groups

    def _mount_texts(self, groups: Mapping[str, list[int]]) -> dict[str, tuple[int, bytes]]:
        """The mountinfo of each group, by the first process of it that is still there."""
        found = {}
        for key, pids in groups.items():
            for pid in pids:
                text = self._dir.read(f"{pid}/mountinfo")
                if text is not None:
                    found[key] = (pid, text)
                    break
        return found

    def _proc_owner(self, table: MountTable) -> int | None:
        """The pid namespace that `/proc` shows to those who see `table`."""
        at = [mount for mount in table.mounts if mount.target == "/proc"]
        if not at or at[-1].fstype != "proc":
            return None
        link = self._dir.link(f"{table.pid}/root/proc/1/ns/pid")
        return int(link[5:-1]) if link else None

    def _networks(self, found: Mapping[int, Process]) -> dict[int, Network]:
        members = _members(found, "net", self.reader.host)
        names = self._named_networks(found)
        paths = {inode: self._path(pids[0], "ns/net") for inode, pids in members.items()}
        paths |= {inode: named.path for inode, named in names.items() if inode not in members}
        contents = self._netlink.read_all(paths)
        networks = {}
        for inode in paths:
            if inode in contents:
                pid, named = members.get(inode, [None])[0], names.get(inode, _UNNAMED)
                networks[inode] = Network(pid, named.name, **contents[inode]._asdict(), named_in=named.by)
        return networks

    def _named_networks(self, found: Mapping[int, Process]) -> dict[int, _Named]:
        """`/run/netns/NAME` is the namespace when it has the device and inode of one (ip-netns(8)).

        Who has a `/run` of its own has names of its own too: a machine within the machine. The names belong
        to a namespace that is not itself among the named, which is that of whoever gave them.
        """
        folders: dict[tuple[int, int], list[int]] = {}
        for pids in self._groups.values():
            try:
                status = os.stat(self._path(pids[0], f"root/{_NETNS}"))  # noqa: PTH116
            except OSError:
                continue  # nobody has named one yet
            folders.setdefault((status.st_dev, status.st_ino), []).extend(pids)
        named: dict[int, _Named] = {}
        for pids in folders.values():
            folder = self._path(pids[0], f"root/{_NETNS}")
            inside = self._named_in(folder)
            owners = (found[pid].ns.get("net") for pid in pids)
            by = next((inode for inode in owners if inode is not None and inode not in inside), None)
            for inode, name in inside.items():
                named.setdefault(inode, _Named(name, by, f"{folder}/{name}"))
        return named

    def _named_in(self, folder: str) -> dict[int, str]:
        inside: dict[int, str] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda e: e.name):
                    status = entry.stat()
                    if status.st_dev == self._nsfs:
                        inside.setdefault(status.st_ino, entry.name)
        except OSError:
            pass  # gone meanwhile
        return inside

    def _hostnames(self, found: Mapping[int, Process]) -> dict[int, str]:
        members = _members(found, "uts", self.reader.host)
        names = probe.hostnames(self._path(pids[0], "ns/uts") for pids in members.values())
        return {inode: name for inode, name in zip(members, names, strict=True) if name is not None}

    def _ipc(self, found: Mapping[int, Process]) -> dict[int, Ipc]:
        members = _members(found, "ipc", self.reader.host)
        jobs = [
            (self._path(pids[0], "ns/ipc"), probe.CLONE_NEWIPC, partial(ipc.read, pids[0]))
            for pids in members.values()
        ]
        read = zip(members, probe.within(jobs), strict=True)
        return {inode: contents for inode, contents in read if contents is not None}

    def _subvolumes(self, table: MountTable | None) -> Mapping[str, Subvolume]:
        home = self.reader.home
        ours = [mount for mount in (table.mounts if table else ()) if mount.target.startswith(f"{home}/")]
        return btrfs.subvolumes(Path(self._path(self.reader.host, "root")), ours)

    def _layers(
        self,
        mounts: Mapping[str, MountTable],
        subvolumes: Mapping[str, Subvolume],
        datasets: Mapping[str, Dataset],
    ) -> Mapping[str, Mapping[str, File]]:
        home, root = self.reader.home, self._path(self.reader.host, "root")
        every = [mount for table in mounts.values() for mount in table.mounts]
        named = [path for path in layers.named(every) if path.startswith(f"{home}/")]
        found = dict(layers.read(Path(root), f"{home}/layers", named, (*_mounted(datasets), *subvolumes)))
        for path in subvolumes:
            found[path] = btrfs.measured(found[path], f"{root}{path}")
        return found

    def _read_datasets(self, found: Mapping[int, Process]) -> Mapping[str, Dataset]:
        """Asking takes milliseconds. zfs-fuse counts what it reads and writes (`/proc/PID/io`): as long as
        that stands still from the end of the last look on, nothing can have changed."""
        daemon = _zfs_fuse(found)
        if daemon is None and not _kernel_has_zfs():
            return {}
        if self._zfs is not None and daemon is not None and self._zfs[0] == self._dir.read(f"{daemon}/io"):
            return self._zfs[1]
        return self._datasets.read()

    def _keep_datasets(self, found: Mapping[int, Process], datasets: Mapping[str, Dataset]) -> None:
        """At the end of a look: its own reading of the data sets' folders is counted, too. Whoever changes a
        data set takes longer for it than a look from here to there; if they are at it, nothing is kept."""
        daemon = _zfs_fuse(found)
        busy = any(process.comm in ("zfs", "zpool") for process in found.values())
        count = self._dir.read(f"{daemon}/io") if daemon is not None and not busy else None
        self._zfs = (count, datasets) if count is not None else None


def _parse_mounts(text: bytes) -> tuple[Mount, ...]:
    return mountinfo.parse(text.decode(errors="surrogateescape"))


def _members(found: Mapping[int, Process], kind: str, host: int) -> dict[int, list[int]]:
    """Processes by namespace, in order of pid, the host before all others."""
    members: dict[int, list[int]] = {}
    for pid in (host, *sorted(found.keys() - {host})):
        inode = found[pid].ns.get(kind)
        if inode is not None:
            members.setdefault(inode, []).append(pid)
    return members


def _cgroups(found: Mapping[int, Process], hierarchies: Iterable[cgroupfs.Hierarchy]) -> tuple[Cgroup, ...]:
    groups = [(h, path, folder) for h in hierarchies for path, folder in cgroupfs.groups(h)]
    if not groups:
        return ()
    # Processes of the same groups share one mapping: it is looked at once, not once for each of them.
    alike: dict[int, list[int]] = {}
    for pid, process in found.items():
        alike.setdefault(id(process.cgroups), []).append(pid)
    members: dict[tuple[str, str], list[int]] = {}
    for pids in alike.values():
        for membership in found[pids[0]].cgroups.items():
            members.setdefault(membership, []).extend(pids)
    return tuple(
        Cgroup(name, path, tuple(sorted(members.get((name, path), ()))), cgroupfs.values(folder, name))
        for hierarchy, path, folder in groups
        for name in hierarchy.controllers
    )


def _mounted(datasets: Mapping[str, Dataset]) -> Iterable[str]:
    """Where the file systems of the pools are mounted: `/tank/images/debian`."""
    return (d.mountpoint for d in datasets.values() if d.mountpoint and d.mountpoint.startswith("/"))


def _zfs_fuse(found: Mapping[int, Process]) -> int | None:
    """The daemon's pid. Of one that is dying the counters stand still, whatever becomes of its file
    systems."""
    daemons = (p.pid for p in found.values() if p.comm == "zfs-fuse" and p.state not in "ZX")
    return min(daemons, default=None)


def _kernel_has_zfs() -> bool:
    return "\tzfs\n" in Path("/proc/filesystems").read_text()
