"""The score card: the course's checks on a process, row by row, whoever put it into its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from workshop.frozen import frozen
from workshop.kernel import capabilities, folders
from workshop.kernel.model import Snapshot
from workshop.kernel.verdict import Verdict, View


@frozen
class Row:
    """A line of the card: what it is about, and the check that decides it."""

    group: str
    title: str
    check: str
    params: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Scored:
    row: Row
    verdict: Verdict


_READ_ONLY = " ".join(path for path in folders.READ_ONLY if path != "/sys")
ROWS = (
    *(
        Row("namespaces", f"{title} namespace", "own_namespaces", {"kinds": kind})
        for kind, title in (
            ("mnt", "mount"),
            ("pid", "pid"),
            ("net", "network"),
            ("ipc", "ipc"),
            ("uts", "uts"),
            ("cgroup", "cgroup"),
        )
    ),
    Row("root", "root is a mount of its own", "pivoted"),
    Row("root", "old root let go", "no_old_root"),
    Row("root", "mounts do not leak", "private_mounts"),
    Row("root", "/proc is its own", "own_proc"),
    Row("limits", "memory limit", "resource_limited", {"resource": "memory"}),
    Row("limits", "cpu limit", "resource_limited", {"resource": "cpu"}),
    Row("limits", "limit of processes", "resource_limited", {"resource": "pids"}),
    Row("rights", "root is a nobody outside", "mapped_root"),
    Row("rights", "Docker's capabilities at most", "capabilities_within", {"names": capabilities.DOCKER}),
    Row("rights", "seccomp filter", "seccomp_filter"),
    Row("rights", "no_new_privs", "no_new_privs"),
    Row("rights", "security module", "security_module"),
    Row("files", "masked paths", "masked", {"paths": " ".join(folders.MASKED)}),
    Row("files", "read-only paths", "read_only", {"paths": _READ_ONLY}),
    Row("files", "/sys is read-only", "read_only", {"paths": "/sys"}),
    Row("devices", "harmless /dev", "harmless_devices"),
    Row("devices", "device rules", "device_rules"),
    Row("network", "network of its own", "own_network"),
)


def score(snapshot: Snapshot, pid: int) -> tuple[Scored, ...]:
    """Every row, for one process."""
    from dataclasses import replace

    from workshop.registry import check

    view = View(snapshot, snapshot, pid)
    return tuple(Scored(row, replace(check(row.check)(view, **row.params), check=row.check)) for row in ROWS)


def missed(scored: tuple[Scored, ...]) -> int:
    """How many rows are not met; what cannot be judged here is none of them."""
    return sum(each.verdict.state == "missed" for each in scored)
