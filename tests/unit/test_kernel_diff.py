"""Differences between two snapshots, and whose they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workshop.kernel.diff import Change, diff
from workshop.kernel.model import (
    Address,
    Cgroup,
    Dataset,
    Link,
    Mount,
    MountTable,
    Network,
    Process,
    Root,
    Snapshot,
    mount_key,
)
from workshop.kernel.subject import subject

NS = dict.fromkeys(("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", "pid_for_children"), 100)


def process(pid: int, comm: str = "bash", **fields: object) -> Process:
    base = Process(
        pid, 1, pid, pid, 0, "S", pid, comm, (comm,), (pid,), dict(NS), Root("/", 1, 2), "/", {"memory": "/"}
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def mount(target: str, fstype: str = "tmpfs", **fields: object) -> Mount:
    base = Mount(1, 0, (0, 1), "/", target, ("rw",), ("shared:1",), fstype, fstype, ("rw",))
    return replace(base, **fields)  # type: ignore[arg-type]


def snapshot(*processes: Process, mounts: tuple[Mount, ...] = (mount("/"),), **fields: object) -> Snapshot:
    everyone = {p.pid: p for p in (process(1, "sleep"), *processes)}
    tables = {mount_key(p): MountTable(p.pid, mounts) for p in everyone.values()}
    return replace(Snapshot(1, everyone, tables), **fields)  # type: ignore[arg-type]


def told(changes: tuple[Change, ...]) -> list[tuple[str, str, str, str | None, str | None]]:
    return [(c.area, c.verb, c.subject, c.before, c.after) for c in changes]


def test_nothing_changed() -> None:
    one = snapshot(process(5, state="S"))
    assert diff(one, snapshot(process(5, state="R")), 5) == ()


def test_unshare_without_fork_is_told_by_its_children() -> None:
    ns = {kind: inode for kind, inode in NS.items() if kind != "pid_for_children"}
    before, now = snapshot(process(5)), snapshot(process(5), process(6, ns=ns))
    changes = told(diff(before, now, 6))
    assert changes == [
        (
            "namespaces",
            "changed",
            "pid, for the children of bash (6)",
            "100 (the host's)",
            "a new one, still empty",
        ),
        ("processes", "added", "bash (6)", None, "6"),
    ]


def test_a_process_of_a_new_pid_namespace() -> None:
    inner = process(7, ns={**NS, "pid": 200, "pid_for_children": 200}, nspids=(7, 1))
    changes = told(diff(snapshot(process(5)), snapshot(process(5), inner), 7))
    assert ("namespaces", "changed", "pid of bash (7)", "100 (the host's)", "200") in changes
    assert ("processes", "added", "bash (7)", None, "7, and 1 inside") in changes
    assert len(changes) == 2


def test_a_zombie_an_orphan_and_an_exec_are_told() -> None:
    before = snapshot(process(5), process(6, ppid=5), process(7, ppid=5))
    now = snapshot(
        process(5, comm="vim", args=("vim", "x")), process(6, ppid=5, state="Z", ns={}), process(7, ppid=1)
    )
    assert told(diff(before, now, 5)) == [
        ("processes", "changed", "program of 5", "bash", "vim x"),
        ("processes", "changed", "bash (6)", "alive", "a zombie"),
        ("processes", "changed", "parent of bash (7)", "5", "1"),
    ]


def test_the_same_pid_with_another_start_is_another_process() -> None:
    changes = told(diff(snapshot(process(5, start=1)), snapshot(process(5, start=2)), 1))
    assert [verb for _, verb, *_ in changes] == ["removed", "added"]


def test_mounts_added_removed_and_turned_private() -> None:
    many = tuple(mount(f"/m{i}") for i in range(6))
    before = snapshot(mounts=(mount("/"), *many, mount("/gone")))
    now = snapshot(mounts=(mount("/", tags=()), *(replace(m, tags=()) for m in many), mount("/proc", "proc")))
    assert told(diff(before, now, 1)) == [
        ("mounts", "removed", "/gone", "tmpfs", None),
        ("mounts", "added", "/proc", None, "proc"),
        ("mounts", "changed", "propagation of 7 mounts", "shared", "private"),
    ]


def test_chroot_is_a_change_of_root() -> None:
    inner = process(5, root=Root("/img", 1, 99))
    changes = told(diff(snapshot(process(5)), snapshot(inner), 5))
    assert (
        "mounts",
        "changed",
        "root directory of bash (5)",
        "/ (the host's)",
        "/img (tmpfs tmpfs)",
    ) in changes


def test_cgroup_limits_membership_and_kills_but_not_use() -> None:
    old = Cgroup("memory", "/demo", (), {"memory.limit_in_bytes": "9", "memory.usage_in_bytes": "1"})
    new = Cgroup(
        "memory",
        "/demo",
        (5,),
        {
            "memory.limit_in_bytes": "20",
            "memory.usage_in_bytes": "7",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1",
        },
    )
    before = snapshot(process(5), cgroups=(old,))
    now = snapshot(process(5, cgroups={"memory": "/demo"}), cgroups=(new,))
    assert told(diff(before, now, 5)) == [
        ("cgroups", "changed", "memory.limit_in_bytes of /demo", "9", "20"),
        ("cgroups", "changed", "memory.oom_control oom_kill of /demo", None, "1"),
        ("cgroups", "changed", "memory.oom_control oom_kill_disable of /demo", None, "0"),
        ("cgroups", "changed", "memory of bash (5)", "/", "/demo"),
    ]


def test_a_link_that_moves_to_another_namespace() -> None:
    veth = Link(3, "v1", "veth", False, False, 1500, "", None, 2, None)
    here, there = Network(1, None, (veth,), (), ()), Network(None, "blue", (), (), ())
    before = snapshot(networks={100: here, 7: there})
    moved = Network(
        None, "blue", (replace(veth, up=True, carrier=True),), (Address(3, "10.0.0.2/24", 0),), ()
    )
    now = snapshot(networks={100: Network(1, None, (), (), ()), 7: moved})
    assert told(diff(before, now, 1)) == [
        ("network", "removed", "v1", "veth, down", None),
        ("network", "added", "v1 in blue", None, "veth, up"),
        ("network", "added", "address 10.0.0.2/24 in blue", None, "on v1"),
    ]


def test_datasets() -> None:
    base = Dataset("t/i", "filesystem", None, 0, 1000, None, "/t/i")
    clone = Dataset("t/c", "filesystem", "t/i@a", 0, 0, None, "/t/c")
    before = snapshot(datasets={"t/i": base})
    now = snapshot(datasets={"t/i": replace(base, referenced=2_000_000, used=5), "t/c": clone})
    assert told(diff(before, now, 1)) == [
        ("datasets", "added", "t/c", None, "clone of t/i@a"),
        ("datasets", "changed", "data of t/i", "1e+03 B", "1.91 MiB"),
    ]


def test_only_what_was_there_in_both_counts_as_a_new_name() -> None:
    before, now = snapshot(hostnames={100: "lab"}), snapshot(hostnames={100: "box", 5: "new"})
    assert told(diff(before, now, 1)) == [("hostname", "changed", "name of the host", "lab", "box")]


# subject


@pytest.mark.parametrize(
    ("others", "foreground", "expected"),
    [
        ((process(5),), 5, 5),
        ((process(5), process(9, ns={**NS, "net": 3})), 5, 9),
        ((process(5), process(9, ns={**NS, "net": 3}), process(12, ns={**NS, "uts": 4})), 5, 12),
        ((process(5, ns={**NS, "pid_for_children": 3}), process(9, ns={**NS, "net": 3})), 5, 5),
        (
            (process(5, "unshare", ns={**NS, "mnt": 3}), process(6, ppid=5, ns={**NS, "mnt": 3, "pid": 4})),
            5,
            6,
        ),
        ((process(5), process(9, state="Z", ns={})), 5, 5),
        ((process(5, root=Root("/x", 1, 9)),), 5, 5),
        ((process(5),), None, 1),
        ((process(5),), 77, 1),
    ],
    ids=["host", "background", "newest", "unshared", "wrapper", "zombie", "chroot", "nobody", "gone"],
)
def test_subject(others: tuple[Process, ...], foreground: int | None, expected: int) -> None:
    assert subject(snapshot(*others), foreground) == expected
