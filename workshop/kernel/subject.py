"""Which process a learner is in: whose namespaces, root and limits a step is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workshop.kernel.model import NS_KINDS, Process, Snapshot

WRAPPERS = frozenset({"unshare", "nsenter", "sudo", "su", "doas", "setpriv", "setsid", "script"})
"""Programs that wait in the foreground while a child of theirs is what the learner is in."""


def subject(snapshot: Snapshot, foreground: int | None) -> int:
    """`foreground`, or what it waits for if it only wraps it. Back at the host's prompt: the newest process
    that is not in the host's namespaces, or has another root, if there is one. A shell that is somebody else,
    or may less than the host's root, is not the host's prompt."""
    host = snapshot.processes[snapshot.host]
    process = snapshot.processes.get(foreground) if foreground is not None else None
    if process is not None:
        process = _behind(snapshot.processes, process)
        if differs(process, host) or confined(process, host):
            return process.pid
    others = [other for other in snapshot.processes.values() if differs(other, host)]
    if others:
        return max(others, key=lambda other: (other.start, other.pid)).pid
    return process.pid if process is not None else snapshot.host


def typed_to(snapshot: Snapshot, foreground: int | None) -> Process | None:
    """Where the learner types: `foreground`, or what it waits for if it only wraps it; and nothing else."""
    process = snapshot.processes.get(foreground) if foreground is not None else None
    return _behind(snapshot.processes, process) if process is not None else None


def candidates(processes: Mapping[int, Process], host: int, foregrounds: Iterable[int]) -> set[int]:
    """Every process that `subject` can come to, whichever of these is in the foreground."""
    behind = {_behind(processes, processes[pid]).pid for pid in foregrounds if pid in processes}
    return behind | {pid for pid, other in processes.items() if differs(other, processes[host])}


def containers(snapshot: Snapshot) -> list[Process]:
    """The processes that are PID 1 in a pid namespace which is not the host's, in the order they began."""
    host = snapshot.processes[snapshot.host].ns.get("pid")
    firsts = (
        process
        for process in snapshot.processes.values()
        if alive(process) and process.nspids[-1:] == (1,) and process.ns.get("pid", host) != host
    )
    return sorted(firsts, key=lambda process: (process.start, process.pid))


def _behind(processes: Mapping[int, Process], process: Process) -> Process:
    while process.comm in WRAPPERS:
        children = [child for child in processes.values() if child.ppid == process.pid and alive(child)]
        if not children:
            break
        process = min(children, key=lambda child: (child.start, child.pid))
    return process


def alive(process: Process) -> bool:
    """Neither a zombie nor a thread of the kernel's."""
    return process.state not in "ZX" and bool(process.ns)


def differs(process: Process, host: Process) -> bool:
    """Whether it is in a container, as far as that goes: a namespace (also its children's) or the root."""
    if not alive(process):
        return False
    if any(process.ns.get(kind) != host.ns.get(kind) for kind in (*NS_KINDS, "pid_for_children")):
        return True
    ours, theirs = process.root, host.root
    return bool(ours and theirs) and (ours.dev, ours.ino) != (theirs.dev, theirs.ino)  # type: ignore[union-attr]


def confined(process: Process, host: Process) -> bool:
    """Whether it is in the host's namespaces, but may not do what the host's root may. False if not read."""
    ours, theirs = process.ids, host.ids
    if ours is None or theirs is None:
        return False
    return (ours.uid, ours.cap_bnd, ours.no_new_privs, ours.seccomp_filters) != (
        theirs.uid,
        theirs.cap_bnd,
        theirs.no_new_privs,
        theirs.seccomp_filters,
    )
