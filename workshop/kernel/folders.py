"""What is in the folders that can become a root: names only, by `/proc/PID/root` of the host process."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

MOST = 2000
"""Names of one folder that are kept: a root file system has a few dozen, its `bin` a few hundred."""

LONGEST = 4096
"""Bytes of a text that are read."""


def read(root: Path, parents: Iterable[str], others: Iterable[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """The folders below `parents`, and `others`, by path: their entries, and what is in `bin`."""
    paths = [f"{parent}/{name}" for parent in parents for name in _names(root / parent.lstrip("/"))]
    found = {}
    for path in (*paths, *others):
        folder = root / path.lstrip("/")
        if folder.is_dir():
            inside = [f"bin/{name}" for name in _names(folder / "bin")]
            found[path] = tuple(sorted([*_names(folder), *inside]))
    return found


def texts(root: Path, folder: str) -> Mapping[str, str]:
    """The small files in a folder, by name: what is in them, as text."""
    found = {}
    for name in _names(root / folder.lstrip("/")):
        try:
            fd = os.open(f"{root}{folder}/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # gone meanwhile, a link, a socket
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                found[name] = os.read(fd, LONGEST).decode(errors="replace")
        except OSError:
            continue
        finally:
            os.close(fd)
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)[:MOST]  # noqa: PTH208
    except OSError:
        return []  # gone meanwhile, no folder, or a file system that is gone
