"""What there is on the machine that a lab could leave behind, as a value that can be compared.

`look()` before, `look()` after: `after.beyond(before)` names what is left. Reads only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from workshop import cgroups, ledger, loops
from workshop.frozen import frozen
from workshop.kernel import mountinfo
from workshop.removal import STATE, run


@frozen
class Traces:
    processes: frozenset[str] = frozenset()
    """`pid comm` of every process in a cgroup of ours, or in another pid namespace than this program's."""
    mounts: frozenset[str] = frozenset()
    """Mount points as this program sees them."""
    links: frozenset[str] = frozenset()
    netns: frozenset[str] = frozenset()
    """Names in /run/netns."""
    cgroups: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    """`device: backing file`"""
    files: frozenset[str] = frozenset()

    def beyond(self, before: Traces) -> tuple[str, ...]:
        """What is here now and was not before: `cgroups: /sys/fs/cgroup/…`."""
        return tuple(
            f"{field.name}: {one}"
            for field in fields(self)
            for one in sorted(getattr(self, field.name) - getattr(before, field.name))
        )

    def of(self, lab: str) -> Traces:
        """Only what carries the name of one lab; other labs may come and go meanwhile."""
        return Traces(
            **{f.name: frozenset(one for one in getattr(self, f.name) if lab in one) for f in fields(self)}
        )


def look() -> Traces:
    groups = cgroups.found()
    return Traces(
        processes=frozenset(_processes(groups)),
        mounts=frozenset(m.target for m in mountinfo.read("/proc", os.getpid()) or ()),
        links=frozenset(_names(Path("/sys/class/net"))),
        netns=frozenset(_names(Path("/run/netns"))),
        cgroups=frozenset(map(str, groups)),
        pools=frozenset(_pools()),
        loops=frozenset(f"{loop.name}: {loop.file}" for loop in loops.attached()),
        files=frozenset(_files()),
    )


def _processes(groups: tuple[Path, ...]) -> Iterator[str]:
    """With the group's name, for those in a group of ours: a pid namespace says nothing about whose it is."""
    inside: dict[int, str] = {}
    for group in groups:
        for pid in cgroups.members(group):
            inside.setdefault(pid, group.name)
    own = _namespace("self")
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        namespace = _namespace(folder.name)
        if pid in inside or (namespace and namespace != own):
            yield " ".join((folder.name, _comm(folder), inside.get(pid, ""))).strip()


def _namespace(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _comm(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return "?"


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _pools() -> list[str]:
    """The kernel's pools. Those of a lab's own zfs-fuse go with its process."""
    if not Path("/dev/zfs").exists():
        return []
    return (run("zpool", "list", "-H", "-o", "name") or "").split()


def _files() -> Iterator[str]:
    for top in (ledger.home(), STATE):
        if top.exists():
            yield str(top)
            yield from (str(path) for path in top.rglob("*"))
