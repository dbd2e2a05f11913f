"""Which process a learner is in: whose namespaces, root and limits a step is about."""

from __future__ import annotations

from workshop.kernel.model import NS_KINDS, Process, Snapshot

WRAPPERS = frozenset({"unshare", "nsenter", "sudo", "su", "doas", "setpriv", "setsid", "script"})
"""Programs that wait in the foreground while a child of theirs is what the learner is in."""


def subject(snapshot: Snapshot, foreground: int | None) -> int:
    """`foreground`, or what it waits for if it only wraps it. Back at the host's prompt: the newest process
    that is not in the host's namespaces, or has another root, if there is one."""
    host = snapshot.processes[snapshot.host]
    process = snapshot.processes.get(foreground) if foreground is not None else None
    if process is not None:
        process = _behind(snapshot, process)
        if differs(process, host):
            return process.pid
    others = [other for other in snapshot.processes.values() if differs(other, host)]
    if others:
        return max(others, key=lambda other: (other.start, other.pid)).pid
    return process.pid if process is not None else snapshot.host


def _behind(snapshot: Snapshot, process: Process) -> Process:
    while process.comm in WRAPPERS:
        children = [
            child for child in snapshot.processes.values() if child.ppid == process.pid and alive(child)
        ]
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
