"""btrfs: right ways and near misses, over subvolumes as the kernel tells of them."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_MOUNTS, mount, own, process, snapshot, view

from checks import btrfs
from workshop.kernel.model import Root, Subvolume

TOP = "/lab/btrfs"


def subvolume(name, parent=None, **fields):
    given = {"id": 256, "uuid": f"u-{name}", "parent": f"u-{parent}" if parent else None}
    given |= {"read_only": False, "dev": 100 + len(name)}
    return Subvolume(f"{TOP}/{name}", **(given | fields))


IMAGE, ONE, TWO = subvolume("image"), subvolume("one", "image"), subvolume("two", "image", dev=120)
FILES = {f"{TOP}/image": ("bin/sh",), TOP: ("image", "copied")}


def held(*subvolumes, inside=None, mounts=None, folders=None):
    listed = [inside] if inside else [process(7)]
    return snapshot(
        *listed,
        subvolumes={one.path: one for one in subvolumes},
        mounts=mounts,
        folders=FILES if folders is None else folders,
    )


# -- file_system_at


@pytest.mark.parametrize("source", ["/dev/loop3", "/dev/sdb"])
def test_file_system_at_passes(source):
    there = (*HOST_MOUNTS, mount(TOP, "btrfs", source=source))
    now = snapshot(process(7), mounts={1: there}, loops={"loop3": "/lab/btrfs.img"})
    verdict = btrfs.file_system_at(view(now), target=TOP, fstype="btrfs")
    assert verdict.passed and len(verdict.evidence) == (2 if "loop" in source else 1)


def test_file_system_at_misses():
    check, names = btrfs.file_system_at, {"target": TOP, "fstype": "btrfs"}
    assert check(view(snapshot(process(7))), **names).diagnosis == "nothing-mounted"
    other = snapshot(process(7), mounts={1: (*HOST_MOUNTS, mount(TOP, "tmpfs"))})
    assert check(view(other), **names).diagnosis == "other-file-system"
    inside = process(7, ns=own("mnt"))
    hidden = snapshot(inside, mounts={7: (*HOST_MOUNTS, mount(TOP, "btrfs"))})
    assert check(view(hidden), **names).diagnosis == "mounted-inside"


# -- subvolume_with


@pytest.mark.parametrize("subvolumes", [(IMAGE,), (ONE, IMAGE, TWO)])
def test_subvolume_with_passes(subvolumes):
    assert btrfs.subvolume_with(view(held(*subvolumes)), path=IMAGE.path).passed


@pytest.mark.parametrize(
    ("subvolumes", "entries", "diagnosis"),
    [
        ((), ("bin/sh",), None),
        ((IMAGE,), (), "unpacked-elsewhere"),
        ((IMAGE,), ("debian.tar",), "not-unpacked"),
    ],
)
def test_subvolume_with_misses(subvolumes, entries, diagnosis):
    now = held(*subvolumes, folders={IMAGE.path: entries})
    assert btrfs.subvolume_with(view(now), path=IMAGE.path).diagnosis == diagnosis


# -- snapshots_of, frozen_snapshot


def snapshots(*subvolumes):
    return btrfs.snapshots_of(view(held(*subvolumes)), paths=f"{TOP}/one {TOP}/two", source=f"{TOP}/image")


def test_snapshots_of_passes():
    assert snapshots(IMAGE, ONE, TWO).passed
    latest = subvolume("latest", "image", read_only=True)
    assert snapshots(IMAGE, latest, subvolume("one", "latest"), subvolume("two", "one")).passed


@pytest.mark.parametrize(
    ("subvolumes", "diagnosis"),
    [
        ((ONE, TWO), "no-subvolume"),
        ((IMAGE, ONE), None),
        ((IMAGE, ONE, subvolume("two")), "copy-not-snapshot"),
        ((IMAGE, ONE, subvolume("two", "image", read_only=True)), "read-only-snapshot"),
        ((IMAGE, ONE, subvolume("two", "other")), "other-parent"),
    ],
)
def test_snapshots_of_misses(subvolumes, diagnosis):
    assert snapshots(*subvolumes).diagnosis == diagnosis


def test_a_copied_folder_is_no_snapshot():
    verdict = btrfs.snapshots_of(view(held(IMAGE)), paths=f"{TOP}/copied", source=IMAGE.path)
    assert verdict.diagnosis == "copy-not-snapshot"


def frozen(*subvolumes, path="mine"):
    return btrfs.frozen_snapshot(view(held(*subvolumes)), path=f"{TOP}/{path}", source=ONE.path)


def test_frozen_snapshot():
    mine = subvolume("mine", "one", read_only=True)
    assert frozen(IMAGE, ONE, mine).passed
    assert frozen(IMAGE, ONE, subvolume("layer", "one"), subvolume("mine", "layer", read_only=True)).passed
    assert frozen(IMAGE, ONE, subvolume("mine", "one")).diagnosis == "writable-snapshot"
    of_image = subvolume("mine", "image", read_only=True)
    assert frozen(IMAGE, ONE, of_image).diagnosis == "other-parent"
    assert frozen(IMAGE, ONE, subvolume("mine", read_only=True)).diagnosis == "copy-not-snapshot"
    nothing = frozen(IMAGE, ONE)
    assert (nothing.diagnosis, nothing.found) == (None, "there is no /lab/btrfs/mine yet")
    assert frozen(IMAGE, ONE, path="copied").diagnosis == "copy-not-snapshot"
    assert frozen(mine).found == f"there is no {ONE.path} yet"


# -- on_subvolume


def inside(path, dev, ino=256, **fields):
    return process(7, ns=own("mnt", "pid"), root=Root(path, dev, ino), **fields)


@pytest.mark.parametrize("path", [ONE.path, "/"])
def test_on_subvolume_passes(path):
    now = held(IMAGE, ONE, TWO, inside=inside(path, ONE.dev))
    assert btrfs.on_subvolume(view(now), path=ONE.path).passed


@pytest.mark.parametrize(
    ("found", "one", "diagnosis"),
    [
        (process(7), ONE, "root-is-the-hosts"),
        (inside("/lab/containers/one", 43, 9), ONE, "not-on-btrfs"),
        (inside(IMAGE.path, IMAGE.dev), ONE, "on-the-subvolume"),
        (inside(TWO.path, TWO.dev), ONE, "other-root"),
        (inside(f"{ONE.path}/home", ONE.dev, 300), ONE, "other-root"),
        (inside(ONE.path, ONE.dev), subvolume("one"), "copy-not-snapshot"),
    ],
)
def test_on_subvolume_misses(found, one, diagnosis):
    now = held(IMAGE, one, TWO, inside=found)
    assert btrfs.on_subvolume(view(now), path=ONE.path).diagnosis == diagnosis


def test_a_process_that_is_gone():
    assert btrfs.on_subvolume(view(snapshot(), subject=99), path=ONE.path).found == "process 99 is gone"
