"""Small builders of snapshots for the tests of checks: a host, processes in it, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workshop.kernel.model import NS_KINDS, Dataset, Mount, MountTable, Process, Root, Snapshot, mount_key
from workshop.kernel.verdict import End, View

HOST_NS = {kind: 4026531835 + number for number, kind in enumerate(NS_KINDS)} | {"pid_for_children": 0}
HOST_NS["pid_for_children"] = HOST_NS["pid"]
HOST_ROOT = Root("/", 41, 2)
MINE = 4026540000
"""The first inode of the learner's own namespaces: MINE + the number of the kind."""


def own(*kinds: str) -> dict[str, int]:
    """Namespaces of the host's but for these kinds. A new pid namespace is the children's too."""
    changed = {kind: MINE + list(NS_KINDS).index(kind) for kind in kinds if kind != "pid_for_children"}  # type: ignore[arg-type]
    if "pid" in kinds or "pid_for_children" in kinds:
        changed["pid_for_children"] = MINE + list(NS_KINDS).index("pid")
    return {**HOST_NS, **changed}


def process(pid: int, comm: str = "bash", **fields: Any) -> Process:
    given: dict[str, Any] = {
        "ppid": 1,
        "pgrp": pid,
        "session": 100,
        "tty": 34816,
        "state": "S",
        "start": 1000 + pid,
        "args": (comm,),
        "nspids": (pid,),
        "ns": HOST_NS,
        "root": HOST_ROOT,
        "cwd": "/lab",
        "proc_pid_ns": HOST_NS["pid"],
    }
    return Process(pid=pid, comm=comm, **(given | fields))


def mount(target: str, fstype: str = "tmpfs", *, dev: int = 50, root: str = "/", **fields: Any) -> Mount:
    given: dict[str, Any] = {
        "id": 1,
        "parent": 0,
        "options": ("rw",),
        "tags": (),
        "source": fstype,
        "super_options": ("rw",),
    }
    return Mount(dev=(0, dev), root=root, target=target, fstype=fstype, **(given | fields))


def dataset(name: str, origin: str | None = None, **fields: Any) -> Dataset:
    kind = "snapshot" if "@" in name else "filesystem"
    given: dict[str, Any] = {
        "type": kind,
        "used": 0,
        "referenced": 4_500_000,
        "written": None,
        "mountpoint": None if "@" in name else f"/{name}",
    }
    return Dataset(name=name, origin=origin, **(given | fields))


HOST_MOUNTS = (mount("/", "overlay", dev=41), mount("/proc", "proc", dev=42), mount("/lab", dev=43))


def snapshot(
    *processes: Process,
    mounts: Mapping[int, tuple[Mount, ...]] | None = None,
    datasets: tuple[Dataset, ...] = (),
    folders: Mapping[str, tuple[str, ...]] | None = None,
    **more: Any,
) -> Snapshot:
    """The host's first process is PID 1; `mounts` by pid, the host's are HOST_MOUNTS unless given; `more` is
    what else a snapshot has."""
    all_of = {1: process(1, "sleep", ppid=0, start=1, args=("sleep", "infinity"))}
    all_of |= {p.pid: p for p in processes}
    seen = {1: HOST_MOUNTS, **(mounts or {})}
    tables = {mount_key(all_of[pid]): MountTable(pid, entries) for pid, entries in seen.items()}
    return Snapshot(
        host=1,
        processes=all_of,
        mounts=tables,
        release="6.18.0",
        datasets={d.name: d for d in datasets},
        folders=folders or {},
        **more,
    )


def view(
    now: Snapshot,
    subject: int = 7,
    *,
    before: Snapshot | None = None,
    answer: str | None = None,
    ends: tuple[End, ...] = (),
    adopted: tuple[Process, ...] = (),
    tried: bool = True,
) -> View:
    return View(now, before if before is not None else snapshot(), subject, answer, ends, adopted, tried)
