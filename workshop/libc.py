"""The few system calls that Python's library lacks, and what their errors mean.

unshare(2), setns(2), mount(2), umount2(2), pivot_root(2), prctl(2), by ctypes. Every failure becomes a
`SyscallError` that names the call, the kernel's words and the likely cause.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from typing import Any

from workshop.errors import LabError

CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_UNBINDABLE = 0x20000
MS_PRIVATE = 0x40000

MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_SYS_MOUNT_SETATTR = 442
"""The same on every architecture, as of all calls since Linux 5.1; glibc has a function for it since 2.36."""
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


class SyscallError(LabError):
    """A system call was refused. `errno` is the kernel's number, `call` what was asked of it."""

    def __init__(self, call: str, number: int) -> None:
        super().__init__(f"{call}: {os.strerror(number)}", hint(call.partition(" ")[0], number))
        self.call = call
        self.errno = number


_PRIVILEGE = (
    "This needs root with CAP_SYS_ADMIN. Use sudo; in a container, start that with --privileged "
    "(a seccomp or AppArmor profile can refuse it too)."
)
_HINTS: dict[tuple[str, int], str] = {
    ("unshare", errno.EINVAL): "This kernel was built without one of the namespaces (CONFIG_*_NS).",
    ("unshare", errno.ENOSYS): "This kernel was built without namespaces.",
    ("unshare", errno.ENOSPC): (
        "A limit on namespaces is reached: see /proc/sys/user/max_*_namespaces, and how deep they are nested."
    ),
    ("unshare", errno.ENOMEM): "The machine is out of memory, or out of pids for a new pid namespace.",
    (
        "mount",
        errno.ENODEV,
    ): "This kernel does not know that file system: its module may have to be installed.",
    ("mount", errno.EINVAL): (
        "Something is not as that mount needs it: `/` is no mount point (a chroot), or the upper folder of "
        "an overlay is on a file system that cannot be one. `dmesg | tail` may say which."
    ),
    ("mount", errno.ENOSPC): "A limit is reached: memory, disk, or /proc/sys/fs/mount-max.",
    ("mount", errno.ENOENT): "A folder that takes part in the mount does not exist.",
    ("mount", errno.EBUSY): "It is mounted already, or taken by another mount.",
    ("pivot_root", errno.EINVAL): "The present root is no mount point: is this running in a chroot?",
    ("setns", errno.EINVAL): "The program has threads, or the namespace is of another kind.",
}


def hint(call: str, number: int) -> str:
    """The likely cause of a refused system call, and the way out; may be empty."""
    if number in (errno.EPERM, errno.EACCES):
        return _PRIVILEGE
    return _HINTS.get((call, number), "")


def _check(result: int, call: str) -> None:
    if result != 0:
        raise SyscallError(call, ctypes.get_errno())


def _bytes(path: str | os.PathLike[str] | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def unshare(flags: int) -> None:
    """unshare(2): new namespaces for this process (for `CLONE_NEWPID`: for its next children)."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2): enter the namespace behind an open file descriptor."""
    _check(_libc.setns(fd, kind), "setns")


def mount(
    source: str | os.PathLike[str] | None,
    target: str | os.PathLike[str],
    fstype: str | None = None,
    flags: int = 0,
    data: str = "",
) -> None:
    """mount(2)"""
    result = _libc.mount(
        _bytes(source),
        _bytes(target),
        _bytes(fstype),
        ctypes.c_ulong(flags),
        os.fsencode(data) if data else None,
    )
    _check(result, f"mount {fstype or 'of ' + str(source)} on {target}")


def make_read_only(target: str | os.PathLike[str]) -> None:
    """mount_setattr(2), MOUNT_ATTR_RDONLY with AT_RECURSIVE: a mount and all below it."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    here, path, flags = ctypes.c_long(_AT_FDCWD), _bytes(target), ctypes.c_long(_AT_RECURSIVE)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    result = _libc.syscall(ctypes.c_long(_SYS_MOUNT_SETATTR), here, path, flags, attributes, size)
    _check(result, f"mount_setattr {os.fspath(target)}")


def umount(target: str | os.PathLike[str], flags: int = 0) -> None:
    """umount2(2)"""
    _check(_libc.umount2(_bytes(target), flags), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2); with "." for both, the old root ends up on top of the new one, to be unmounted."""
    _check(_libc.pivot_root(_bytes(new), _bytes(old)), f"pivot_root {new}")


def die_with_parent() -> None:
    """prctl(2), PR_SET_PDEATHSIG: the kernel kills this process when the thread that forked it ends."""
    unused = ctypes.c_ulong(0)
    number: Any = ctypes.c_ulong(signal.SIGKILL)
    _check(_libc.prctl(_PR_SET_PDEATHSIG, number, unused, unused, unused), "prctl PR_SET_PDEATHSIG")
