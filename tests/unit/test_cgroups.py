"""Where the lab's group is made, on machines of each kind; on folders that look like cgroupfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop import cgroups
from workshop.cgroups import Group, Hierarchy
from workshop.ledger import Entry


def group(folder: Path, *, controllers: str = "", hands_down: str = "", root: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text(hands_down)
    (folder / "cgroup.procs").write_text("")
    if not root:
        (folder / "cgroup.type").write_text("domain\n")
    return folder


def proc(folder: Path, cgroup: str, mounts: str) -> Path:
    (folder / "self").mkdir(parents=True)
    (folder / "self/cgroup").write_text(cgroup)
    (folder / "self/mountinfo").write_text(mounts)
    return folder


def test_v2_without_systemd_is_at_the_root(tmp_path: Path) -> None:
    top = group(tmp_path, controllers="memory", root=True)
    inner = group(tmp_path / "user/me")
    assert cgroups._parent(Hierarchy((), top, top)) == top
    assert cgroups._parent(Hierarchy((), top, inner)) == top


def test_v2_in_a_container_is_below_the_nearest_that_hands_down(tmp_path: Path) -> None:
    top = group(tmp_path / "top", controllers="memory pids", hands_down="memory pids")
    group(top / "a", controllers="memory", hands_down="memory")
    inner = group(top / "a/b", controllers="memory")
    assert cgroups._parent(Hierarchy((), top, inner)) == top / "a"


def test_v2_for_an_ordinary_account_is_below_its_own_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups.rootless, "inside", lambda: True)
    top = group(tmp_path / "top", controllers="memory pids", hands_down="memory pids", root=True)
    group(top / "user", controllers="memory", hands_down="memory")
    group(top / "user/scope", controllers="memory", hands_down="memory")
    program = group(top / "user/scope/program", controllers="memory")
    assert cgroups._parent(Hierarchy((), top, program)) == top / "user/scope"


def test_v2_in_a_container_that_hands_nothing_down(tmp_path: Path) -> None:
    top = group(tmp_path / "top", controllers="memory")
    assert cgroups._parent(Hierarchy((), top, top)) == top


def test_v1_is_below_the_programs_own_group(tmp_path: Path) -> None:
    inner = tmp_path / "memory/some/where"
    assert cgroups._parent(Hierarchy(("memory",), tmp_path / "memory", inner)) == inner


def test_hierarchies_of_a_hybrid_machine(tmp_path: Path) -> None:
    found = cgroups.hierarchies(
        proc(
            tmp_path,
            "9:name=systemd:/\n4:memory:/deep/er\n2:cpu,cpuacct:/\n7:hugetlb:/unmounted\n0::/\n",
            "31 1 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu\n"
            "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        )
    )
    assert {h.options: str(h.folder) for h in found} == {
        "none,name=systemd": "/sys/fs/cgroup/systemd",
        "memory": "/sys/fs/cgroup/memory/deep/er",
        "cpu,cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "": "/sys/fs/cgroup/unified",
    }


def test_a_container_sees_its_own_part_of_a_hierarchy(tmp_path: Path) -> None:
    (one,) = cgroups.hierarchies(
        proc(
            tmp_path,
            "4:memory:/docker/abc/inner\n3:pids:/elsewhere\n",
            "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
            "36 31 0:33 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n",
        )
    )
    assert str(one.folder) == "/sys/fs/cgroup/memory/inner"


def test_processes_live_in_a_leaf_on_v2_only(tmp_path: Path) -> None:
    two, one = Hierarchy((), tmp_path, tmp_path), Hierarchy(("memory",), tmp_path, tmp_path)
    assert Group(two, tmp_path).leaf == tmp_path / "init"
    assert Group(one, tmp_path).leaf == tmp_path


@pytest.mark.parametrize(
    "name",
    ["system.slice", "container-workshop", "container-workshop-mine", "container-workshop-0123456789abc"],
)
def test_a_group_without_a_name_of_ours_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert "left alone" in cgroups.remove(tmp_path / name)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("suffix", ["", ".scope"])
def test_a_group_of_ours_goes_with_all_below(tmp_path: Path, suffix: str) -> None:
    ours = tmp_path / f"container-workshop-0123456789ab{suffix}"
    (ours / "a/b").mkdir(parents=True)
    assert cgroups.remove(ours) == "" and not ours.exists()
    assert cgroups.remove(ours) == ""


def test_controllers_are_taken_back_only_when_nobody_else_is_there(tmp_path: Path) -> None:
    control = group(tmp_path) / "cgroup.subtree_control"
    entry = Entry("controllers", str(tmp_path), {"added": "pids"})
    (tmp_path / "another").mkdir()
    assert cgroups.take_back(entry) == "" and control.read_text() == ""
    (tmp_path / "another").rmdir()
    assert cgroups.take_back(entry) == "" and control.read_text() == "-pids"


def test_where_a_learner_makes_groups() -> None:
    at = Path("/sys/fs/cgroup")
    memory, cpu, ice = (
        Group(Hierarchy((*names,), at / names[-1], at / names[-1]), at / names[-1] / "ours")
        for names in (("memory",), ("cpuacct", "cpu"), ("freezer",))
    )
    one = cgroups.places((memory, cpu, ice))
    assert one == {name: f"/sys/fs/cgroup/{name}" for name in ("memory", "cpu", "freezer")}
    empty = Group(Hierarchy((), at / "unified", at / "unified"), at / "unified/ours")
    hybrid = cgroups.places((memory, cpu, ice, empty))
    assert hybrid["memory"] == "/sys/fs/cgroup/memory"
    assert hybrid["cgroup2"] == hybrid["freezer"] == "/sys/fs/cgroup/unified"
    two = Group(Hierarchy((), at, at / "user.slice"), at / "ours")
    assert set(cgroups.places((two,)).values()) == {"/sys/fs/cgroup"}
    assert set(cgroups.places((two,), namespace=False).values()) == {"/sys/fs/cgroup/ours"}
    assert cgroups.places(()) == {}


def test_a_controller_that_is_mounted_elsewhere_is_in_the_lab_where_everybody_looks() -> None:
    odd = Path("/cgroup/mem")
    moved = Group(Hierarchy(("memory",), odd, odd), odd / "ours")
    assert cgroups.places((moved,)) == {"memory": "/sys/fs/cgroup/memory"}
    assert cgroups.places((moved,), namespace=False) == {"memory": "/cgroup/mem/ours"}
    both = Group(Hierarchy(("cpu", "cpuacct"), odd, odd), odd / "ours")
    assert cgroups.places((both,))["cpu"] == "/sys/fs/cgroup/cpu,cpuacct"
    named = Hierarchy(("name=systemd",), odd, odd)
    assert named.place == Path("/sys/fs/cgroup/systemd") and Hierarchy((), odd, odd).place.name == "unified"


def test_a_lab_has_a_most_of_processes_where_they_are_counted(tmp_path: Path) -> None:
    cgroups._cap(tmp_path)
    assert not (tmp_path / "pids.max").exists()
    (tmp_path / "pids.max").write_text("max ")
    cgroups._cap(tmp_path)
    assert (tmp_path / "pids.max").read_text() == str(cgroups.MOST_PROCESSES)


def test_a_controller_that_is_mounted_nowhere_is_said(tmp_path: Path) -> None:
    at = tmp_path / "unified"
    at.mkdir()
    one, two = Hierarchy(("cpu", "cpuacct"), at, at), Hierarchy((), at, at)
    assert [each.partition(":")[0] for each in cgroups._not_mounted((one, two))] == [
        "no limits on memory",
        "no limits on pids",
    ]
    (at / "cgroup.controllers").write_text("memory pids\n")
    assert list(cgroups._not_mounted((one, two))) == []
