"""One difference between two snapshots, and what all areas tell it by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from workshop.frozen import frozen
from workshop.kernel.model import Process, Snapshot
from workshop.kernel.subject import WRAPPERS

Area = Literal[
    "namespaces", "processes", "hostname", "ipc", "mounts", "layers", "cgroups", "network", "datasets"
]
Verb = Literal["added", "removed", "changed"]

MANY = 4
"""More mounts of one fate than this are told in one change."""


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


def title(process: Process) -> str:
    return f"{process.comm} ({process.pid})"


def added_removed(
    area: Area, old: Iterable[tuple[str, str, str]], new: Iterable[tuple[str, str, str]]
) -> Iterator[Change]:
    """From (subject, text, source) then and now: what is only in one of them."""
    gone, come = Counter(old), Counter(new)
    for subject, text, source in sorted((gone - come).elements()):
        yield Change(area, "removed", subject, text or None, None, source)
    for subject, text, source in sorted((come - gone).elements()):
        yield Change(area, "added", subject, None, text or None, source)


def whose(snapshot: Snapshot, kind: str, inode: int) -> str:
    """A process of the namespace, to name it: the first that is no mere wrapper such as `unshare`."""
    members = [process for process in snapshot.processes.values() if process.ns.get(kind) == inode]
    if not members:
        return f"namespace {inode}"
    return title(min(members, key=lambda process: (process.comm in WRAPPERS, process.pid)))


def size(count: int) -> str:
    """`1.5 MiB`."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
