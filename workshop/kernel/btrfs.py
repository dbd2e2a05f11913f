"""btrfs: subvolumes and their parents, and which bytes of a file are its own. ioctl(2), btrfs(5).

Asked of the file system itself, without starting a program: BTRFS_IOC_GET_SUBVOL_INFO (since Linux 4.18),
FS_IOC_FIEMAP (fiemap.rst of the kernel).
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from workshop.kernel.model import File, Mount, Subvolume

TOP = 256
"""The inode number of a subvolume's own folder."""
DEEPEST = 3
"""How many folders below the mount point subvolumes are looked for."""
LARGE = 1 << 20
"""Bytes from which on a file is asked what of it is its own."""

_GET_SUBVOL_INFO = 0x81F8943C
_INFO = struct.Struct("=Q256sQQQQ16s16s16s")
_INFO_SIZE = 504
_READ_ONLY = 1

_FIEMAP = 0xC020660B
_HEAD, _EXTENT = struct.Struct("=QQIIII"), struct.Struct("=QQQQQIIII")
_AT_ONCE = 128
_SYNC, _LAST, _SHARED = 0x1, 0x1, 0x2000


def subvolumes(root: Path, mounts: Iterable[Mount]) -> dict[str, Subvolume]:
    """Those that are seen below the mount points of btrfs, by path; `root` is where `/` is reached."""
    found: dict[str, Subvolume] = {}
    for mount in mounts:
        if mount.fstype == "btrfs":
            _look(str(root), mount.target, DEEPEST, found)
    return found


def _look(root: str, path: str, deeper: int, found: dict[str, Subvolume]) -> None:
    place = f"{root}{path}"
    try:
        status = os.stat(place, follow_symlinks=False)  # noqa: PTH116
        if status.st_ino == TOP and path not in found:
            one = _info(place, path, status.st_dev)
            if one is not None:
                found[path] = one
        if deeper:
            with os.scandir(place) as entries:
                folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            for name in folders:
                _look(root, f"{path.rstrip('/')}/{name}", deeper - 1, found)
    except OSError:
        return  # gone meanwhile


def _info(place: str, path: str, dev: int) -> Subvolume | None:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        told = fcntl.ioctl(fd, _GET_SUBVOL_INFO, bytes(_INFO_SIZE))
    except OSError:
        return None  # inode 256 of some other file system
    finally:
        os.close(fd)
    number, _, _, _, _, flags, uuid, parent, _ = _INFO.unpack_from(told)
    return Subvolume(
        path,
        number,
        str(UUID(bytes=uuid)),
        str(UUID(bytes=parent)) if any(parent) else None,
        bool(flags & _READ_ONLY),
        dev,
    )


def measured(files: dict[str, File], place: str) -> dict[str, File]:
    """The same files, with the `exclusive` bytes of those that are large."""
    return {
        name: replace(file, exclusive=exclusive(f"{place}/{name}"))
        if file.kind == "file" and file.size >= LARGE
        else file
        for name, file in files.items()
    }


def exclusive(path: str) -> int | None:
    """The bytes of a file that no other file, and no snapshot, shares; None where nobody tells."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return sum(length for length, shared in _extents(fd) if not shared)
    except OSError:
        return None
    finally:
        os.close(fd)


def _extents(fd: int) -> Iterable[tuple[int, bool]]:
    """Length of each extent, and whether it is shared. What is only in memory is written first (a snapshot
    that was just made shares nothing of it otherwise)."""
    start = 0
    while True:
        asked = bytearray(_HEAD.size + _AT_ONCE * _EXTENT.size)
        _HEAD.pack_into(asked, 0, start, (1 << 64) - 1 - start, _SYNC, 0, _AT_ONCE, 0)
        fcntl.ioctl(fd, _FIEMAP, asked)
        count = _HEAD.unpack_from(asked)[3]
        last = 0
        for number in range(count):
            logical, _, length, _, _, flags, *_ = _EXTENT.unpack_from(
                asked, _HEAD.size + number * _EXTENT.size
            )
            yield length, bool(flags & _SHARED)
            start, last = logical + length, flags & _LAST
        if last or not count:
            return
