"""What differs between two snapshots, for people: compact and telling.

What changes by itself is left out: a process that sleeps or runs, use of memory, counters (except those that
say that a limit was hit), and the IPv6 addresses that the kernel gives to links.
"""

from __future__ import annotations

from workshop.kernel.diff import cgroups, mounts, network, processes, storage
from workshop.kernel.diff.change import Change
from workshop.kernel.model import Process, Snapshot

__all__ = ["Change", "diff"]


def diff(before: Snapshot, now: Snapshot, subject: int | None = None) -> tuple[Change, ...]:
    """All that changed, area by area, always in the same order. The subject is the process that the learner
    is in now (default: the host's first process)."""
    new = now.processes.get(now.host if subject is None else subject)
    old = _former(before, now, new) if new is not None else None
    return (
        *processes.namespaces(before, now, old, new),
        *processes.processes(before, now),
        *processes.hostnames(before, now, new),
        *processes.ipc(before, now),
        *mounts.mounts(before, now, old, new),
        *storage.layers(before, now),
        *cgroups.cgroups(before, now, old, new),
        *network.networks(before, now),
        *storage.datasets(before, now),
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
