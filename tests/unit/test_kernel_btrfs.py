"""btrfs as far as it can be read without one: inode 256 alone proves nothing. The gate reads real ones."""

from __future__ import annotations

from pathlib import Path

from kernel_builders import mount, snapshot

from workshop.kernel import btrfs
from workshop.kernel.diff import diff
from workshop.kernel.model import File, Subvolume
from workshop.kernel.serial import from_json, to_json


def test_the_requests_are_of_the_size_that_the_kernel_wants():
    assert btrfs._GET_SUBVOL_INFO >> 16 & 0x3FFF == btrfs._INFO_SIZE >= btrfs._INFO.size
    assert btrfs._HEAD.size == btrfs._FIEMAP >> 16 & 0x3FFF
    assert btrfs._EXTENT.size == 56


def test_other_file_systems_have_no_subvolumes(tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    assert (
        btrfs.subvolumes(tmp_path, [mount("/a", "tmpfs"), mount("/a", "btrfs"), mount("/no", "btrfs")]) == {}
    )


def test_only_large_files_are_asked(tmp_path: Path):
    small, large = File("file", 10), File("file", btrfs.LARGE)
    found = btrfs.measured({"small": small, "gone": large}, str(tmp_path))
    assert found == {"small": small, "gone": large}
    assert btrfs.exclusive(str(tmp_path / "gone")) is None


def test_a_file_of_many_extents_is_read_to_its_end(tmp_path: Path):
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        for number in range(300):
            file.seek(number * (1 << 16))
            file.write(b"x" * 4096)
    assert btrfs.exclusive(str(sparse)) in (None, *range(300 * 4096, 301 * (1 << 16)))


def test_diff_tells_whose_snapshot_it_is():
    image = Subvolume("/b/image", 256, "u", None, False, 90)
    one = Subvolume("/b/one", 257, "v", "u", True, 91)
    before, now = (
        snapshot(subvolumes={image.path: image}),
        snapshot(subvolumes={image.path: image, one.path: one}),
    )
    assert [(c.area, c.verb, c.subject, c.after) for c in diff(before, now)] == [
        ("datasets", "added", "/b/one", "snapshot of /b/image, read-only")
    ]
    orphan = snapshot(subvolumes={one.path: one})
    assert next((c.verb, c.subject) for c in diff(now, orphan)) == ("removed", "/b/image")
    assert from_json(to_json(now)) == now
