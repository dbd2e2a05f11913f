"""A file of the lab, read from outside, to be kept on the machine: `mydocker.sh`."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from workshop.errors import UsageError

LARGEST = 1 << 20
HOME = "/lab"


def read(proc: Path, pid: int, name: str) -> bytes:
    """The file `name` as the process `pid` sees it; a name that is not absolute is one in /lab.

    Nothing on the way may be a symbolic link: it would lead to the machine's own files.
    """
    path = PurePosixPath(HOME) / name
    if ".." in path.parts:
        raise UsageError(f"`{name}` leads upwards.", "Name the file by its own path.")
    folder = -1
    try:
        folder = os.open(f"{proc}/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in path.parts[1:-1]:
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        return _content(folder, path)
    except OSError as error:
        raise UsageError(
            f"The lab has no file {path} to be kept: {error.strerror}.",
            "`ls /lab` shows those it has.",
        ) from error
    finally:
        if folder >= 0:
            os.close(folder)


def _content(folder: int, path: PurePosixPath) -> bytes:
    handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError(f"{path} is no file.", "Only a single file can be kept.")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise UsageError(f"{path} is larger than a script is: more than 1 MiB.", "It stays in the lab.")
    return content
