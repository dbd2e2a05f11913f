"""What the learner notes, beside what the file systems say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import HOST_MOUNTS, dataset, mount, process, snapshot, view

from checks import measures
from workshop.kernel.model import File, Subvolume

MIB = 1 << 20
COPY, MERGED, UPPER = "/lab/layers/copy", "/lab/over/merged", "/lab/over/upper"
SNAPSHOT, CLONE = "/lab/btrfs/three", "tank/three"
WAYS = {"file": "big", "copy": COPY, "merged": MERGED, "snapshot": SNAPSHOT, "clone": CLONE}
OVERLAY = mount(
    MERGED, "overlay", super_options=("lowerdir=/lab/layers/image", f"upperdir={UPPER}", "workdir=/w")
)
CREATED = "copy 21 37\noverlay 2 0\nbtrfs 3 0\nzfs 40 0\n"
BYTE = "copy 0\noverlay 32\nbtrfs 0\nzfs 0\n"


def big(allocated=32 * MIB, exclusive=None, written=1):
    return File("file", 32 * MIB, allocated, exclusive, written=written)


def machine(noted="", *, zfs=True, overlay=True, parent="u", written=1, **files):
    """`files` replaces what is in the folders: copy, upper, snapshot, clone."""
    held = {
        "copy": {"big": big(written=written), "bin/sh": File("file", 5 * MIB, 5 * MIB)},
        "upper": {} if written == 1 else {"big": big(written=written)},
        "snapshot": {"big": big(exclusive=0 if written == 1 else 4096, written=written)},
        "clone": {"big": big(written=written)},
    } | files
    places = {"copy": COPY, "upper": UPPER, "snapshot": SNAPSHOT, "clone": f"/{CLONE}"}
    return snapshot(
        process(7),
        mounts={1: (*HOST_MOUNTS, OVERLAY) if overlay else HOST_MOUNTS},
        datasets=(dataset(CLONE, "tank/image@latest", used=1024),) if zfs else (),
        subvolumes={SNAPSHOT: Subvolume(SNAPSHOT, 260, "v", parent, False, 90)},
        layers={places[name]: files for name, files in held.items() if files is not None},
        notes={"create": noted, "byte": noted},
    )


def test_the_image_on_btrfs_has_the_large_file_first():
    """Else it was put into the snapshot, and that is no longer small."""
    now = machine(CREATED)
    image = Subvolume("/lab/btrfs/image", 257, "u", None, False, 91)
    layers = {**now.layers, image.path: {"bin/sh": File("file", 5 * MIB, 5 * MIB)}}
    without = replace(now, subvolumes={**now.subvolumes, image.path: image}, layers=layers)
    verdict = created(without)
    assert verdict.diagnosis == "container-missing" and "/lab/btrfs/image has no big" in verdict.found
    layers = {**layers, image.path: {"big": big(exclusive=0)}}
    assert created(replace(without, layers=layers)).passed


def created(now):
    return measures.measured_creation(view(now), note="create", **WAYS)


@pytest.mark.parametrize(
    "noted",
    [
        CREATED,
        "zfs 40 ms 0.2 MiB\nBtrfs: 3 0\ncopy 20 36 layers/copy\noverlay 2 0\n",
        "copy 1 1\n" + CREATED,
        "copy 2e1 37.\noverlay 2 .01\nbtrfs 3 1.14e-05\nzfs +40 0\n",
        "copy 21ms 37MiB\noverlay 2ms 0MiB\nbtrfs 3ms 0M\nzfs 40ms 0MB\n",
    ],
)
def test_measured_creation_passes(noted):
    assert created(machine(noted)).passed


def test_without_zfs_there_are_three_lines():
    noted = CREATED.rpartition("zfs")[0]
    assert created(machine(noted, zfs=False)).passed
    assert created(machine(noted)).diagnosis == "line-missing"


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (machine(""), "line-missing"),
        (machine("copy 37\n"), "line-missing"),
        (machine("copy -3 37\n"), "line-missing"),
        (machine("copy 21 0\n" + CREATED.partition("\n")[2]), "measured-wrong"),
        (machine(CREATED + "overlay 2 32\n"), "measured-wrong"),
        (machine(CREATED, overlay=False), "container-missing"),
        (machine(CREATED, copy=None), "container-missing"),
        (machine(CREATED, parent=None), "container-missing"),
        (machine(CREATED, snapshot={"big": big(exclusive=32 * MIB)}), "measured-wrong"),
    ],
)
def test_measured_creation_misses(now, diagnosis):
    assert created(now).diagnosis == diagnosis


def wrote(now, before=None):
    return measures.measured_byte(view(now, before=before or machine()), note="byte", **WAYS)


@pytest.mark.parametrize("noted", [BYTE, "copy 0 MiB\noverlay 33\nbtrfs 0.004\nzfs: 0.1\n"])
def test_measured_byte_passes(noted):
    assert wrote(machine(noted, written=2)).passed
    without = machine(noted.partition("zfs")[0], zfs=False, written=2)
    assert wrote(without, machine(zfs=False)).passed


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (machine(BYTE), "not-written"),
        (machine(BYTE, written=2, upper={}), "not-written"),
        (machine(BYTE, written=2, clone={"big": big()}), "not-written"),
        (machine("copy 0\n", written=2), "line-missing"),
        (machine("copy 0\noverlay 0\n", written=2), "measured-wrong"),
        (machine(BYTE, written=2, overlay=False), "container-missing"),
        (machine(BYTE, written=2, copy={"big": File("file", 64 * MIB, written=2)}), "not-one-byte"),
        (machine(BYTE, written=2, copy={"big": File("file", 1, written=2)}), "not-one-byte"),
    ],
)
def test_measured_byte_misses(now, diagnosis):
    assert wrote(now).diagnosis == diagnosis
