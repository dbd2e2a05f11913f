"""Loop devices (loop(4)): they belong to the machine, so one that a learner attaches outlives the lab.

Those are ours whose backing file is on a file system of the lab: the kernel gives its device number, which
is not used again as long as the loop device holds the file.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from workshop.frozen import frozen
from workshop.kernel import mountinfo
from workshop.ledger import Entry

_LOOP_CLR_FD = 0x4C01
_LOOP_GET_STATUS64 = 0x4C05
_INFO = struct.Struct("=QQQQQIIII64s64s32sQQ")


@frozen
class Loop:
    name: str
    """`loop0`"""
    device: int
    """`st_dev` of the file system that the backing file is on."""
    file: str


def attached(sys: Path = Path("/sys/block")) -> tuple[Loop, ...]:
    """The loop devices that are in use: `/sys/block/loopN/loop/backing_file`, LOOP_GET_STATUS64."""
    return tuple(_attached(sys))


def _attached(sys: Path) -> Iterator[Loop]:
    for folder in sorted(sys.glob("loop*")):
        try:
            file = (folder / "loop/backing_file").read_text().strip()
            fd = os.open(f"/dev/{folder.name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            info = fcntl.ioctl(fd, _LOOP_GET_STATUS64, bytes(_INFO.size))
            yield Loop(folder.name, _INFO.unpack(info)[0], file)
        except OSError:
            continue
        finally:
            os.close(fd)


def entry(lab: str, devices: tuple[int, ...] = (), below: str = "") -> Entry:
    """What proves that a loop device is ours: the file systems of the lab, or the folder it lies in."""
    return Entry("loops", lab, {"devices": " ".join(map(str, devices)), "below": below})


def remove(entry: Entry) -> str:
    """Detach the loop devices on files of the lab."""
    devices = {int(word) for word in entry.proof.get("devices", "").split()}
    below = entry.proof.get("below", "")
    problems = []
    for loop in attached():
        ours = loop.device in devices and not _in_use(loop.device)
        if ours or (below and loop.file.startswith(below)):
            try:
                fd = os.open(f"/dev/{loop.name}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    fcntl.ioctl(fd, _LOOP_CLR_FD)
                finally:
                    os.close(fd)
            except OSError as error:
                problems.append(f"/dev/{loop.name}: {error.strerror}")
    return ", ".join(problems)


def _in_use(device: int) -> bool:
    """Does a mount namespace that lives show this file system? Then it is not the dead lab's."""
    wanted = (os.major(device), os.minor(device))
    seen: set[str] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            namespace = str((folder / "ns/mnt").readlink())
            if namespace in seen:
                continue
            seen.add(namespace)
            mounts = mountinfo.read("/proc", int(folder.name)) or ()
        except OSError:
            continue
        if any(mount.dev == wanted for mount in mounts):
            return True
    return False
