"""Namespaces, processes, host names, and what ipc namespaces hold: what differs."""

from __future__ import annotations

from collections.abc import Iterator

from workshop.kernel.diff.change import Change, added_removed, title, whose
from workshop.kernel.model import NS_KINDS, Ipc, Process, Snapshot


def namespaces(before: Snapshot, now: Snapshot, old: Process | None, new: Process | None) -> Iterator[Change]:
    if old is None or new is None:
        return
    for kind in NS_KINDS:
        was, is_ = old.ns.get(kind), new.ns.get(kind)
        if was != is_ and is_ is not None:
            yield Change(
                "namespaces",
                "changed",
                f"{kind} of {title(new)}",
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
            f"pid, for the children of {title(new)}",
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


def processes(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    old = {process.key: process for process in before.processes.values()}
    new = {process.key: process for process in now.processes.values()}
    for key in sorted(old.keys() - new.keys()):
        process = old[key]
        yield Change("processes", "removed", title(process), _numbers(process), None, f"/proc/{process.pid}")
    for key in sorted(new.keys() - old.keys()):
        process = new[key]
        source = f"/proc/{process.pid}/status"
        yield Change("processes", "added", title(process), None, _numbers(process), source)
    for key in sorted(old.keys() & new.keys()):
        was, is_ = old[key], new[key]
        if was is not is_:
            yield from _process(was, is_)


def _process(was: Process, is_: Process) -> Iterator[Change]:
    name, folder = title(is_), f"/proc/{is_.pid}"
    condition, now = _condition(was), _condition(is_)
    if now != condition:
        yield Change("processes", "changed", name, condition, now, f"{folder}/status")
    if now in ("a zombie", "ending"):
        return  # its arguments and namespaces are gone with it
    if (was.comm, was.args) != (is_.comm, is_.args):
        yield Change(
            "processes", "changed", f"program of {is_.pid}", _command(was), _command(is_), f"{folder}/cmdline"
        )
    if was.ppid != is_.ppid:
        yield Change(
            "processes", "changed", f"parent of {name}", str(was.ppid), str(is_.ppid), f"{folder}/status"
        )


def _command(process: Process) -> str:
    text = " ".join(process.args) or process.comm
    return text if len(text) <= 60 else text[:59] + "…"


def _numbers(process: Process) -> str:
    """`42`, or `42, and 1 inside`."""
    outer, *inner = process.nspids or (process.pid,)
    return f"{outer}, and {', '.join(map(str, inner))} inside" if inner else str(outer)


def _condition(process: Process) -> str:
    return {"Z": "a zombie", "X": "ending", "T": "stopped"}.get(process.state, "alive")


def hostnames(before: Snapshot, now: Snapshot, new: Process | None) -> Iterator[Change]:
    host = now.processes[now.host].ns.get("uts")
    for inode in sorted(now.hostnames):
        name, was = now.hostnames[inode], before.hostnames.get(inode)
        if was is not None and was != name:
            owner = "the host" if inode == host else whose(now, "uts", inode)
            yield Change("hostname", "changed", f"name of {owner}", was, name, "uname -n")


def ipc(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    """What came and went in each ipc namespace. A new namespace is told of among the namespaces."""
    host = now.processes[now.host].ns.get("ipc")
    for inode in sorted(now.ipc, key=lambda inode: (inode != host, inode)):
        where = "" if inode == host else f" of {whose(now, 'ipc', inode)}"
        old = before.ipc.get(inode)
        yield from added_removed("ipc", _ipc_objects(old, where), _ipc_objects(now.ipc[inode], where))


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
