"""What the workshop knows of the kernel at one moment: frozen, comparable, serialisable.

Nothing here reads anything. Pids are those of the reader's `/proc`: in the lab, the lab's own
numbers, the ones a learner sees with `ps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Literal

from workshop.frozen import frozen

NsKind = Literal["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"]
NS_KINDS: tuple[NsKind, ...] = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
"""The kinds of namespace a process is in, in the order of `/proc/PID/ns`."""

EMPTY: Mapping[str, str] = MappingProxyType({})


@frozen
class Root:
    """The root directory of a process: `readlink` and `stat` of `/proc/PID/root`."""

    path: str
    dev: int
    ino: int


@frozen
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


@frozen
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
    stdout: str | None = None
    """Where it writes to, as the link `/proc/PID/fd/1` names it: `/lab/log`, `pipe:[812]`, `/dev/pts/1`."""
    label: str | None = None
    """What a security module calls it (`/proc/PID/attr/current`); None where none is active, or not read."""

    @property
    def key(self) -> tuple[int, int]:
        return self.pid, self.start


@frozen
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


@frozen
class MountTable:
    """The mounts that one process sees: those of its mount namespace below its root."""

    pid: int
    """The process through which it was read."""
    mounts: tuple[Mount, ...]


@frozen
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
    peer_inode: int | None = None
    """The namespace that the peer is in, where that is another one which was read too."""


@frozen
class Address:
    index: int
    address: str
    """With prefix: `10.10.0.1/24`."""
    scope: int


@frozen
class Route:
    destination: str
    """`default` or `10.10.0.0/24`."""
    gateway: str | None
    index: int | None
    table: int
    kind: int


@frozen
class Traffic:
    """What a network namespace has counted since it was made: `/proc/PID/net/snmp`, IPv4.

    Counters prove traffic without a trace of it: whoever got an echo reply has one more `InEchoReps`.
    """

    forwarded: int = 0
    """Packets passed on from one link to another (`Ip: ForwDatagrams`)."""
    unreachable: int = 0
    """`Icmp: InDestUnreachs`: somebody on the way said that there is no way."""
    asked: int = 0
    """Echo requests sent, as ping does (`Icmp: OutEchos`)."""
    was_asked: int = 0
    """`Icmp: InEchos`; the kernel answers them by itself."""
    replies: int = 0
    """Echo replies that came in (`Icmp: InEchoReps`)."""
    opened: int = 0
    """TCP connections begun from here (`Tcp: ActiveOpens`)."""
    accepted: int = 0
    """TCP connections begun elsewhere, and taken here (`Tcp: PassiveOpens`)."""
    refused: int = 0
    """TCP connections that did not come about (`Tcp: AttemptFails`)."""
    datagrams: int = 0
    """UDP datagrams that a program got (`Udp: InDatagrams`)."""


@frozen
class Nat:
    """A rule of nftables (or of iptables on top of it) that rewrites addresses."""

    hook: str
    """`prerouting`, `postrouting`, `output`, `input`; empty: no base chain leads to it."""
    kind: Literal["masquerade", "snat", "dnat", "redirect"]
    source: str | None = None
    """Only packets from here (`10.0.0.0/24`); None: from anywhere, or not in a form that is understood."""
    port: int | None = None
    """Only packets to this port."""
    to: str | None = None
    """The new address, with the port if that is new too: `10.0.0.2:80`."""
    table: str = ""
    chain: str = ""
    link: str | None = None
    """Only packets that leave or come by this link: `out of wan`, `not out of br0`, `in by eth0`."""


@frozen
class Network:
    """What a network namespace holds. `pid` is the process through which it was read; None: by name only.

    `nat` is read where there is a link besides `lo`, `listening` also where there are sockets.
    """

    pid: int | None
    name: str | None
    """The name under `/run/netns`, if it has one."""
    links: tuple[Link, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    named_in: int | None = None
    """Whose `/run/netns` that is: the net namespace (inode) of those who see it there."""
    forward: bool = False
    """Packets are passed on from link to link: `/proc/sys/net/ipv4/ip_forward`."""
    traffic: Traffic = field(default_factory=Traffic)
    listening: tuple[str, ...] = ()
    """Where TCP connections are waited for: `0.0.0.0:80`, `[::]:80`; sock_diag(7)."""
    nat: tuple[Nat, ...] = ()


@frozen
class Cgroup:
    """A cgroup below the reader's own: its limits and counters by file name (`memory.max` …)."""

    controller: str
    """`""` for cgroup v2, else the v1 controller."""
    path: str
    pids: tuple[int, ...]
    values: Mapping[str, str] = field(default_factory=dict)


@frozen
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


@frozen
class Ipc:
    """What an ipc namespace holds, ipc_namespaces(7): the keys of System V's objects by their ids
    (`/proc/sysvipc/*`; key 0 is IPC_PRIVATE), and the names of POSIX message queues."""

    pid: int
    """The process through which it was read."""
    shm: Mapping[int, int] = field(default_factory=dict)
    msg: Mapping[int, int] = field(default_factory=dict)
    sem: Mapping[int, int] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    mqueue: tuple[int, int] | None = None
    """Device of the namespace's own mqueue file system, as mountinfo shows it; None where nobody tells."""


FileKind = Literal["file", "folder", "opaque", "link", "whiteout", "other"]


@frozen
class File:
    """One file of a layer: lstat(2). A `whiteout` is a character device 0:0, an `opaque` folder has the
    attribute `trusted.overlay.opaque` (overlayfs.rst of the kernel)."""

    kind: FileKind
    size: int = 0
    allocated: int = 0
    """Bytes on the disk (`st_blocks`); of a file with several names, the share of one of them."""
    exclusive: int | None = None
    """Of these, the bytes that no other file shares: FIEMAP, for large files on btrfs only."""
    mode: int = 0
    changed: int = 0
    """`st_ctime_ns`: when anything of it was last changed."""
    written: int = 0
    """`st_mtime_ns`: when its contents were."""


@frozen
class Subvolume:
    """A subvolume of btrfs, as BTRFS_IOC_GET_SUBVOL_INFO tells. Only a snapshot has a `parent`."""

    path: str
    id: int
    uuid: str
    parent: str | None
    read_only: bool
    dev: int
    """`st_dev` of what is in it: each subvolume has a device number of its own."""


@frozen
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

    ipc: Mapping[int, Ipc] = field(default_factory=dict)
    """By the inode of the ipc namespace."""
    layers: Mapping[str, Mapping[str, File]] = field(default_factory=dict)
    """Folders that are, or are to be, layers of an overlay (those in `/lab/layers`, and what the mounts
    name): path to the files in it, `etc/hostname`. Of subvolumes and datasets only the top."""
    subvolumes: Mapping[str, Subvolume] = field(default_factory=dict)
    """By path, as the host process sees it."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the learner wrote down: the small files in `/lab/notes`, by name."""

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
