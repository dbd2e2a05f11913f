"""ZFS: datasets, snapshots and clones as `zfs list` gives them."""

from __future__ import annotations

import pytest
from kernel_builders import dataset, mount, own, process, snapshot, view

from checks import storage
from workshop.kernel.model import Root

LATEST = dataset("tank/images/debian@latest")
IMAGE = dataset("tank/images/debian")
T1 = dataset("tank/containers/t1", origin=LATEST.name)


def listed(*datasets, **more):
    return snapshot(datasets=datasets, **more)


def test_datasets_exist():
    names = "tank/images tank/images/debian"
    assert storage.datasets_exist(view(listed(dataset("tank/images"), IMAGE)), names=names).passed
    assert storage.datasets_exist(view(listed(T1, IMAGE, dataset("tank/images"))), names=names).passed
    assert storage.datasets_exist(view(listed(dataset("tank/images"))), names=names).diagnosis == "no-dataset"
    volume = dataset("tank/images/debian", type="volume")
    assert not storage.datasets_exist(view(listed(dataset("tank/images"), volume)), names=names).passed


def test_dataset_gone():
    before = listed(IMAGE, T1)
    assert storage.dataset_gone(view(listed(IMAGE), before=before), name=T1.name).passed
    assert not storage.dataset_gone(view(before, before=before), name=T1.name).passed
    assert not storage.dataset_gone(view(listed(IMAGE), before=listed(IMAGE)), name=T1.name).passed


def test_snapshot_exists():
    check = storage.snapshot_exists
    assert check(view(listed(IMAGE, LATEST)), name=LATEST.name).passed
    assert check(view(listed(dataset("tank/images@latest"), LATEST)), name=LATEST.name).passed
    parent = dataset("tank/images@latest")
    assert check(view(listed(IMAGE, parent)), name=LATEST.name).diagnosis == "other-snapshot"
    assert check(view(listed(IMAGE)), name=LATEST.name).diagnosis == "no-snapshot"
    old = listed(IMAGE, parent)
    assert check(view(old, before=old), name=LATEST.name).diagnosis == "no-snapshot"


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (T1, None),
        (dataset(T1.name, origin=LATEST.name, used=9), None),
        (dataset(T1.name), "copy-not-clone"),
        (dataset(T1.name, origin="tank/images@latest"), "other-origin"),
        (IMAGE, "no-dataset"),
    ],
)
def test_clone_of(found, diagnosis):
    verdict = storage.clone_of(view(listed(found)), name=T1.name, origin=LATEST.name)
    assert (verdict.passed, verdict.diagnosis) == (diagnosis is None, diagnosis)


@pytest.mark.parametrize(
    ("found", "entries", "diagnosis"),
    [
        (dataset("tank/mine"), ("bin/bash",), None),
        (dataset("tank/mine", mountpoint="/elsewhere"), ("bin/bash",), None),
        (dataset("tank/mine"), (), "nothing-received"),
        (dataset("tank/mine", origin="tank/t1@mine"), ("bin/bash",), "clone-not-copy"),
    ],
)
def test_independent_copy(found, entries, diagnosis):
    now = listed(found, folders={found.mountpoint: entries})
    verdict = storage.independent_copy(view(now), name="tank/mine", has="bin/bash")
    assert (verdict.passed, verdict.diagnosis) == (diagnosis is None, diagnosis)


def test_independent_copy_misses_what_is_not_there():
    assert storage.independent_copy(view(listed()), name="tank/mine", has="x").diagnosis == "no-dataset"


CHROOT = process(7, ns=own("mnt", "pid"), root=Root("/tank/containers/t1", 90, 2))
PIVOTED = process(7, ns=own("mnt", "pid"), root=Root("/", 90, 2))


@pytest.mark.parametrize("found", [CHROOT, PIVOTED])
@pytest.mark.parametrize("fstype", ["zfs", "fuse.zfs"])
def test_on_zfs_clone_passes(found, fstype):
    top = mount("/", fstype, source=T1.name)
    now = snapshot(found, mounts={7: (top,)}, datasets=(IMAGE, LATEST, T1))
    assert storage.on_zfs_clone(view(now), name=T1.name).passed


@pytest.mark.parametrize(
    ("found", "entries", "clone", "diagnosis"),
    [
        (process(7), (), T1, "root-is-the-hosts"),
        (CHROOT, (), T1, "not-on-zfs"),
        (CHROOT, (mount("/", "tmpfs"),), T1, "not-on-zfs"),
        (CHROOT, (mount("/", "zfs", source=IMAGE.name),), T1, "on-the-image"),
        (CHROOT, (mount("/", "zfs", source="tank/containers", root="/t1"),), T1, "other-root"),
        (CHROOT, (mount("/", "zfs", source=T1.name),), dataset(T1.name), "copy-not-clone"),
    ],
)
def test_on_zfs_clone_misses(found, entries, clone, diagnosis):
    mounts = {7: entries} if entries else {}
    now = snapshot(found, mounts=mounts, datasets=(IMAGE, LATEST, clone))
    assert storage.on_zfs_clone(view(now), name=T1.name).diagnosis == diagnosis
