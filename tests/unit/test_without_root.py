"""User namespaces for ordinary accounts: what forbids them, whose ids, what is beyond them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop import delegation, machine, rootless
from workshop.conditions import CAPABILITIES, machines
from workshop.machine import Capability


def settings(folder: Path, **values: str) -> Path:
    for name, value in values.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    return folder


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"user__max_user_namespaces": "0"}, "sysctl user.max_user_namespaces=10000"),
        ({"kernel__unprivileged_userns_clone": "0"}, "sysctl kernel.unprivileged_userns_clone=1"),
        (
            {"kernel__apparmor_restrict_unprivileged_userns": "1"},
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_what_forbids_it_comes_with_the_way_out(tmp_path: Path, values: dict[str, str], said: str) -> None:
    [(reason, remedy)] = rootless._forbidden(settings(tmp_path, **values))
    assert said in remedy
    assert reason.endswith(f"is {next(iter(values.values()))}")


def test_an_ordinary_machine_forbids_nothing(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        user__max_user_namespaces="60000",
        kernel__unprivileged_userns_clone="1",
        kernel__apparmor_restrict_unprivileged_userns="0",
    )
    assert list(rootless._forbidden(found)) == []


def test_ranges_by_name_or_by_number(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("other:1:2\n# a comment\nme:100000:65536\n1001:200000:10\nbroken:x\n")
    assert rootless._range(file, "me", 1000) == (100000, 65536)
    assert rootless._range(file, "you", 1001) == (200000, 10)
    assert rootless._range(file, "", 7) is None
    assert rootless._range(tmp_path / "none", "me", 1000) is None


def uid_map(folder: Path, text: str) -> Path:
    (folder / "self").mkdir()
    (folder / "self/uid_map").write_text(text)
    return folder


def test_the_machines_own_namespace_maps_every_id_to_itself(tmp_path: Path) -> None:
    proc = uid_map(tmp_path, "         0          0 4294967295\n")
    assert not rootless.inside(proc)
    assert rootless.many_ids(proc)


def test_one_id_is_not_many(tmp_path: Path) -> None:
    proc = uid_map(tmp_path, "         0       1001          1\n")
    assert rootless.inside(proc)
    assert not rootless.many_ids(proc)


def test_a_range_beside_ones_own_is_many(tmp_path: Path) -> None:
    assert rootless.many_ids(uid_map(tmp_path, "0 1001 1\n1 100000 65536\n"))


def test_beyond_root_of_a_user_namespace() -> None:
    there = Capability("zfs", True, "ZFS", "zfs-fuse", "")
    beyond = machine._beyond(there)
    assert not beyond.has
    assert "--rootless" in beyond.reason and beyond.package == ""
    missing = Capability("zfs", False, "not installed", "zfs-fuse", "apt install zfs-fuse")
    assert machine._beyond(missing) == missing
    ping = Capability("ping", True, "/bin/ping")
    assert machine._beyond(ping) == ping


def test_all_that_is_beyond_is_a_capability() -> None:
    assert set(machine._BEYOND) <= set(CAPABILITIES)


def test_machines_may_have_no_cgroups() -> None:
    found = list(machines(["cgroup1"], ["cgroup2"]))
    assert any(not m["cgroup1"] and not m["cgroup2"] for m in found)
    assert not any(m["cgroup1"] and m["cgroup2"] for m in found)
    assert all(m["cgroups"] == (m["cgroup1"] or m["cgroup2"]) for m in found)


def test_a_part_of_the_tree_is_ours_only_if_it_hands_controllers_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = tmp_path / "user/ours.scope" / delegation.LEAF
    leaf.mkdir(parents=True)
    monkeypatch.setattr(delegation, "_own_group", lambda cgroups: leaf)
    assert not delegation.obtained(tmp_path)
    (leaf.parent / "cgroup.subtree_control").write_text("")
    assert not delegation.obtained(tmp_path)
    (leaf.parent / "cgroup.subtree_control").write_text("memory pids\n")
    assert delegation.obtained(tmp_path)
