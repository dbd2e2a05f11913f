"""The same questions, asked of a process in a container and of the host: pure functions of one snapshot.

Everything is told as who is there would see it: inside, `ps` shows what the pid namespace of its `/proc` has
(proc(5)), `id` what the uid_map makes of a uid (user_namespaces(7)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from workshop.frozen import frozen
from workshop.kernel.capabilities import NAMES
from workshop.kernel.diff.network import SCOPE_LINK
from workshop.kernel.model import Cgroup, Ids, Mount, NsKind, Process, Snapshot

MOST = 10
"""More rows than this of one question are counted."""
NO_PROC = "cannot tell: no /proc"
NOT_THERE = "not there"
OVERFLOW = 65534
"""What an id without a mapping is shown as: `/proc/sys/kernel/overflowuid`."""
LIMITS: Mapping[str, tuple[str, ...]] = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "processors": ("cpu.max", "cpu.cfs_quota_us"),
    "processes": ("pids.max",),
}
"""What is limited, and the files that say it: of cgroup v2, and of v1."""
_UNLIMITED = 1 << 62
"""v1 writes "no limit" as a number of about this size."""


@frozen
class Row:
    """One thing, as it is inside and on the host."""

    what: str
    inside: str
    outside: str

    @property
    def same(self) -> bool:
        return self.inside == self.outside


@frozen
class Question:
    """What is asked, the command that asks it, where the kernel keeps the answer, and the answers.

    `shared` says that both look at one and the same thing: a namespace in common. `left` counts rows that
    are not given.
    """

    title: str
    command: str
    source: str
    rows: tuple[Row, ...]
    shared: bool
    left: int = 0


def sides(now: Snapshot, pid: int) -> tuple[Question, ...]:
    """The questions, asked by process `pid` and by the host's first one."""
    inside, outside = now.processes[pid], now.processes[now.host]
    return (
        _processes(now, inside, outside),
        _mounts(now, inside, outside),
        _hostname(now, inside, outside),
        _links(now, inside, outside),
        _ids(now, inside, outside),
        _limits(now, inside, outside),
    )


def _shares(inside: Process, outside: Process, kind: NsKind) -> bool:
    return inside.ns.get(kind) == outside.ns.get(kind)


def _question(
    title: str, command: str, source: str, rows: Sequence[Row], shared: bool, first: Sequence[Row] = ()
) -> Question:
    """Behind the rows that come first, the differences: they are what one looks for."""
    rows = [*first, *(row for row in rows if not row.same), *(row for row in rows if row.same)]
    return Question(title, command, source, tuple(rows[:MOST]), shared, max(0, len(rows) - MOST))


# -- processes ----------------------------------------------------------------------------------------------


def _processes(now: Snapshot, inside: Process, outside: Process) -> Question:
    mine, theirs = _visible(now, inside), _visible(now, outside)
    counts = [NO_PROC if seen is None else f"{len(seen)}" for seen in (mine, theirs)]
    pids = sorted({*(mine or {}), *(theirs or {})}, key=lambda pid: (pid not in (mine or {}), pid))
    rows = [Row(now.processes[pid].comm, _number(mine, pid), _number(theirs, pid)) for pid in pids]
    seen_alike = inside.proc_pid_ns == outside.proc_pid_ns
    shared = seen_alike if mine is not None else _shares(inside, outside, "pid")
    return _question("Processes", "ps -e", "/proc", rows, shared, [Row("how many", *counts)])


def _number(seen: Mapping[int, int] | None, pid: int) -> str:
    if seen is None:
        return NO_PROC
    return str(seen[pid]) if pid in seen else NOT_THERE


def _visible(now: Snapshot, who: Process) -> Mapping[int, int] | None:
    """What `/proc` shows it: pids to the numbers they have there; None without a procfs."""
    space = who.proc_pid_ns
    if space is None:
        return None
    members = [process for process in now.processes.values() if process.ns.get("pid") == space]
    depth = min((len(process.nspids) for process in members), default=1)
    below = _below(now, space)
    return {
        process.pid: process.nspids[depth - 1]
        for process in now.processes.values()
        if process.ns.get("pid") in below and len(process.nspids) >= depth
    }


def _below(now: Snapshot, space: int) -> set[int]:
    """A pid namespace and those made in it: the first process of one is a child of somebody in the other."""
    parents = {}
    for process in now.processes.values():
        parent = now.processes.get(process.ppid)
        if process.nspids and process.nspids[-1] == 1 and parent is not None and process.ns:
            parents[process.ns.get("pid", 0)] = parent.ns.get("pid", 0)
    found = {space}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


# -- mounts -------------------------------------------------------------------------------------------------


def _mounts(now: Snapshot, inside: Process, outside: Process) -> Question:
    mine = {mount.target: mount for mount in now.mounts_of(inside.pid)}
    theirs = {mount.target: mount for mount in now.mounts_of(outside.pid)}
    rows = []
    for target in sorted({*mine, *theirs}, key=lambda each: (each not in mine, each)):
        here, there = mine.get(target), theirs.get(target)
        if target == "/" or here is None or there is None or _is(here) != _is(there):
            rows.append(Row(target, _mount(here, there), _mount(there, here)))
    if "/" in mine and "/" in theirs:
        rows.append(Row("/ passes mounts on", mine["/"].propagation, theirs["/"].propagation))
    counts = [str(len(now.mounts_of(each.pid))) for each in (inside, outside)]
    source = f"/proc/{inside.pid}/mountinfo"
    first = [Row("how many", *counts)]
    return _question("Mounts", "findmnt", source, rows, _shares(inside, outside, "mnt"), first)


def _is(mount: Mount) -> tuple[object, ...]:
    return mount.dev, mount.root


def _mount(mount: Mount | None, other: Mount | None) -> str:
    if mount is None:
        return NOT_THERE
    text = f"{mount.fstype} {mount.source}" if mount.source != mount.fstype else mount.fstype
    text += f" from {mount.root}" if mount.root != "/" else ""
    alike = other is not None and (mount.fstype, mount.source, mount.root) == (
        other.fstype,
        other.source,
        other.root,
    )
    if alike and other is not None and mount.dev != other.dev:
        text += f", device {mount.dev[0]}:{mount.dev[1]}"
    return text


# -- names, links, ids, limits ------------------------------------------------------------------------------


def _hostname(now: Snapshot, inside: Process, outside: Process) -> Question:
    names = [now.hostnames.get(each.ns.get("uts", 0), "unknown") for each in (inside, outside)]
    shared = _shares(inside, outside, "uts")
    return _question("Host name", "hostname", f"/proc/{inside.pid}/ns/uts", [Row("name", *names)], shared)


def _links(now: Snapshot, inside: Process, outside: Process) -> Question:
    mine, theirs = (_links_of(now, each.ns.get("net", 0)) for each in (inside, outside))
    rows = [
        Row(name, mine.get(name, NOT_THERE), theirs.get(name, NOT_THERE))
        for name in dict.fromkeys((*mine, *theirs))
    ]
    source = f"netlink, in /proc/{inside.pid}/ns/net"
    return _question("Links", "ip address", source, rows, _shares(inside, outside, "net"))


def _links_of(now: Snapshot, inode: int) -> Mapping[str, str]:
    network = now.networks.get(inode)
    if network is None:
        return {}
    found = {}
    for link in network.links:
        held = [a.address for a in network.addresses if a.index == link.index and a.scope != SCOPE_LINK]
        found[link.name] = " ".join(["up" if link.up else "down", *held])
    return found


def _ids(now: Snapshot, inside: Process, outside: Process) -> Question:
    mine, theirs = inside.ids, outside.ids
    rows = []
    if mine is not None and theirs is not None:
        rows = [
            Row("uid, gid", _who(mine), _who(theirs)),
            Row("seen from the host", f"{mine.uid[1]}, {mine.gid[1]}", f"{theirs.uid[1]}, {theirs.gid[1]}"),
            Row("capabilities", _capabilities(mine), _capabilities(theirs)),
            Row("new privileges", *(("no" if each.no_new_privs else "yes") for each in (mine, theirs))),
            Row("system call filters", *(_filters(each) for each in (mine, theirs))),
        ]
    return _question("Ids", "id", f"/proc/{inside.pid}/status", rows, _shares(inside, outside, "user"))


def _who(ids: Ids) -> str:
    return f"{_mapped(ids.uid[1], ids.uid_map)}, {_mapped(ids.gid[1], ids.gid_map)}"


def _mapped(number: int, rows: tuple[tuple[int, int, int], ...]) -> int:
    """An id as its own user namespace has it; the map gives first id inside, first outside, how many."""
    for first, outside, count in rows:
        if outside <= number < outside + count:
            return first + number - outside
    return OVERFLOW


def _capabilities(ids: Ids) -> str:
    count = ids.cap_eff.bit_count()
    return "none" if not count else "all" if count >= len(NAMES) else f"{count} of {len(NAMES)}"


def _filters(ids: Ids) -> str:
    return {0: "none", 1: "strict"}.get(ids.seccomp, str(ids.seccomp_filters or "some"))


def _limits(now: Snapshot, inside: Process, outside: Process) -> Question:
    rows = [
        Row(what, _lowest(now, inside, files), _lowest(now, outside, files)) for what, files in LIMITS.items()
    ]
    groups = [", ".join(sorted(set(each.cgroups.values()))) or "/" for each in (inside, outside)]
    rows.append(Row("group", *groups))
    source = f"/proc/{inside.pid}/cgroup"
    return _question("Limits", "cat /sys/fs/cgroup/*", source, rows, _shares(inside, outside, "cgroup"))


def _lowest(now: Snapshot, who: Process, files: tuple[str, ...]) -> str:
    """The tightest limit on its way up: a group cannot have more than those it is in."""
    groups = [
        group
        for group in now.cgroups
        if group.controller in who.cgroups and _within(who.cgroups[group.controller], group.path)
    ]
    return lowest(groups, files) or "no limit"


def lowest(groups: Iterable[Cgroup], files: Sequence[str]) -> str | None:
    """The tightest limit of these groups, if there is one."""
    found = [
        limit for group in groups for name in files if name in group.values for limit in _limit(name, group)
    ]
    return min(found)[1] if found else None


def _within(path: str, group: str) -> bool:
    return path == group or path.startswith(f"{group}/")


def _limit(name: str, group: Cgroup) -> Iterator[tuple[float, str]]:
    value = group.values[name].split()
    if not value or value[0] in ("max", "-1"):
        return
    amount = float(value[0])
    if name.startswith("cpu."):
        period = float(value[1] if len(value) > 1 else group.values.get("cpu.cfs_period_us", "100000"))
        yield amount / period, f"{100 * amount / period:g}% of one"
    elif name.startswith("memory."):
        if amount < _UNLIMITED:
            yield amount, f"{amount / 2**20:.4g}M"
    else:
        yield amount, value[0]
