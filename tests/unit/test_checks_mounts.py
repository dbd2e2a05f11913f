"""Mounts: right ways and near misses, over mount tables as the kernel shows them."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot, view

from checks import mounts
from workshop.kernel.model import Root

OWN_ROOT = Root("/", 60, 2)
CHROOT = Root("/lab/containers/one", 43, 9)
INNER_PID = own("pid")["pid"]
PIVOTED = (mount("/", dev=43, root="/containers/one"), mount("/proc", "proc", dev=70))


def contained(**fields):
    given = {
        "ns": own("mnt", "pid"),
        "nspids": (7, 1),
        "root": OWN_ROOT,
        "cwd": "/",
        "proc_pid_ns": INNER_PID,
    }
    return process(7, **(given | fields))


def table(found, *entries):
    return snapshot(found, mounts={7: entries})


# -- own_proc


@pytest.mark.parametrize(
    "found",
    [contained(), contained(root=CHROOT), contained(ns=own("pid"), root=CHROOT)],
)
def test_own_proc_passes(found):
    assert mounts.own_proc(view(snapshot(found))).passed


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (contained(proc_pid_ns=HOST_NS["pid"]), "old-proc"),
        (contained(proc_pid_ns=None), "no-proc"),
        (contained(ns=own("pid"), root=process(1).root), "proc-over-host"),
        (process(7), "no-new-namespace"),
        (process(7, ns=own("pid_for_children")), "forgot-fork"),
    ],
)
def test_own_proc_misses(found, diagnosis):
    verdict = mounts.own_proc(view(snapshot(found)))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_the_first_broken_condition_is_named():
    verdict = mounts.own_proc(view(snapshot(contained(proc_pid_ns=HOST_NS["pid"]))))
    assert verdict.found == "a new pid namespace, but /proc is still the old one"
    assert [e.source for e in verdict.evidence] == ["/proc/7/ns/pid", "/proc/7/root/proc"]


# -- private_mount, leaked, private_mounts


@pytest.mark.parametrize("entry", [mount("/mnt", dev=80), mount("/mnt", "overlay", dev=41, root="/etc")])
def test_private_mount_passes(entry):
    now = table(process(7, ns=own("mnt")), *HOST_MOUNTS, entry)
    assert mounts.private_mount(view(now), target="/mnt").passed


def test_private_mount_misses():
    check, entry = mounts.private_mount, mount("/mnt", dev=80)
    at_home = snapshot(process(7), mounts={1: (*HOST_MOUNTS, entry)})
    assert check(view(at_home), target="/mnt").diagnosis == "mounted-on-host"
    assert check(view(snapshot(process(7))), target="/mnt").diagnosis == "no-new-namespace"
    inside = process(7, ns=own("mnt"))
    both = snapshot(inside, mounts={1: (*HOST_MOUNTS, entry), 7: (*HOST_MOUNTS, entry)})
    assert check(view(both), target="/mnt").diagnosis == "mount-leaks"
    assert not check(view(table(inside, *HOST_MOUNTS)), target="/mnt").passed
    assert not check(view(table(inside, entry)), target="/mnt", fstype="ext4").passed


def test_leaked():
    inside = process(7, ns=own("mnt"))
    shared = mount("/mnt", dev=80, tags=("shared:12",))
    both = snapshot(inside, mounts={1: (shared,), 7: (shared,)})
    assert mounts.leaked(view(both), target="/mnt").passed
    slave = mount("/mnt", dev=80, tags=("shared:12", "master:3"))
    assert mounts.leaked(view(snapshot(inside, mounts={1: (shared,), 7: (slave,)})), target="/mnt").passed
    private = table(inside, *HOST_MOUNTS, mount("/mnt", dev=80))
    assert mounts.leaked(view(private), target="/mnt").diagnosis == "private-by-default"
    alone = table(inside, *HOST_MOUNTS, shared)
    assert mounts.leaked(view(alone), target="/mnt").diagnosis == "shared-with-nobody"
    copied = mount("/mnt", dev=80)
    assert not mounts.leaked(
        view(snapshot(inside, mounts={1: (copied,), 7: (copied,)})), target="/mnt"
    ).passed
    at_home = snapshot(process(7), mounts={1: (shared,)})
    assert mounts.leaked(view(at_home), target="/mnt").diagnosis == "no-new-namespace"


@pytest.mark.parametrize("tags", [(), ("master:3",), ("unbindable",)])
def test_private_mounts_passes(tags):
    now = table(process(7, ns=own("mnt")), mount("/", tags=tags), mount("/proc", "proc", tags=tags))
    assert mounts.private_mounts(view(now)).passed


@pytest.mark.parametrize(
    ("top", "below", "diagnosis"),
    [
        ((), ("shared:2",), "not-recursive"),
        (("shared:1",), ("shared:2",), "still-shared"),
        (("shared:1", "master:2"), (), "still-shared"),
    ],
)
def test_private_mounts_misses(top, below, diagnosis):
    now = table(process(7, ns=own("mnt")), mount("/", tags=top), mount("/proc", "proc", tags=below))
    assert mounts.private_mounts(view(now)).diagnosis == diagnosis


def test_private_mounts_on_the_host_are_no_merit():
    assert mounts.private_mounts(view(snapshot(process(7)))).diagnosis == "no-new-namespace"


# -- pivoted, no_old_root, sealed


@pytest.mark.parametrize("top", [PIVOTED, (mount("/", dev=60), mount("/old", "overlay", dev=41))])
def test_pivoted_passes(top):
    assert mounts.pivoted(view(table(contained(), *top))).passed


@pytest.mark.parametrize(
    ("found", "entries", "diagnosis"),
    [
        (contained(root=CHROOT), (), "chroot-not-pivot"),
        (contained(root=CHROOT), (mount("/", "overlay", dev=41),), "chroot-not-pivot"),
        (process(7, ns=own("mnt"), cwd="/lab/containers/one"), HOST_MOUNTS, "pivot-no-mount-point"),
        (
            process(7, ns=own("mnt"), cwd="/lab"),
            (mount("/", "overlay", dev=41, tags=("shared:1",)), mount("/lab")),
            "pivot-shared",
        ),
        (process(7, root=OWN_ROOT), PIVOTED, "no-new-namespace"),
    ],
)
def test_pivoted_misses(found, entries, diagnosis):
    assert mounts.pivoted(view(table(found, *entries))).diagnosis == diagnosis


def test_no_old_root():
    old = mount("/old", "overlay", dev=41)
    assert mounts.no_old_root(view(table(contained(), *PIVOTED))).passed
    assert mounts.no_old_root(view(table(contained(), mount("/", dev=60)))).passed
    left = mounts.no_old_root(view(table(contained(), *PIVOTED, old)))
    assert left.diagnosis == "old-root-left"
    hidden = mounts.no_old_root(view(table(contained(), *PIVOTED, old, mount("/old", dev=90))))
    assert hidden.diagnosis == "old-root-hidden"
    assert mounts.no_old_root(view(table(contained(root=CHROOT)))).diagnosis == "chroot-not-pivot"


def test_sealed():
    assert mounts.sealed(view(table(contained(), *PIVOTED))).passed
    assert mounts.sealed(view(table(contained(nspids=(7, 9)), mount("/", dev=60)))).passed
    open_door = contained(ns=own("mnt"), nspids=(7,), proc_pid_ns=HOST_NS["pid"])
    assert mounts.sealed(view(table(open_door, *PIVOTED))).diagnosis == "door-in-proc"
    assert mounts.sealed(view(table(contained(proc_pid_ns=None), *PIVOTED))).diagnosis == "no-proc"
    old = mount("/old", "overlay", dev=41)
    assert mounts.sealed(view(table(contained(), *PIVOTED, old))).diagnosis == "old-root-left"


# -- system_mounts, bind_volume


def system(dev="tmpfs"):
    return (*PIVOTED, mount("/sys", "sysfs"), mount("/dev", dev))


def test_system_mounts():
    assert mounts.system_mounts(view(table(contained(), *system()))).passed
    assert mounts.system_mounts(view(table(contained(), *reversed(system())))).passed
    assert mounts.system_mounts(view(table(contained(), *system("devtmpfs")))).diagnosis == "host-dev"
    assert mounts.system_mounts(view(table(contained(), *PIVOTED))).diagnosis == "not-mounted"
    covered = (*system(), mount("/proc", "tmpfs"))
    assert mounts.system_mounts(view(table(contained(), *covered))).diagnosis == "not-mounted"


def test_bind_volume():
    check, names = mounts.bind_volume, {"target": "/data", "source": "/lab/data"}
    volume = mount("/data", dev=43, root="/data")
    assert check(view(table(contained(), *PIVOTED, volume)), **names).passed
    assert check(view(table(contained(root=CHROOT, ns=own("mnt")), volume)), **names).passed
    assert check(view(table(contained(), *PIVOTED)), **names).diagnosis == "volume-not-mounted"
    for other in (mount("/data", dev=91), mount("/data", dev=43, root="/other")):
        assert check(view(table(contained(), *PIVOTED, other)), **names).diagnosis == "other-volume"
    at_home = table(process(7, ns=own("mnt")), *HOST_MOUNTS, volume)
    assert check(view(at_home), **names).diagnosis == "root-is-the-hosts"
