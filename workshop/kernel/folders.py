"""What is in the folders that can become a root: names only, by `/proc/PID/root` of the host process.

And which of the kernel's own files there are: not every kernel has them all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

MOST = 2000
"""Names of one folder that are kept: a root file system has a few dozen, its `bin` a few hundred."""

LONGEST = 4096
"""Bytes of a text that are read."""


MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
)
"""What engines cover, since it tells of the machine or of others: the maskedPaths of `runc spec`.
Docker has these as well, and more in newer versions."""
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys")
"""What they make read-only (readonlyPaths)."""
KERNEL_FILES = (*MASKED, *READ_ONLY)


def absent(root: Path) -> tuple[str, ...]:
    """Those of KERNEL_FILES that this kernel does not have."""
    return tuple(path for path in KERNEL_FILES if not os.path.lexists(root / path.lstrip("/")))


def read(root: Path, parents: Iterable[str], others: Iterable[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """The folders below `parents`, and `others`, by path: their entries, and what is in `bin`."""
    paths = [f"{parent}/{name}" for parent in parents for name in _names(root / parent.lstrip("/"))]
    found = {}
    for path in (*paths, *others):
        folder = root / path.lstrip("/")
        if os.path.isdir(folder):  # noqa: PTH112 # a file system may be gone: Path.is_dir() lets ENOTCONN through
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
