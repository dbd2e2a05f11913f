"""Data sets of ZFS, and loop devices."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from workshop.kernel.model import Dataset

PROPERTIES = ("type", "origin", "used", "referenced", "mountpoint", "written")
LONGEST = 30.0
"""Seconds after which a tool is taken to hang."""

LOOP_GET_STATUS64, LOOP_INFO64_SIZE = 0x4C05, 232

Run = Callable[[tuple[str, ...]], str]
"""Runs a command and returns what it printed; ValueError with its complaint when it failed."""


def command(pool: str, properties: Iterable[str] = PROPERTIES) -> tuple[str, ...]:
    """`zfs get` rather than `zfs list`, which gives exact numbers only in newer versions."""
    return ("zfs", "get", "-rHp", "-o", "name,property,value", ",".join(properties), pool)


def parse(text: str) -> dict[str, Dataset]:
    """`zfs get -Hp -o name,property,value …`: a line a property, with tabs between."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) != 3:
            raise ValueError(f"not a line of `zfs get -Hp`: {line[:120]!r}")
        name, key, value = parts
        found.setdefault(name, {})[key] = value
    return {name: _dataset(name, values) for name, values in found.items()}


def _dataset(name: str, values: dict[str, str]) -> Dataset:
    def given(key: str) -> str | None:
        value = values.get(key, "-")
        return None if value in ("-", "") else value

    written = given("written")
    return Dataset(
        name=name,
        type=given("type") or ("snapshot" if "@" in name else "filesystem"),
        origin=given("origin"),
        used=int(given("used") or 0),
        referenced=int(given("referenced") or 0),
        written=int(written) if written is not None else None,
        mountpoint=given("mountpoint"),
    )


def runner(prefix: tuple[str, ...] = ()) -> Run:
    """Runs tools behind `prefix` (`nsenter …`)."""

    def run(argv: tuple[str, ...]) -> str:
        try:
            done = subprocess.run(
                (*prefix, *argv), stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as e:
            raise ValueError(str(e)) from e
        if done.returncode != 0:
            raise ValueError(done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}")
        return done.stdout.decode(errors="replace")

    return run


class Datasets:
    """Reads all data sets of a pool: the kernel's ZFS may have others, of the machine or of other labs.
    zfs-fuse does not know `written`: found out once."""

    def __init__(self, run: Run, pool: str) -> None:
        self._run = run
        self._pool = pool
        self._properties: tuple[str, ...] = PROPERTIES

    def read(self) -> dict[str, Dataset]:
        """Empty where there is no such pool, or no ZFS that answers."""
        try:
            return self._ask()
        except ValueError as e:
            if "written" not in str(e) or "written" not in self._properties:
                return {}
            self._properties = tuple(name for name in PROPERTIES if name != "written")
        try:
            return self._ask()
        except ValueError:
            return {}

    def _ask(self) -> dict[str, Dataset]:
        return parse(self._run(command(self._pool, self._properties)))


def loops(devices: Container[tuple[int, int]], sysfs: Path | str = "/sys") -> dict[str, str]:
    """Loop devices and their files (`/sys/block/loopN/loop/backing_file`), as far as these lie on one of
    `devices`: the machine has one set of loop devices for all, and other labs use them too."""
    found = {}
    for file in sorted(Path(sysfs, "block").glob("loop*/loop/backing_file")):
        name = file.parent.parent.name
        try:
            backing = file.read_text(errors="replace").rstrip("\n")
        except OSError:
            continue
        try:
            device = _backing_device(f"/dev/{name}")
        except PermissionError:
            continue  # who may not open it has attached nothing to it
        if device is None or device in devices:
            found[name] = backing
    return found


def _backing_device(path: str) -> tuple[int, int] | None:
    """Device of the file system that a loop device's file is on; None when nobody tells (loop(4))."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return None
    try:
        info = fcntl.ioctl(fd, LOOP_GET_STATUS64, bytes(LOOP_INFO64_SIZE))
    except OSError:
        return None
    finally:
        os.close(fd)
    device = int.from_bytes(info[:8], sys.byteorder)
    return os.major(device), os.minor(device)
