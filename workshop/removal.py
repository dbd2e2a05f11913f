"""How each kind of thing in a ledger is removed, and proven to be ours before that."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from workshop import cgroups, engines, libc, loops
from workshop.errors import LabError
from workshop.kernel import mountinfo
from workshop.ledger import NAME, Entry, Remover

STATE = Path("/var/lib") / NAME
"""Where files are that the kernel itself has to find, below a folder for each lab."""
MARK = f".{NAME}"
"""In a folder outside of STATE that we made: a file with the lab's id."""
_ID = re.compile(r"[0-9a-f]{12}")
_SECONDS = 10.0


def _cgroup(entry: Entry) -> str:
    return cgroups.remove(Path(entry.name))


def _mounts(entry: Entry) -> str:
    """Unmount all at and below a folder, the last mounted first."""
    for target in mounted(entry.name):
        with contextlib.suppress(LabError):
            libc.umount(target, libc.MNT_DETACH)
    left = mounted(entry.name)
    return f"still mounted: {', '.join(left)}" if left else ""


def mounted(path: str) -> tuple[str, ...]:
    """The mount points at and below a folder, as this process sees them, the newest first."""
    mounts = mountinfo.read("/proc", os.getpid()) or ()
    return tuple(m.target for m in reversed(mounts) if m.target == path or m.target.startswith(f"{path}/"))


def _pool(entry: Entry) -> str:
    """Destroy a pool if it lies on the file that is written down; another's of that name is left alone."""
    deadline = time.monotonic() + _SECONDS
    while True:
        listed = run("zpool", "list", "-vHP", entry.name)
        if listed is None or entry.proof.get("file", "\0") not in listed.split():
            return ""
        if run("zpool", "destroy", "-f", entry.name) is not None:
            return ""
        if time.monotonic() > deadline:
            return f"`zpool destroy -f {entry.name}` failed: is something still using it?"
        time.sleep(0.05)


def _path(entry: Entry) -> str:
    """Remove a folder with all in it: below STATE, or one that carries our mark."""
    path = Path(entry.name)
    if not path.exists():
        return ""
    ours = path.parent == STATE and _ID.fullmatch(path.name) is not None
    if not ours:
        try:
            ours = (path / MARK).read_text().strip() == entry.proof.get("id", "\0")
        except OSError:
            ours = not any(path.iterdir())
    if not ours:
        return "it does not carry our mark, so it was left alone"
    if mounted(str(path)):
        return "something is mounted in it, so it was left alone"
    import shutil

    try:
        shutil.rmtree(path)
    except OSError as error:
        return str(error)
    if path.parent == STATE:
        with contextlib.suppress(OSError):
            STATE.rmdir()
    return ""


def _folder(entry: Entry) -> str:
    """Remove a mount point that we made, if nothing is in it."""
    with contextlib.suppress(OSError):
        Path(entry.name).rmdir()
    return ""


REMOVERS: Mapping[str, Remover] = {
    "cgroup": _cgroup,  # kills what is in it
    "scope": cgroups.stop_scope,
    "controllers": cgroups.take_back,
    "mounts": _mounts,
    "loops": loops.remove,
    "pool": _pool,
    "folder": _folder,
    "path": _path,
    "engine": engines.remove,
}
"""In the order in which they are to be used."""


def run(*args: str) -> str | None:
    """The output of a command; None if it fails or is not there."""
    import subprocess

    try:
        done = subprocess.run(
            args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
