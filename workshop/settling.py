"""Is what a line began still on its way? Told from two snapshots, as nothing tells when another process calls
execve(2), short of tracing it."""

from __future__ import annotations

from workshop.kernel.model import Snapshot

PREPARING = frozenset({"chroot", "env", "nice", "nohup", "nsenter", "setpriv", "setsid", "sudo", "unshare"})


def starting(now: Snapshot, before: Snapshot) -> bool:
    """Is there a new process on its way to become another program? It is still a copy of its parent, or it is
    a program that only prepares the ground and has no child to wait for."""
    parents = {process.ppid for process in now.processes.values()}
    for process in now.processes.values():
        known = before.processes.get(process.pid)
        parent = now.processes.get(process.ppid)
        if (
            (known is not None and known.start == process.start)
            or parent is None
            or process.state in ("Z", "X")
        ):
            continue
        if process.pid not in parents and (process.args == parent.args or process.comm in PREPARING):
            return True
    return False


def running(now: Snapshot, before: Snapshot) -> bool:
    """Is there a new process that does not wait for anything yet?"""
    known = {process.key for process in before.processes.values()}
    return any(one.state == "R" and one.key not in known for one in now.processes.values())


def freezing(now: Snapshot) -> bool:
    """Is there a group that was told to freeze, and whose processes have not all stopped?"""
    for group in now.cgroups:
        told = group.values.get("cgroup.freeze") == "1"
        if told and "frozen 0" in group.values.get("cgroup.events", ""):
            return True
        if group.values.get("freezer.state") == "FREEZING":
            return True
    return False


def ending(now: Snapshot) -> bool:
    """Is there a process that has begun to exit, and is no zombie yet? Until then it is in no group."""
    return any(process.state == "X" for process in now.processes.values())
