"""Roots: chroot, the way out of it, and what an unpacked image looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import mount, own, process, snapshot, view

from checks import rootfs
from workshop.kernel.model import Cgroup, Network, Root

ONE = "/lab/containers/one"
CHROOT = Root(ONE, 43, 9)
FULL = ("bin", "bin/bash", "bin/sh", "etc")


@pytest.mark.parametrize("entries", [FULL, ("bin/bash",)])
def test_unpacked_passes(entries):
    assert rootfs.unpacked(view(snapshot(folders={ONE: entries})), path=ONE, has="bin/bash").passed


@pytest.mark.parametrize(
    ("folders", "diagnosis"),
    [
        ({}, "no-such-folder"),
        ({ONE: ()}, "unpacked-elsewhere"),
        ({ONE: ("debian.tar",)}, "not-unpacked"),
        ({"/lab/containers/two": FULL}, "no-such-folder"),
    ],
)
def test_unpacked_misses(folders, diagnosis):
    now = snapshot(folders=folders)
    assert rootfs.unpacked(view(now), path=ONE, has="bin/bash").diagnosis == diagnosis


def test_lacks():
    names = {"path": "/t1", "name": "bin/bash", "other": "/image"}
    assert rootfs.lacks(view(snapshot(folders={"/t1": ("etc",), "/image": FULL})), **names).passed
    assert rootfs.lacks(view(snapshot(folders={"/t1": (), "/image": FULL})), **names).passed
    assert not rootfs.lacks(view(snapshot(folders={"/t1": FULL, "/image": FULL})), **names).passed
    for ours in (FULL, ("etc",)):
        now = snapshot(folders={"/t1": ours, "/image": ("etc",)})
        assert rootfs.lacks(view(now), **names).diagnosis == "removed-from-image"
    assert not rootfs.lacks(view(snapshot(folders={"/image": FULL})), **names).passed


def test_has_more():
    names = {"path": "/t1", "other": "/image"}
    for extra in ("mine", "bin/mine"):
        assert rootfs.has_more(
            view(snapshot(folders={"/t1": (*FULL, extra), "/image": FULL})), **names
        ).passed
    same = snapshot(folders={"/t1": FULL, "/image": FULL})
    assert rootfs.has_more(view(same), **names).diagnosis == "nothing-written"
    less = snapshot(folders={"/t1": ("etc",), "/image": FULL})
    assert rootfs.has_more(view(less), **names).diagnosis == "nothing-written"


def test_holds_all_of():
    names = {"path": "/t1", "other": "/image"}
    for ours in (FULL, (*FULL, "mine")):
        assert rootfs.holds_all_of(view(snapshot(folders={"/t1": ours, "/image": FULL})), **names).passed
    one_back = rootfs.holds_all_of(
        view(snapshot(folders={"/t1": ("bin", "bin/sh"), "/image": FULL})), **names
    )
    assert one_back.diagnosis == "not-all-back" and one_back.found == "/t1 lacks bin/bash, etc"
    assert not rootfs.holds_all_of(view(snapshot(folders={"/t1": FULL})), **names).passed


def test_entry():
    names = {"path": "/images", "name": "base"}
    assert rootfs.entry(view(snapshot(folders={"/images": ("base", "mine")})), **names).passed
    for folders in ({}, {"/images": ()}, {"/images": ("bases",)}):
        assert rootfs.entry(view(snapshot(folders=folders)), **names).diagnosis == "no-entry"


def test_entry_removed():
    before = snapshot(folders={"/c": ("one", "two")})
    for now in ({}, {"/c": ("two", "four")}):
        assert rootfs.entry_removed(view(snapshot(folders=now), before=before), path="/c").passed
    for now in (("one", "two"), ("one", "two", "four")):
        still = rootfs.entry_removed(view(snapshot(folders={"/c": now}), before=before), path="/c")
        assert still.diagnosis == "not-removed"
    assert not rootfs.entry_removed(view(snapshot(), before=snapshot()), path="/c").passed


def test_entry_removed_with_all_that_is_called_so():
    before, gone = snapshot(folders={"/c": ("one", "two")}), snapshot(folders={"/c": ("two",)})

    def left(**more):
        return rootfs.entry_removed(view(replace(gone, **more), before=before), path="/c", prefix="my-")

    mine = Network(None, "my-one", (), (), ())
    assert left().passed
    assert left(networks={5: replace(mine, name="my-two")}, cgroups=(Cgroup("", "/x/my-two", ()),)).passed
    assert left(networks={5: mine}).diagnosis == "left-behind"
    group = left(cgroups=(Cgroup("memory", "/x/my-one", ()),))
    assert group.diagnosis == "left-behind" and group.found == "the group my-one is still there"


def test_new_root_by_chroot_and_by_pivot_root():
    assert rootfs.new_root(view(snapshot(process(7, root=CHROOT))), path=ONE).passed
    pivoted = process(7, ns=own("mnt"), root=Root("/", 43, 9))
    top = mount("/", dev=43, root="/containers/one")
    assert rootfs.new_root(view(snapshot(pivoted, mounts={7: (top,)})), path=ONE).passed


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (process(7, cwd=ONE), "cd-is-no-chroot"),
        (process(7), "root-is-the-hosts"),
        (process(7, root=Root("/lab/containers/two", 43, 10)), "other-root"),
        (process(7, ns=own("mnt"), root=Root("/", 99, 1)), "other-root"),
        (process(7, root=None), "root-is-the-hosts"),
    ],
)
def test_new_root_misses(found, diagnosis):
    assert rootfs.new_root(view(snapshot(found)), path=ONE).diagnosis == diagnosis


def test_escaped_with_an_ancestor_inside_and_by_exec():
    jailed = process(7, root=CHROOT)
    out = process(8, ppid=7)
    assert rootfs.escaped(view(snapshot(jailed, out), 8)).passed
    assert rootfs.escaped(view(snapshot(jailed, process(9, ppid=10), process(10, ppid=7)), 9)).passed
    assert rootfs.escaped(view(snapshot(process(7)), before=snapshot(jailed))).passed


def test_escaped_misses():
    jailed = process(7, root=CHROOT)
    only_left = view(snapshot(process(6)), 6, before=snapshot(process(6), jailed))
    assert rootfs.escaped(only_left).diagnosis == "left-not-escaped"
    still = view(snapshot(jailed, process(8, ppid=7, root=CHROOT)), 8)
    assert rootfs.escaped(still).diagnosis == "still-inside"
    another = snapshot(process(7, start=5))
    assert not rootfs.escaped(view(another, before=snapshot(jailed))).passed, "a pid that is used again"
