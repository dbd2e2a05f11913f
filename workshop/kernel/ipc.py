"""What is in an ipc namespace: System V's objects by `/proc/sysvipc`, POSIX queues by an mqueue file system.

`/proc/sysvipc` shows the namespace of whoever opens it, whatever procfs it is in. An mqueue file system shows
that of whoever mounted it, so one is made that is mounted nowhere: fsopen(2), fsmount(2), since Linux 5.2.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

from workshop.kernel.model import Ipc

FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
"""The same numbers on all architectures but Alpha."""
_CLOEXEC = 1
_CMD_CREATE = 6

_libc = ctypes.CDLL(None, use_errno=True)


def parse(text: str) -> dict[int, int]:
    """`/proc/sysvipc/{shm,msg,sem}`: a line of headings, then key and id first; id to key."""
    found = {}
    for line in text.splitlines()[1:]:
        key, number = line.split(maxsplit=2)[:2]
        found[int(number)] = int(key) & 0xFFFFFFFF
    return found


def read(pid: int) -> Ipc:
    """Of the calling thread's namespace. `pid` is noted as the process through which it was read."""
    device, queues = _queues()
    return Ipc(pid, _objects("shm"), _objects("msg"), _objects("sem"), queues, device)


def _objects(kind: str) -> Mapping[int, int]:
    try:
        return parse(Path("/proc/sysvipc", kind).read_text())
    except OSError:
        return {}  # a kernel without System V IPC


def _queues() -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    opened: list[int] = []
    try:
        context = _call(opened, FSOPEN, b"mqueue", _CLOEXEC)
        _call(None, FSCONFIG, context, _CMD_CREATE, None, None, 0)
        folder = _call(opened, FSMOUNT, context, _CLOEXEC, 0)
        device = os.fstat(folder).st_dev
        fd = os.open(f"/proc/thread-self/fd/{folder}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.append(fd)
        return (os.major(device), os.minor(device)), tuple(sorted(os.listdir(fd)))  # noqa: PTH208
    except OSError:
        return None, ()  # an older kernel, or one without POSIX queues
    finally:
        for fd in reversed(opened):
            os.close(fd)


def _call(opened: list[int] | None, number: int, *args: object) -> int:
    result = int(_libc.syscall(number, *args))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if opened is not None:
        opened.append(result)
    return result
