"""What the workshop knows of the kernel at one moment: frozen, comparable, serialisable.

Nothing here reads anything. Pids are those of the reader's `/proc`: in the lab, the lab's own
numbers, the ones a learner sees with `ps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

NsKind = Literal["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"]
NS_KINDS: tuple[NsKind, ...] = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
"""The kinds of namespace a process is in, in the order of `/proc/PID/ns`."""

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Root:
    """The root directory of a process: `readlink` and `stat` of `/proc/PID/root`."""

    path: str
    dev: int
    ino: int


@dataclass(frozen=True, slots=True)
class Ids:
    """Who a process is: `/proc/PID/status`, `uid_map`, `gid_map`. Capabilities are bit sets."""

    uid: tuple[int, int, int, int]
    gid: tuple[int, int, int, int]
    cap_inh: int
    cap_prm: int
    cap_eff: int
    cap_bnd: int
    cap_amb: int
    no_new_privs: bool
    seccomp: int
    seccomp_filters: int
    uid_map: tuple[tuple[int, int, int], ...] = ()
    gid_map: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `pid` with `start` (clock ticks since boot) is its identity: pids are used again.

    `nspids` is the `NSpid` line, the reader's number first, the innermost last. `ns` maps a kind to the
    inode of `/proc/PID/ns/KIND` (`pid_for_children` too); it is empty where reading was not permitted.
    `proc_pid_ns` is the pid namespace to which the `/proc` of its root belongs (`PID/root/proc/1/ns/pid`),
    None where there is no procfs. `ids` is read for the few processes that matter.
    """

    pid: int
    ppid: int
    pgrp: int
    session: int
    tty: int
    state: str
    start: int
    comm: str
    args: tuple[str, ...] = ()
    nspids: tuple[int, ...] = ()
    ns: Mapping[str, int] = field(default_factory=dict)
    root: Root | None = None
    cwd: str | None = None
    cgroups: Mapping[str, str] = field(default_factory=dict)
    """Controller (`""` for cgroup v2) to path, from `/proc/PID/cgroup`."""
    proc_pid_ns: int | None = None
    threads: int = 1
    sig_caught: int = 0
    """Bit set of signals with a handler (`SigCgt`), bit 0 is signal 1."""
    ids: Ids | None = None
    label: str | None = None
    """What a security module calls it (`/proc/PID/attr/current`); None where none is active, or not read."""

    @property
    def key(self) -> tuple[int, int]:
        return self.pid, self.start


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)); octal escapes are undone."""

    id: int
    parent: int
    dev: tuple[int, int]
    root: str
    target: str
    options: tuple[str, ...]
    tags: tuple[str, ...]
    """The optional fields: `shared:N`, `master:N`, `propagate_from:N`, `unbindable`. None means private."""
    fstype: str
    source: str
    super_options: tuple[str, ...]

    @property
    def propagation(self) -> str:
        """`shared`, `slave`, `shared,slave`, `unbindable` or `private`."""
        names = {"shared": "shared", "master": "slave", "unbindable": "unbindable"}
        found = [names[tag.split(":")[0]] for tag in self.tags if tag.split(":")[0] in names]
        return ",".join(found) or "private"


@dataclass(frozen=True, slots=True)
class MountTable:
    """The mounts that one process sees: those of its mount namespace below its root."""

    pid: int
    """The process through which it was read."""
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface (rtnetlink(7)). `peer_netns` is the netns id of a veth's peer, if elsewhere."""

    index: int
    name: str
    kind: str
    """`veth`, `bridge` …; empty for a plain device, `loopback` for lo."""
    up: bool
    carrier: bool
    mtu: int
    address: str
    master: int | None
    peer: int | None
    peer_netns: int | None


@dataclass(frozen=True, slots=True)
class Address:
    index: int
    address: str
    """With prefix: `10.10.0.1/24`."""
    scope: int


@dataclass(frozen=True, slots=True)
class Route:
    destination: str
    """`default` or `10.10.0.0/24`."""
    gateway: str | None
    index: int | None
    table: int
    kind: int


@dataclass(frozen=True, slots=True)
class Network:
    """What a network namespace holds. `pid` is the process through which it was read; None: by name only."""

    pid: int | None
    name: str | None
    """The name under `/run/netns`, if it has one."""
    links: tuple[Link, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup below the reader's own: its limits and counters by file name (`memory.max` …)."""

    controller: str
    """`""` for cgroup v2, else the v1 controller."""
    path: str
    pids: tuple[int, ...]
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file system, snapshot or volume of a pool, as `zfs list -Hp -t all` gives it. Sizes in bytes."""

    name: str
    type: str
    """`filesystem`, `snapshot`, `volume`."""
    origin: str | None
    used: int
    referenced: int
    written: int | None
    mountpoint: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the workshop asks the kernel, at one moment.

    `host` is the pid of the reference process: the lab's first one, or 1. Its namespaces and root are "the
    host's"; a process is in a container as far as it differs. `mounts` is keyed by `mount_key`; `networks` by
    the inode of the net namespace; `hostnames` by that of the uts namespace; `boot` is the kernel release.
    """

    host: int
    processes: Mapping[int, Process]
    mounts: Mapping[str, MountTable]
    networks: Mapping[int, Network] = field(default_factory=dict)
    cgroups: tuple[Cgroup, ...] = ()
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    hostnames: Mapping[int, str] = field(default_factory=dict)
    loops: Mapping[str, str] = field(default_factory=dict)
    """Loop device to backing file (`/sys/block/loopN/loop/backing_file`)."""
    release: str = ""
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Would-be roots (the folders in `/lab/containers`, the mount points of datasets) as the host process
    sees them, by path: what is in each, sorted, and what is in its `bin` as `bin/NAME`."""
    absent: tuple[str, ...] = ()
    """Of the files of `/proc` and `/sys` that engines cover or make read-only (`folders.KERNEL_FILES`),
    those that this kernel does not have."""
    devices: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The nodes in the `/dev` of a process, as `c 1:3 null`; read for single containers only."""

    def mounts_of(self, pid: int) -> tuple[Mount, ...]:
        """The mounts as process `pid` sees them; empty after `chroot` to a plain folder, or if not read."""
        process = self.processes.get(pid)
        table = self.mounts.get(mount_key(process)) if process else None
        return table.mounts if table else ()


def mount_key(process: Process) -> str:
    """Processes with the same key see the same mountinfo: mount namespace and root."""
    root = process.root
    return (
        f"{process.ns.get('mnt', 0)}:{root.dev}:{root.ino}:{root.path}"
        if root
        else f"{process.ns.get('mnt', 0)}"
    )
