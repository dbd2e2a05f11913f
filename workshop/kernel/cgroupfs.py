"""cgroups (cgroups(7)): which hierarchies there are, and the limits of the groups in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from workshop.frozen import frozen
from workshop.kernel.model import Mount, Snapshot

Mode = Literal["v2", "hybrid", "v1", "none"]

V2_FILES = (
    "cgroup.controllers",
    "cgroup.subtree_control",
    "cgroup.type",
    "cgroup.events",
    "cgroup.freeze",
    "memory.max",
    "memory.high",
    "memory.low",
    "memory.swap.max",
    "memory.current",
    "memory.peak",
    "memory.events",
    "memory.oom.group",
    "cpu.max",
    "cpu.weight",
    "cpu.stat",
    "cpu.pressure",
    "cpuset.cpus",
    "cpuset.mems",
    "io.max",
    "pids.max",
    "pids.current",
    "pids.peak",
    "pids.events",
)
V1_FILES = (
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "memory.oom_control",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpu.shares",
    "cpu.stat",
    "cpuset.cpus",
    "cpuset.mems",
    "devices.list",
    "pids.max",
    "pids.current",
    "pids.events",
    "freezer.state",
    "blkio.weight",
)
DEEPEST = 8
"""How far below its own group the reader looks."""


@frozen
class Hierarchy:
    """A mounted hierarchy. `base` is the group that the mount shows as its top, as the reader sees it."""

    controllers: tuple[str, ...]
    """`("",)` for v2."""
    path: str
    base: str


def mode(root: Path | str) -> Mode:
    """What is mounted at `root` (`/sys/fs/cgroup`)."""
    root = Path(root)
    if (root / "cgroup.controllers").exists():
        return "v2"
    if (root / "unified" / "cgroup.controllers").exists():
        return "hybrid"
    try:
        return "v1" if any(child.is_dir() for child in root.iterdir()) else "none"
    except OSError:
        return "none"


def hierarchies(
    root: Path | str, mounts: tuple[Mount, ...], controllers: Mapping[str, str], at: str = "/sys/fs/cgroup"
) -> tuple[Hierarchy, ...]:
    """The hierarchies that `mounts` shows below `at`, which the reader reaches at `root`.

    `controllers` are those of a process (`procfs.parse_cgroup`): they tell names of controllers from options.
    """
    found = {}
    for mount in mounts:
        if mount.fstype not in ("cgroup", "cgroup2") or not PurePosixPath(mount.target).is_relative_to(at):
            continue
        path = str(Path(root) / PurePosixPath(mount.target).relative_to(at))
        if mount.fstype == "cgroup2":
            names: tuple[str, ...] = ("",)
        else:
            names = tuple(option for option in mount.super_options if option in controllers)
        if names:
            found[mount.target] = Hierarchy(names, path, mount.root)
    return tuple(found.values())


def relative(path: str, base: str) -> str:
    """A group as it looks from `base`: `/x` below it, `/../y` beside it (cgroup_namespaces(7))."""
    if base == "/" or not path:
        return path
    if path == base:
        return "/"
    if path.startswith(base + "/"):
        return path[len(base) :]
    return "/" + os.path.relpath(path, base)


def groups(hierarchy: Hierarchy) -> Iterator[tuple[str, str]]:
    """The groups below the top of a hierarchy: path as seen there, and where to read it.

    What systemd made right at the top of a machine's own hierarchy is no learner's, and is left out.
    """
    return _below(hierarchy.path, "", 0)


def _below(top: str, path: str, depth: int) -> Iterator[tuple[str, str]]:
    folder = top + path
    try:
        # A cgroup has two links and one more for each group in it: most have none, and need no listing.
        if os.stat(folder).st_nlink == 2 or depth == DEEPEST:  # noqa: PTH116
            return
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in names:
        if depth == 0 and (name.endswith((".slice", ".scope", ".service"))):
            continue
        yield f"{path}/{name}", f"{folder}/{name}"
        yield from _below(top, f"{path}/{name}", depth + 1)


def values(folder: str, controller: str) -> dict[str, str]:
    """The files of one group by name; for v1 only those of the controller."""
    # v1 hierarchies may be mounted together (cpu,cpuacct)
    files = [name for name in V1_FILES if name.startswith(controller + ".")] if controller else V2_FILES
    found = {}
    for name in files:
        text = _read(f"{folder}/{name}")
        if text is not None:  # not there without its controller, or the group is gone
            found[name] = text.strip()
    return found


def _read(path: str) -> str | None:
    """Without pathlib and text streams: there are many of these files, and all are small."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 65536).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(fd)


def parse_flat(text: str) -> dict[str, int]:
    """A "flat keyed" file such as `memory.events`: `oom_kill 1`, one a line."""
    found = {}
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if not name or not number:
            raise ValueError(f"not a line `name number`: {line[:80]!r}")
        found[name] = int(number)
    return found


def place(snapshot: Snapshot, controller: str, path: str) -> str:
    """Where the host sees a group, by its mounts: `/sys/fs/cgroup/memory/box`."""
    for mount in snapshot.mounts_of(snapshot.host):
        two = mount.fstype == "cgroup2" and not controller
        one = mount.fstype == "cgroup" and controller in mount.super_options
        if two or one:
            return f"{mount.target}{path}"
    return f"/sys/fs/cgroup{path}"
