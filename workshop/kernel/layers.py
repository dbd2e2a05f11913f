"""Layers of overlay file systems: what a mount is made of, and what is in the folders that it names.

Folders are read beside the overlay, never through it: what a container changed is what is in its upper one.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from workshop.frozen import frozen
from workshop.kernel.model import File, FileKind, Mount

MOST = 4000
"""Files of one layer that are read: an image of the workshop's has some hundred."""


@frozen
class Overlay:
    """The options of an overlay mount, absolute where that could be told; the upmost lower layer first."""

    lowers: tuple[str, ...]
    upper: str | None
    work: str | None


def overlay(mount: Mount, known: Collection[str] = ()) -> Overlay | None:
    """What an overlay is made of, from the super options in mountinfo; None for another file system.

    These are as they were typed. Relative names are looked for among `known`, from the folders above the
    mount point: whoever types them stands there, as a rule.
    """
    if mount.fstype != "overlay":
        return None
    lowers: list[str] = []
    found: dict[str, str] = {}
    for option in mount.super_options:
        name, _, value = option.partition("=")
        if name == "lowerdir":
            lowers += [part for part in value.split(":") if part]
        elif name == "lowerdir+":
            lowers.append(value)
        else:
            found[name] = value
    upper, work = (found.get(name) for name in ("upperdir", "workdir"))
    resolved = [_absolute(name, mount.target, known) for name in lowers]
    return Overlay(
        tuple(resolved),
        _absolute(upper, mount.target, known) if upper else None,
        _absolute(work, mount.target, known) if work else None,
    )


def _absolute(name: str, target: str, known: Collection[str]) -> str:
    return next((path for path in _candidates(name, target) if path in known), _candidates(name, target)[0])


def _candidates(name: str, target: str) -> list[str]:
    """An absolute name as it is, without dots; a relative one below each folder above the mount point."""
    if name.startswith("/"):
        return [posixpath.normpath(name)]
    found, folder = [], posixpath.dirname(target)
    while True:
        found.append(posixpath.normpath(posixpath.join(folder, name)))
        if folder in ("/", ""):
            return found
        folder = posixpath.dirname(folder)


def named(mounts: Iterable[Mount]) -> tuple[str, ...]:
    """All the folders that overlay mounts may name, as layers or as the upper one."""
    found: dict[str, None] = {}
    for mount in mounts:
        if mount.fstype == "overlay":
            for option in mount.super_options:
                name, _, value = option.partition("=")
                if name in ("lowerdir", "lowerdir+", "upperdir"):
                    for part in value.split(":"):
                        found |= dict.fromkeys(_candidates(part, mount.target))
    return tuple(found)


def read(
    root: Path, parent: str, named: Iterable[str], flat: Iterable[str] = ()
) -> dict[str, dict[str, File]]:
    """The files of each folder in `parent`, and of those `named`, by the path that they have below `root`.
    Of the `flat` ones, whose file system may be a slow one, only the plain files at their top."""
    paths = dict.fromkeys(f"{parent}/{entry}" for entry in _entries(f"{root}{parent}"))
    found = {}
    for path in (*paths, *(path for path in named if path not in paths)):
        place = f"{root}{path}"
        if os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114
            found[path] = tree(place)
    for path in flat:
        found[path] = top(f"{root}{path}")
    return found


def tree(top: str) -> dict[str, File]:
    """All that is below a folder, by relative name; nothing of other file systems that are mounted there."""
    found: dict[str, File] = {}
    try:
        device = os.stat(top).st_dev  # noqa: PTH116
    except OSError:
        return found
    ways = [""]
    while ways and len(found) < MOST:
        way = ways.pop()
        for name in _entries(f"{top}/{way}"):
            path = f"{way}{name}"
            try:
                status = os.lstat(f"{top}/{path}")
            except OSError:
                continue  # gone meanwhile
            kind = _kind(f"{top}/{path}", status)
            found[path] = _file(kind, status)
            if kind in ("folder", "opaque") and status.st_dev == device:
                ways.append(f"{path}/")
    return found


def top(folder: str) -> dict[str, File]:
    """The plain files in a folder itself."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    found[entry.name] = _file("file", entry.stat(follow_symlinks=False))
    except OSError:
        pass  # gone meanwhile, or a file system that is gone
    return found


def _file(kind: FileKind, status: os.stat_result) -> File:
    mode = stat.S_IMODE(status.st_mode)
    allocated = status.st_blocks * 512 // (status.st_nlink or 1)
    return File(kind, status.st_size, allocated, None, mode, status.st_ctime_ns, status.st_mtime_ns)


def _kind(path: str, status: os.stat_result) -> FileKind:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISREG(mode):
        return "whiteout" if status.st_size == 0 and _attribute(path, "whiteout") is not None else "file"
    if stat.S_ISDIR(mode):
        return "opaque" if _attribute(path, "opaque") == b"y" else "folder"
    return "whiteout" if stat.S_ISCHR(mode) and status.st_rdev == 0 else "other"


def _attribute(path: str, name: str) -> bytes | None:
    """`trusted.overlay.NAME`, or `user.overlay.NAME` of an overlay in a user namespace."""
    for space in ("trusted", "user"):
        try:
            return os.getxattr(path, f"{space}.overlay.{name}", follow_symlinks=False)
        except OSError:
            continue  # no such attribute, none at all here, or not for us
    return None


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
