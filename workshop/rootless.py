"""`--rootless`: an ordinary account becomes root of a user namespace of its own, and works there.

user_namespaces(7), subuid(5), newuidmap(1). The program itself goes in, before it has threads or reads
anything. From then on all of it works as for root: the lab, entering it, tracing, reading its `/proc`; what
it may not do is what belongs to the machine, which `machine` tells. A mount namespace comes with it, whose
owner it is: without, it could not even look into the file systems of an ipc namespace. The other namespaces
stay the machine's.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from workshop import delegation, libc
from workshop.errors import MachineError, UsageError
from workshop.libc import SyscallError

_APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
_ANOTHER_WAY = "With root it works all the same: sudo workshop"
_INITIAL = ["0", "0", "4294967295"]
"""The map of the machine's own user namespace: every id is itself."""

Range = tuple[int, int]
"""The first id, and how many."""


def inside(proc: Path = Path("/proc")) -> bool:
    """Is the program in a user namespace, and not in the machine's own? `/proc/self/uid_map`."""
    try:
        return (proc / "self/uid_map").read_text().split() != _INITIAL
    except OSError:
        return False


def many_ids(proc: Path = Path("/proc")) -> bool:
    """Are there more ids than the caller's one?"""
    try:
        lines = (proc / "self/uid_map").read_text().splitlines()
    except OSError:
        return False
    return sum(int(line.split()[2]) for line in lines) > 1


def enter() -> None:
    """Become root of a new user namespace. MachineError where this machine does not let ordinary accounts."""
    uid, gid = os.geteuid(), os.getegid()
    if inside() and uid == 0:
        return
    if uid == 0:
        raise UsageError("You are root, so there is no need for --rootless.", "Leave it out.")
    for reason, remedy in _forbidden():
        raise MachineError(
            f"No user namespaces for ordinary accounts: {reason}.", f"{remedy}. {_ANOTHER_WAY}"
        )
    delegation.obtain()
    ranges = _ranges(uid)
    mapped = _with_helper(os.getpid(), uid, gid, ranges) if ranges else None
    try:
        libc.unshare(libc.CLONE_NEWUSER)
        if mapped is None or not mapped():
            _map_one(uid, gid)
        # Some machines let everybody make one, and give no rights in it: that is found out here.
        libc.unshare(libc.CLONE_NEWNS)
    except (SyscallError, OSError) as error:
        raise MachineError(
            f"A user namespace cannot be had: {error}.", f"{_remedy(error)}. {_ANOTHER_WAY}"
        ) from error


def _forbidden(proc: Path = Path("/proc/sys")) -> Iterable[tuple[str, str]]:
    """The settings by which a machine forbids it, each with the way out."""
    for name, bad in (
        ("user.max_user_namespaces", "0"),
        ("kernel.unprivileged_userns_clone", "0"),
        (_APPARMOR, "1"),
    ):
        if _setting(name, proc) == bad:
            good = {"user.max_user_namespaces": "10000", _APPARMOR: "0"}.get(name, "1")
            if name != _APPARMOR or not _confined():
                yield f"{name} is {bad}", f"Root can allow them: sysctl {name}={good}"


def _setting(name: str, proc: Path) -> str:
    try:
        return (proc / name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""


def _confined() -> bool:
    """Has the program an AppArmor profile of its own? Then that decides, not the setting."""
    try:
        return Path("/proc/self/attr/current").read_text().strip("\0\n ") not in ("", "unconfined")
    except OSError:
        return False


def _remedy(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.ENOSPC:
        return "Too many are in use, or they are nested too deep: see user.max_user_namespaces"
    return "A container or a security module may forbid it"


def _ranges(uid: int, etc: Path = Path("/etc")) -> tuple[Range, Range] | None:
    """The caller's range of user ids and of group ids; None without, or without the programs to use them."""
    if shutil.which("newuidmap") is None or shutil.which("newgidmap") is None:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = ""
    users, groups = (_range(etc / file, name, uid) for file in ("subuid", "subgid"))
    return (users, groups) if users and groups else None


def _range(path: Path, name: str, uid: int) -> Range | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        owner, _, rest = line.partition(":")
        start, _, count = rest.partition(":")
        if owner and owner in (name, str(uid)) and start.isdigit() and count.isdigit():
            return int(start), int(count)
    return None


def _with_helper(pid: int, uid: int, gid: int, ranges: tuple[Range, Range]) -> Callable[[], bool]:
    """A child that stays outside, where newuidmap(1) has its rights; it writes the maps when called."""
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(go)
            if os.read(ready, 1):
                status = _write_maps(pid, uid, gid, ranges)
        finally:
            os._exit(status)
    os.close(ready)

    def call() -> bool:
        os.write(go, b"1")
        os.close(go)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return call


def _write_maps(pid: int, uid: int, gid: int, ranges: tuple[Range, Range]) -> int:
    for program, own, (start, count) in zip(
        ("newgidmap", "newuidmap"), (gid, uid), ranges[::-1], strict=True
    ):
        words = (program, str(pid), "0", str(own), "1", "1", str(start), str(count))
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            return 1
    return 0


def _map_one(uid: int, gid: int) -> None:
    """The caller alone, as root. A group map without privilege takes setgroups(2) out of the way first."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
