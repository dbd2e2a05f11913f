"""A part of the cgroup tree for an ordinary account: its own systemd hands one over (user@.service).

systemd.resource-control(5), "Delegate"; cgroups(7). The program moves into a scope of its own, and there
into a leaf, so that the scope can hand controllers down to the labs' groups beside it. The scope goes when
it is empty.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from workshop.ledger import NAME

LEAF = "program"
_ROOT = Path("/sys/fs/cgroup")
_SECONDS = 2.0


def obtain(cgroups: Path = _ROOT) -> None:
    """Where there is only version 2 and a systemd of the account's. Without them, nothing happens."""
    if not (cgroups / "cgroup.controllers").exists() or not _ask(f"{NAME}-{os.urandom(6).hex()}.scope"):
        return
    scope = _own_group(cgroups)
    with contextlib.suppress(OSError):
        (scope / LEAF).mkdir()
        (scope / LEAF / "cgroup.procs").write_text(str(os.getpid()))
        for controller in (scope / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):  # one that is in use otherwise
                (scope / "cgroup.subtree_control").write_text(f"+{controller}")


def obtained(cgroups: Path = _ROOT) -> bool:
    """Is the program in such a leaf, and are controllers handed down beside it?"""
    leaf = _own_group(cgroups)
    try:
        handed = (leaf.parent / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return leaf.name == LEAF and bool(handed) and os.access(leaf.parent, os.W_OK)


def _own_group(cgroups: Path) -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return cgroups / line[3:].lstrip("/")
    return cgroups


def _ask(unit: str) -> bool:
    """Have the account's systemd put this process into a scope; is it there?"""
    import subprocess

    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    properties = ("2", "PIDs", "au", "1", str(os.getpid()), "Delegate", "b", "true")
    words = ("StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", *properties, "0")
    try:
        subprocess.run(
            ("busctl", "--user", "--quiet", "call", *manager, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if Path("/proc/self/cgroup").read_text().rstrip().endswith(f"/{unit}"):
            return True
        time.sleep(0.002)
    return False
