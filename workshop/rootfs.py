"""Can the lessons use that image? It must be a root file system, with the programs in it that they start."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable, Collection
from pathlib import Path

from workshop.errors import UsageError

PROGRAMS = ("bin/sh", "bin/bash")
"""What an image must have: the lessons start both."""
_EXPORT = "`docker export CONTAINER > image.tar` makes one."


def check_tar(path: Path, given: Path) -> None:
    """Read it to its end: a tar that is cut off is found now, not in the middle of a lesson."""
    try:
        tar = tarfile.open(path)  # noqa: SIM115 - closed below; what it raises here means something else
    except tarfile.TarError as error:
        raise UsageError(f"{given} is no tar file.", _EXPORT) from error
    with tar:
        members = {member.name.removeprefix("./").strip("/"): member for member in tar}
        assert tar.fileobj is not None
        tar.fileobj.seek(tar.offset)
        if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile itself lets that pass
            raise EOFError
    names = {name.partition("/")[0] for name in members}
    if "manifest.json" in names and "bin" not in names:
        raise UsageError(f"{given} comes from `docker save`: layers, not a root file system.", _EXPORT)
    _check_root(given, names, lambda name: _in_tar(members.get(name)))


def check_folder(path: Path) -> None:
    _check_root(path, {entry.name for entry in path.iterdir()}, lambda name: _in_folder(path, name))


Look = Callable[[str], str | None]
"""What a path in an image is: where a symbolic link leads, `""` for a program, None for all else."""


def _check_root(given: Path, names: Collection[str], look: Look) -> None:
    """UsageError unless that is a root file system with the programs that the lessons start in it."""
    if not {"bin", "usr"} & set(names):
        raise UsageError(f"{given} holds no root file system: there is neither bin nor usr in it.", _EXPORT)
    lacking = [f"/{program}" for program in PROGRAMS if not _is_program(program, look)]
    if lacking:
        raise UsageError(
            f"In {given} there is no {' and no '.join(lacking)} that can be run, and the lessons start it.",
            "Debian's and Ubuntu's images have both.",
        )


def _is_program(path: str, look: Look) -> bool:
    """Follow the links, as a process whose root that is would: path_resolution(7)."""
    parts, done = path.split("/"), list[str]()
    for _ in range(40 + path.count("/")):
        if not parts:
            return look("/".join(done)) == ""
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        target = look("/".join((*done, part)))
        if not target:
            done.append(part)
            continue
        parts = [*target.split("/"), *parts]
        done = [] if target.startswith("/") else done
    return False  # links that lead to each other


def _in_tar(member: tarfile.TarInfo | None) -> str | None:
    if member is None:
        return None
    if member.issym():
        return member.linkname
    return "" if member.islnk() or (member.isreg() and member.mode & 0o111) else None


def _in_folder(folder: Path, name: str) -> str | None:
    try:
        found = (folder / name).lstat()
        if stat.S_ISLNK(found.st_mode):
            return str((folder / name).readlink())
    except OSError:
        return None
    return "" if stat.S_ISREG(found.st_mode) and found.st_mode & 0o111 else None
