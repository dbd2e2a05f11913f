"""What differs between two snapshots, for people: compact and telling.

What changes by itself is left out: a process that sleeps or runs, use of memory, counters (except those that
say that a limit was hit), and the IPv6 addresses that the kernel gives to links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, cast

from workshop.frozen import frozen
from workshop.kernel import cgroupfs
from workshop.kernel.model import (
    NS_KINDS,
    Dataset,
    File,
    Ipc,
    Link,
    Mount,
    Nat,
    Network,
    Process,
    Root,
    Snapshot,
    mount_key,
)
from workshop.kernel.subject import WRAPPERS

Area = Literal[
    "namespaces", "processes", "hostname", "ipc", "mounts", "layers", "cgroups", "network", "datasets"
]
Verb = Literal["added", "removed", "changed"]

MANY = 4
"""More mounts of one fate than this are told in one change."""
GREW = 64 * 1024
"""Bytes by which a data set must have changed to be worth a word."""
SCOPE_LINK = 253


@frozen
class Change:
    """One difference. `subject` names the thing, `before` and `after` its value then and now (None: it was
    not there, or there is nothing to say), `source` where to look: `/proc/42/ns/pid`."""

    area: Area
    verb: Verb
    subject: str
    before: str | None
    after: str | None
    source: str


def diff(before: Snapshot, now: Snapshot, subject: int | None = None) -> tuple[Change, ...]:
    """All that changed, area by area, always in the same order. The subject is the process that the learner
    is in now (default: the host's first process)."""
    new = now.processes.get(now.host if subject is None else subject)
    old = _former(before, now, new) if new is not None else None
    return (
        *_namespaces(before, now, old, new),
        *_processes(before, now),
        *_hostnames(before, now, new),
        *_ipc(before, now),
        *_mounts(before, now, old, new),
        *_layers(before, now),
        *_cgroups(before, now, old, new),
        *_networks(before, now),
        *_datasets(before, now),
    )


def _former(before: Snapshot, now: Snapshot, process: Process) -> Process:
    """What a process was before: itself, or the nearest of its parents that was there already."""
    seen: set[int] = set()
    here: Process | None = process
    while here is not None and here.pid not in seen:
        was = before.processes.get(here.pid)
        if was is not None and was.key == here.key:
            return was
        seen.add(here.pid)
        here = now.processes.get(here.ppid)
    return before.processes[before.host]


def _title(process: Process) -> str:
    return f"{process.comm} ({process.pid})"


def _added_removed(
    area: Area, old: Iterable[tuple[str, str, str]], new: Iterable[tuple[str, str, str]]
) -> Iterator[Change]:
    """From (subject, text, source) then and now: what is only in one of them."""
    gone, come = Counter(old), Counter(new)
    for subject, text, source in sorted((gone - come).elements()):
        yield Change(area, "removed", subject, text or None, None, source)
    for subject, text, source in sorted((come - gone).elements()):
        yield Change(area, "added", subject, None, text or None, source)


# Namespaces


def _namespaces(
    before: Snapshot, now: Snapshot, old: Process | None, new: Process | None
) -> Iterator[Change]:
    if old is None or new is None:
        return
    for kind in NS_KINDS:
        was, is_ = old.ns.get(kind), new.ns.get(kind)
        if was != is_ and is_ is not None:
            yield Change(
                "namespaces",
                "changed",
                f"{kind} of {_title(new)}",
                _inode(before, kind, was),
                _inode(now, kind, is_),
                f"/proc/{new.pid}/ns/{kind}",
            )
    # A process whose children will be somewhere else has unshared, and not yet forked.
    was, is_ = _for_children(old), _for_children(new)
    if is_ != was and is_ is not None:
        yield Change(
            "namespaces",
            "changed",
            f"pid, for the children of {_title(new)}",
            _inode(before, "pid", old.ns.get("pid")),
            _inode(now, "pid", is_) if is_ else "a new one, still empty",
            f"/proc/{new.pid}/ns/pid_for_children",
        )


def _for_children(process: Process) -> int | None:
    """The pid namespace of its children, 0 as long as that is empty; None when it is its own."""
    inode = process.ns.get("pid_for_children", 0)
    return None if not process.ns or inode == process.ns.get("pid") else inode


def _inode(snapshot: Snapshot, kind: str, inode: int | None) -> str | None:
    if inode is None:
        return None
    return f"{inode} (the host's)" if snapshot.processes[snapshot.host].ns.get(kind) == inode else str(inode)


# Processes


def _processes(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    old = {process.key: process for process in before.processes.values()}
    new = {process.key: process for process in now.processes.values()}
    for key in sorted(old.keys() - new.keys()):
        process = old[key]
        yield Change("processes", "removed", _title(process), _numbers(process), None, f"/proc/{process.pid}")
    for key in sorted(new.keys() - old.keys()):
        process = new[key]
        source = f"/proc/{process.pid}/status"
        yield Change("processes", "added", _title(process), None, _numbers(process), source)
    for key in sorted(old.keys() & new.keys()):
        was, is_ = old[key], new[key]
        if was is not is_:
            yield from _process(was, is_)


def _process(was: Process, is_: Process) -> Iterator[Change]:
    title, folder = _title(is_), f"/proc/{is_.pid}"
    condition, now = _condition(was), _condition(is_)
    if now != condition:
        yield Change("processes", "changed", title, condition, now, f"{folder}/status")
    if now == "a zombie":
        return  # its arguments and namespaces are gone with it
    if (was.comm, was.args) != (is_.comm, is_.args):
        yield Change(
            "processes", "changed", f"program of {is_.pid}", _command(was), _command(is_), f"{folder}/cmdline"
        )
    if was.ppid != is_.ppid:
        yield Change(
            "processes", "changed", f"parent of {title}", str(was.ppid), str(is_.ppid), f"{folder}/status"
        )


def _command(process: Process) -> str:
    text = " ".join(process.args) or process.comm
    return text if len(text) <= 60 else text[:59] + "…"


def _numbers(process: Process) -> str:
    """`42`, or `42, and 1 inside`."""
    outer, *inner = process.nspids or (process.pid,)
    return f"{outer}, and {', '.join(map(str, inner))} inside" if inner else str(outer)


def _condition(process: Process) -> str:
    return {"Z": "a zombie", "X": "a zombie", "T": "stopped"}.get(process.state, "alive")


# Host names


def _hostnames(before: Snapshot, now: Snapshot, new: Process | None) -> Iterator[Change]:
    host = now.processes[now.host].ns.get("uts")
    for inode in sorted(now.hostnames):
        name, was = now.hostnames[inode], before.hostnames.get(inode)
        if was is not None and was != name:
            whose = "the host" if inode == host else _whose(now, "uts", inode)
            yield Change("hostname", "changed", f"name of {whose}", was, name, "uname -n")


def _whose(snapshot: Snapshot, kind: str, inode: int) -> str:
    """A process of the namespace, to name it: the first that is no mere wrapper such as `unshare`."""
    members = [process for process in snapshot.processes.values() if process.ns.get(kind) == inode]
    if not members:
        return f"namespace {inode}"
    return _title(min(members, key=lambda process: (process.comm in WRAPPERS, process.pid)))


# Shared memory, queues


def _ipc(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    """What came and went in each ipc namespace. A new namespace is told of among the namespaces."""
    host = now.processes[now.host].ns.get("ipc")
    for inode in sorted(now.ipc, key=lambda inode: (inode != host, inode)):
        where = "" if inode == host else f" of {_whose(now, 'ipc', inode)}"
        old = before.ipc.get(inode)
        yield from _added_removed("ipc", _ipc_objects(old, where), _ipc_objects(now.ipc[inode], where))


def _ipc_objects(ipc: Ipc | None, where: str) -> Iterator[tuple[str, str, str]]:
    if ipc is None:
        return
    for what, kind, objects in (
        ("shared memory", "shm", ipc.shm),
        ("message queue", "msg", ipc.msg),
        ("semaphores", "sem", ipc.sem),
    ):
        for number, key in objects.items():
            yield f"{what} {number}{where}", f"key {key:#010x}", f"/proc/sysvipc/{kind}"
    for name in ipc.queues:
        yield f"POSIX queue /{name}{where}", "", "/dev/mqueue"


# Mounts


def _mounts(before: Snapshot, now: Snapshot, old: Process | None, new: Process | None) -> Iterator[Change]:
    host_old, host_new = before.processes[before.host], now.processes[now.host]
    if old and new and _root(old.root) != _root(new.root):
        yield Change(
            "mounts",
            "changed",
            f"root directory of {_title(new)}",
            _root_text(before, old),
            _root_text(now, new),
            f"/proc/{new.pid}/root",
        )
        inside = new.root is not None and _root(new.root) != _root(host_new.root)
    else:
        inside = False
    yield from _tables(before.mounts_of(host_old.pid), now.mounts_of(host_new.pid), "", host_new.pid)
    if old and new and new.ns and old.ns and mount_key(new) != mount_key(host_new):
        was = before.mounts_of(old.pid)
        yield from _tables(was, now.mounts_of(new.pid), f" for {_title(new)}", new.pid, summary=inside)
    yield from _added_removed("mounts", _loops(before), _loops(now))


def _root(root: Root | None) -> tuple[int, int] | None:
    return (root.dev, root.ino) if root else None


def _root_text(snapshot: Snapshot, process: Process) -> str | None:
    if process.root is None:
        return None
    top = [mount for mount in snapshot.mounts_of(process.pid) if mount.target == "/"]
    if _root(process.root) == _root(snapshot.processes[snapshot.host].root):
        return f"{process.root.path} (the host's)"
    return f"{process.root.path} ({top[-1].fstype} {top[-1].source})" if top else process.root.path


_Key = tuple[str, str, str, str]


def _tables(
    old: tuple[Mount, ...], new: tuple[Mount, ...], suffix: str, pid: int, *, summary: bool = False
) -> Iterator[Change]:
    """Two tables of one observer. `summary`: it has another root, so all places differ: what is there now."""
    if old == new:
        return
    source = f"/proc/{pid}/mountinfo"
    if summary:
        for mount in new:
            if mount.target != "/":
                yield Change("mounts", "added", f"{mount.target}{suffix}", None, _mount_text(mount), source)
        out = sum(1 for mount in old if mount.target != "/")
        if out and not any(_key(mount) in {_key(m) for m in old} for mount in new):
            yield Change("mounts", "removed", f"{out} mounts of before{suffix}", "out of sight", None, source)
        return
    was, is_ = _by_key(old), _by_key(new)
    removed = [mount for key in was.keys() - is_.keys() for mount in was[key]]
    removed += [mount for key in was.keys() & is_.keys() for mount in was[key][len(is_[key]) :]]
    added = [mount for key in is_.keys() - was.keys() for mount in is_[key]]
    added += [mount for key in was.keys() & is_.keys() for mount in is_[key][len(was[key]) :]]
    yield from _collapsed("removed", removed, suffix, source)
    yield from _collapsed("added", added, suffix, source)
    pairs = [
        pair for key in sorted(was.keys() & is_.keys()) for pair in zip(was[key], is_[key], strict=False)
    ]
    yield from _propagation(pairs, suffix, source)
    for before, after in pairs:
        gone, come = set(before.options) - set(after.options), set(after.options) - set(before.options)
        if gone or come:
            yield Change(
                "mounts",
                "changed",
                f"options of {after.target}{suffix}",
                ",".join(sorted(gone)) or None,
                ",".join(sorted(come)) or None,
                source,
            )


def _key(mount: Mount) -> _Key:
    return mount.target, mount.fstype, mount.source, mount.root


def _by_key(mounts: tuple[Mount, ...]) -> dict[_Key, list[Mount]]:
    found: dict[_Key, list[Mount]] = {}
    for mount in mounts:
        found.setdefault(_key(mount), []).append(mount)
    return found


def _mount_text(mount: Mount) -> str:
    what = mount.fstype if mount.fstype == mount.source else f"{mount.fstype} {mount.source}"
    return what if mount.root == "/" else f"{what}, its {mount.root}"


def _collapsed(verb: Verb, mounts: list[Mount], suffix: str, source: str) -> Iterator[Change]:
    mounts.sort(key=lambda mount: (mount.target, mount.id))
    told = [(mount.target, _mount_text(mount)) for mount in mounts]
    if len(told) > MANY:
        told = [(f"{len(told)} mounts", ", ".join(target for target, _ in told[:MANY]) + ", …")]
    for subject, text in told:
        before, after = (None, text) if verb == "added" else (text, None)
        yield Change("mounts", verb, f"{subject}{suffix}", before, after, source)


def _propagation(pairs: list[tuple[Mount, Mount]], suffix: str, source: str) -> Iterator[Change]:
    turned: dict[tuple[str, str], list[str]] = {}
    for before, after in pairs:
        if before.propagation != after.propagation:
            turned.setdefault((before.propagation, after.propagation), []).append(after.target)
    for (was, is_), targets in sorted(turned.items()):
        what = ", ".join(targets) if len(targets) <= MANY else f"{len(targets)} mounts"
        yield Change("mounts", "changed", f"propagation of {what}{suffix}", was, is_, source)


def _loops(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    for name, file in snapshot.loops.items():
        yield f"/dev/{name}", file, f"/sys/block/{name}/loop/backing_file"


# Layers


def _layers(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    old, new = _told_layers(before), _told_layers(now)
    for path in sorted(old.keys() - new.keys()):
        yield Change("layers", "removed", path, _count(old[path]), None, path)
    for path in sorted(new.keys() - old.keys()):
        yield Change("layers", "added", path, None, _count(new[path]), path)
    for path in sorted(old.keys() & new.keys()):
        if old[path] != new[path]:
            yield from _layer(path, old[path], new[path])


def _told_layers(snapshot: Snapshot) -> Mapping[str, Mapping[str, File]]:
    """Without those of which only the top is read."""
    flat = {one.mountpoint for one in snapshot.datasets.values()} | snapshot.subvolumes.keys()
    return {path: files for path, files in snapshot.layers.items() if path not in flat}


def _layer(path: str, old: Mapping[str, File], new: Mapping[str, File]) -> Iterator[Change]:
    came, went = new.keys() - old.keys(), old.keys() - new.keys()
    other = [name for name in old.keys() & new.keys() if _content(old[name]) != _content(new[name])]
    for verb, names in (("removed", went), ("added", came), ("changed", other)):
        if len(names) > MANY:
            yield Change("layers", cast(Verb, verb), path, None, f"{len(names)} files", path)
            continue
        for name in sorted(names):
            was, is_ = (_file(files.get(name)) for files in (old, new))
            yield Change("layers", cast(Verb, verb), f"{path}/{name}", was, is_, path)


def _content(file: File) -> tuple[object, ...]:
    """What of a file is told of; what is in a folder changes the folder's times, and says nothing."""
    inside = () if file.kind in ("folder", "opaque") else (file.size, file.changed)
    return (file.kind, file.mode, *inside)


def _file(file: File | None) -> str | None:
    if file is None:
        return None
    return {"whiteout": "a whiteout: c 0 0", "opaque": "an opaque folder"}.get(file.kind) or (
        f"{file.kind}, {size(file.size)}" if file.kind == "file" else file.kind
    )


def _count(files: Mapping[str, File]) -> str:
    return f"{len(files)} files" if files else "empty"


# Cgroups

_BY_THEMSELVES = (
    "memory.current",
    "memory.peak",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "cpu.pressure",
    "pids.current",
    "pids.peak",
    "cgroup.type",
)
"""Files that tell use, not a setting."""
_COUNTERS: Mapping[str, tuple[str, ...]] = {
    "memory.events": ("oom", "oom_kill"),
    "memory.oom_control": ("oom_kill", "oom_kill_disable"),
    "cpu.stat": ("nr_throttled",),
    "pids.events": ("max",),
    "cgroup.events": ("frozen",),
}
"""Of files with counters, those that say something."""


def _cgroups(before: Snapshot, now: Snapshot, old: Process | None, new: Process | None) -> Iterator[Change]:
    was = {(group.controller, group.path): group for group in before.cgroups}
    is_ = {(group.controller, group.path): group for group in now.cgroups}
    yield from _added_removed(
        "cgroups",
        ((path, _controller(name), _cgroup_source(name, path)) for name, path in was.keys() - is_.keys()),
        ((path, _controller(name), _cgroup_source(name, path)) for name, path in is_.keys() - was.keys()),
    )
    for key in sorted(is_):
        settings = _settings(was[key].values) if key in was else None
        for name, value in _settings(is_[key].values).items():
            if settings is not None and settings.get(name) != value:
                source = f"{_cgroup_source(*key)}/{name.partition(' ')[0]}"
                yield Change("cgroups", "changed", f"{name} of {key[1]}", settings.get(name), value, source)
    yield from _memberships(before, now, old, new)


def _settings(values: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in values.items():
        if name in _BY_THEMSELVES:
            continue
        if name in _COUNTERS:
            numbers = cgroupfs.parse_flat(text)
            found |= {f"{name} {key}": str(numbers[key]) for key in _COUNTERS[name] if key in numbers}
        else:
            found[name] = " ".join(text.split())
    return found


def _controller(name: str) -> str:
    return name or "v2"


def _cgroup_source(controller: str, path: str) -> str:
    """Where it usually is; on a v2 machine there is no folder between."""
    folder = "" if not controller else "/" + controller.removeprefix("name=")
    return f"/sys/fs/cgroup{folder}{path}"


def _memberships(
    before: Snapshot, now: Snapshot, old: Process | None, new: Process | None
) -> Iterator[Change]:
    then = {process.key: process for process in before.processes.values()}
    for pid in sorted(now.processes):
        process = now.processes[pid]
        was = then.get(process.key)
        if was is None and new is not None and pid == new.pid:
            was = old
        if was is None or was.cgroups == process.cgroups or process.state == "Z":
            continue
        moved: dict[tuple[str | None, str], list[str]] = {}
        for name, path in sorted(process.cgroups.items()):
            if was.cgroups.get(name) != path:
                moved.setdefault((was.cgroups.get(name), path), []).append(_controller(name))
        for (source, path), names in moved.items():
            subject = f"{', '.join(names)} of {_title(process)}"
            yield Change("cgroups", "changed", subject, source, path, f"/proc/{pid}/cgroup")


# Network


def _networks(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    host = now.processes[now.host].ns.get("net")
    for inode in sorted(before.networks.keys() - now.networks.keys()):
        where, source = _network_name(before, inode, host), _network_source(before.networks[inode])
        yield Change("network", "removed", f"network namespace of {where}", str(inode), None, source)
    ours = sorted(now.networks, key=lambda inode: (inode != host, inode))
    for inode in ours:
        where = _network_name(now, inode, host)
        new, old = now.networks[inode], before.networks.get(inode)
        suffix = "" if inode == host else f" in {where}"
        if old is None:
            source = _network_source(new)
            yield Change("network", "added", f"network namespace of {where}", None, str(inode), source)
            old = Network(None, None, (), (), ())
        elif old.name != new.name:
            yield Change(
                "network", "changed", f"name of the network namespace of {where}", old.name, new.name, ""
            )
        if old is not new:
            yield from _network(old, new, suffix)


def _network_source(network: Network) -> str:
    return f"/run/netns/{network.name}" if network.name else f"/proc/{network.pid}/ns/net"


def _network_name(snapshot: Snapshot, inode: int, host: int | None) -> str:
    if inode == host:
        return "the host"
    return snapshot.networks[inode].name or _whose(snapshot, "net", inode)


def _network(old: Network, new: Network, suffix: str) -> Iterator[Change]:
    was = {link.index: link for link in old.links}
    is_ = {link.index: link for link in new.links}
    names_old, names_new = ({link.index: link.name for link in net.links} for net in (old, new))
    for index in sorted(was.keys() - is_.keys()):
        yield Change(
            "network", "removed", f"{was[index].name}{suffix}", _link(was[index], names_old), None, "ip link"
        )
    for index in sorted(is_.keys() - was.keys()):
        yield Change(
            "network", "added", f"{is_[index].name}{suffix}", None, _link(is_[index], names_new), "ip link"
        )
    for index in sorted(was.keys() & is_.keys()):
        left, right = was[index], is_[index]
        if left.name != right.name:
            yield Change(
                "network", "changed", f"name of {left.name}{suffix}", left.name, right.name, "ip link"
            )
        text_old, text_new = _link(left, names_old), _link(right, names_new)
        if text_old != text_new:
            yield Change("network", "changed", f"{right.name}{suffix}", text_old, text_new, "ip link")
    yield from _added_removed(
        "network", _addresses(old, names_old, suffix), _addresses(new, names_new, suffix)
    )
    yield from _added_removed("network", _routes(old, names_old, suffix), _routes(new, names_new, suffix))
    yield from _added_removed("network", _nat(old, suffix), _nat(new, suffix))
    yield from _added_removed("network", _listening(old, suffix), _listening(new, suffix))
    if old.forward != new.forward and old.pid is not None:
        then, after = ("on" if network.forward else "off" for network in (old, new))
        source = "/proc/sys/net/ipv4/ip_forward"
        yield Change("network", "changed", f"forwarding{suffix}", then, after, source)
    counted = [
        f"{getattr(new.traffic, name) - getattr(old.traffic, name)} {what}"
        for name, what in TRAFFIC.items()
        if getattr(new.traffic, name) > getattr(old.traffic, name)
    ]
    if counted:
        source = f"/proc/{new.pid}/net/snmp" if new.pid else "/proc/net/snmp there"
        yield Change("network", "changed", f"traffic{suffix}", None, ", ".join(counted), source)


TRAFFIC: Mapping[str, str] = {
    "asked": "echo out",
    "replies": "reply in",
    "was_asked": "echo in",
    "unreachable": "told unreachable",
    "forwarded": "forwarded",
    "opened": "TCP opened",
    "accepted": "TCP accepted",
    "refused": "TCP failed",
    "datagrams": "UDP in",
}
"""What the counters of a network namespace count, in a word or two."""


def nat_text(nat: Nat) -> str:
    """`from 10.0.0.0/24: masquerade`, `to port 8080: dnat to 10.0.0.2:80`."""
    who = [f"from {nat.source}"] if nat.source else []
    who += [f"to port {nat.port}"] if nat.port else []
    return f"{' '.join(who) or 'all'}: {nat.kind}{f' to {nat.to}' if nat.to else ''}"


def _nat(network: Network, suffix: str) -> Iterator[tuple[str, str, str]]:
    for nat in network.nat:
        yield f"{nat.hook or 'unused'} rule{suffix}", nat_text(nat), "nft list ruleset"


def _listening(network: Network, suffix: str) -> Iterator[tuple[str, str, str]]:
    for place in network.listening:
        yield f"listening{suffix}", place, "ss -tln"


def _link(link: Link, names: Mapping[int, str]) -> str:
    parts = [link.kind or "device", "up" if link.up else "down"]
    if link.up and not link.carrier:
        parts.append("no carrier")
    if link.master is not None:
        parts.append(f"port of {names.get(link.master, link.master)}")
    return ", ".join(parts)


def _addresses(network: Network, names: Mapping[int, str], suffix: str) -> Iterator[tuple[str, str, str]]:
    for address in network.addresses:
        if address.scope != SCOPE_LINK:
            yield (
                f"address {address.address}{suffix}",
                f"on {names.get(address.index, address.index)}",
                "ip address",
            )


def _routes(network: Network, names: Mapping[int, str], suffix: str) -> Iterator[tuple[str, str, str]]:
    for route in network.routes:
        if not route.destination.startswith(("fe80:", "ff00:")):
            through = (
                f"by {route.gateway}" if route.gateway else f"on {names.get(route.index or 0, 'no link')}"
            )
            yield f"route {route.destination}{suffix}", through, "ip route"


# Data sets


def _datasets(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    yield from _added_removed("datasets", _subvolumes(before), _subvolumes(now))
    old, new = before.datasets, now.datasets
    for name in sorted(old.keys() - new.keys()):
        yield Change("datasets", "removed", name, _dataset(old[name]), None, "zfs list -t all")
    for name in sorted(new.keys() - old.keys()):
        yield Change("datasets", "added", name, None, _dataset(new[name]), "zfs list -t all")
    for name in sorted(old.keys() & new.keys()):
        was, is_ = old[name], new[name]
        if was.origin != is_.origin:
            yield Change("datasets", "changed", f"origin of {name}", was.origin, is_.origin, "zfs get origin")
        if was.mountpoint != is_.mountpoint:
            yield Change(
                "datasets",
                "changed",
                f"mount point of {name}",
                was.mountpoint,
                is_.mountpoint,
                "zfs get mountpoint",
            )
        if abs(was.referenced - is_.referenced) >= GREW:
            yield Change(
                "datasets",
                "changed",
                f"data of {name}",
                size(was.referenced),
                size(is_.referenced),
                "zfs get referenced",
            )


def _subvolumes(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    paths = {one.uuid: one.path for one in snapshot.subvolumes.values()}
    for one in snapshot.subvolumes.values():
        kind = f"snapshot of {paths.get(one.parent, 'one that is gone')}" if one.parent else "subvolume"
        yield one.path, f"{kind}, read-only" if one.read_only else kind, "btrfs subvolume show"


def _dataset(dataset: Dataset) -> str:
    return f"clone of {dataset.origin}" if dataset.origin else dataset.type


def size(count: int) -> str:
    """`1.5 MiB`."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
