"""`/proc/PID/…` (proc(5)): text to values (`parse_*`), and reading it (`read_*`).

`proc` is always an argument: the lab's own procfs is read from outside, by its path. Every reader gives None
for a process that is gone (or may not be looked at); every parser raises nothing but ValueError.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from workshop.kernel.model import NS_KINDS, Ids, Root, Traffic

Proc = Path | str

PF_EXITING = 0x4
"""In the flags of a process whose exit(2) has begun: include/linux/sched.h."""
NS_LINKS = (*NS_KINDS, "pid_for_children")
_CAP_SETS = ("Inh", "Prm", "Eff", "Bnd", "Amb")


class Stat(NamedTuple):
    """What the workshop uses of `/proc/PID/stat` (proc_pid_stat(5)). `sig_caught`: signals 1 to 31 only.
    `state` is X, dead, from the moment on in which it is on its way out (PF_EXITING in `flags`)."""

    pid: int
    comm: str
    state: str
    ppid: int
    pgrp: int
    session: int
    tty: int
    threads: int
    start: int
    sig_caught: int


class Directory:
    """A procfs, opened once: reading by `dir_fd` spares the kernel the walk to it for every file."""

    def __init__(self, proc: Proc) -> None:
        self.fd = os.open(proc, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def pids(self) -> list[int]:
        return [int(name) for name in os.listdir(self.fd) if name[0] in "123456789"]  # noqa: PTH208

    def read(self, name: str) -> bytes | None:
        """The whole file; None when it, or its process, is gone."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError:
            return None
        try:
            data = os.read(fd, 4096)
            if len(data) < 2048:  # these files come in one piece, unless they are larger than a page
                return data
            parts = [data]
            while part := os.read(fd, 65536):
                parts.append(part)
            return b"".join(parts)
        except OSError:
            return None
        finally:
            os.close(fd)

    def link(self, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self.fd)
        except OSError:
            return None

    def root(self, pid: int, path: str | None = None) -> Root | None:
        """`path`: the link's text, if it was read already."""
        path = path or self.link(f"{pid}/root")
        if path is None:
            return None
        try:
            found = os.stat(f"{pid}/root", dir_fd=self.fd)
        except OSError:
            return None
        return Root(path, found.st_dev, found.st_ino)

    def namespaces(self, pid: int) -> dict[str, int]:
        """`/proc/PID/ns/*` (namespaces(7)), kind to inode. A kind that is not there is left out: so is
        `pid_for_children` from `unshare --pid` until the first child was made."""
        found: dict[str, int] = {}
        readlink = os.readlink
        try:
            fd = os.open(f"{pid}/ns", os.O_PATH | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError:
            return found
        for kind in NS_LINKS:
            try:
                text = readlink(kind, dir_fd=fd)
            except OSError:
                continue
            found[kind] = int(text[text.index("[") + 1 : -1])
        os.close(fd)
        return found


def parse_stat(text: bytes) -> Stat:
    """`/proc/PID/stat`. The comm may hold anything, also spaces, brackets and newlines."""
    try:
        left, right = text.index(b"("), text.rindex(b")")
        rest = text[right + 1 :].split()
        state = rest[0].decode("ascii")
        if int(rest[6]) & PF_EXITING and state != "Z":
            state = "X"
        return Stat(
            pid=int(text[:left]),
            comm=text[left + 1 : right].decode(errors="replace"),
            state=state,
            ppid=int(rest[1]),
            pgrp=int(rest[2]),
            session=int(rest[3]),
            tty=int(rest[4]),
            threads=int(rest[17]),
            start=int(rest[19]),
            sig_caught=int(rest[31]),
        )
    except (IndexError, ValueError) as e:
        raise ValueError(f"not a line of /proc/PID/stat: {text[:80]!r}") from e


def parse_status(text: bytes) -> dict[str, str]:
    """`/proc/PID/status` (proc_pid_status(5)), name to value."""
    pairs = (line.partition(":") for line in text.decode(errors="replace").split("\n") if line)
    return {name: value.strip() for name, _, value in pairs}


def parse_nspids(status: Mapping[str, str]) -> tuple[int, ...]:
    """The `NSpid` line: the pid in each nested pid namespace, the reader's first."""
    try:
        return tuple(int(pid) for pid in status["NSpid"].split())
    except KeyError as e:
        raise ValueError("no NSpid line in /proc/PID/status") from e


def parse_id_map(text: bytes) -> tuple[tuple[int, int, int], ...]:
    """`/proc/PID/uid_map`, `gid_map` (user_namespaces(7)): first id inside, first outside, how many."""
    rows = []
    for line in text.splitlines():
        try:
            inside, outside, count = map(int, line.split())
        except ValueError as e:
            raise ValueError(f"not a line of an id map: {line[:80]!r}") from e
        rows.append((inside, outside, count))
    return tuple(rows)


def parse_ids(status: Mapping[str, str], uid_map: bytes = b"", gid_map: bytes = b"") -> Ids:
    """Who the process is, from its parsed status and its id maps (credentials(7), capabilities(7))."""
    try:
        uid, gid = (_four(status[name]) for name in ("Uid", "Gid"))
        inh, prm, eff, bnd, amb = (int(status.get(f"Cap{name}", "0"), 16) for name in _CAP_SETS)
        return Ids(
            uid=uid,
            gid=gid,
            cap_inh=inh,
            cap_prm=prm,
            cap_eff=eff,
            cap_bnd=bnd,
            cap_amb=amb,
            no_new_privs=status.get("NoNewPrivs", "0") == "1",
            seccomp=int(status.get("Seccomp", "0")),
            seccomp_filters=int(status.get("Seccomp_filters", "0")),
            uid_map=parse_id_map(uid_map),
            gid_map=parse_id_map(gid_map),
        )
    except KeyError as e:
        raise ValueError(f"no {e.args[0]} line in /proc/PID/status") from e


def _four(text: str) -> tuple[int, int, int, int]:
    real, effective, saved, filesystem = map(int, text.split())
    return real, effective, saved, filesystem


def parse_cmdline(text: bytes) -> tuple[str, ...]:
    """`/proc/PID/cmdline`: arguments that end in a NUL; empty for kernel threads and zombies."""
    if not text:
        return ()
    return tuple(arg.decode(errors="replace") for arg in text.removesuffix(b"\0").split(b"\0"))


def parse_cgroup(text: bytes) -> dict[str, str]:
    """`/proc/PID/cgroup` (cgroups(7)): controller to path; `""` for v2, `name=X` for a v1 without any."""
    found = {}
    for line in text.decode(errors="replace").splitlines():
        parts = line.split(":", 2)
        if len(parts) != 3 or not parts[0].isdigit():
            raise ValueError(f"not a line of /proc/PID/cgroup: {line[:80]!r}")
        for controller in parts[1].split(","):
            found[controller] = parts[2]
    return found


def read_stat(proc: Proc, pid: int) -> Stat | None:
    text = _read(proc, pid, "stat")
    return parse_stat(text) if text else None


def read_status(proc: Proc, pid: int) -> dict[str, str] | None:
    text = _read(proc, pid, "status")
    return parse_status(text) if text else None


def read_nspids(proc: Proc, pid: int) -> tuple[int, ...] | None:
    status = read_status(proc, pid)
    return parse_nspids(status) if status else None


def to_inner(outer: int, depth: int, proc: Proc = "/proc") -> int | None:
    """The number of process `outer`, `depth` pid namespaces further in; None: gone, or not that deep."""
    pids = read_nspids(proc, outer)
    return pids[depth] if pids and depth < len(pids) else None


def _read(proc: Proc, pid: int, name: str) -> bytes | None:
    try:
        return Path(proc, str(pid), name).read_bytes()
    except OSError:
        return None


_TRAFFIC: Mapping[bytes, Mapping[bytes, str]] = {
    b"Ip": {b"ForwDatagrams": "forwarded"},
    b"Icmp": {
        b"InDestUnreachs": "unreachable",
        b"OutEchos": "asked",
        b"InEchos": "was_asked",
        b"InEchoReps": "replies",
    },
    b"Tcp": {b"ActiveOpens": "opened", b"PassiveOpens": "accepted", b"AttemptFails": "refused"},
    b"Udp": {b"InDatagrams": "datagrams"},
}


def parse_snmp(text: bytes) -> Traffic:
    """`/proc/PID/net/snmp`: for each protocol a line of names and a line of numbers (RFC 1213)."""
    found: dict[str, int] = {}
    lines = text.splitlines()
    for names, numbers in zip(lines[::2], lines[1::2], strict=False):
        protocol, *columns = names.split()
        wanted = _TRAFFIC.get(protocol.rstrip(b":"))
        if wanted is not None:
            values = zip(columns, numbers.split()[1:], strict=False)
            found |= {wanted[column]: int(value) for column, value in values if column in wanted}
    return Traffic(**found)
