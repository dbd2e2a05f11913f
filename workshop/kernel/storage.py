"""Data sets of ZFS, and loop devices."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from workshop.kernel.model import Dataset

PROPERTIES = ("type", "origin", "used", "referenced", "mountpoint", "written")
LONGEST = 10.0
"""Seconds after which a tool is taken to hang."""

Run = Callable[[tuple[str, ...]], str]
"""Runs a command and returns what it printed; ValueError with its complaint when it failed."""


def command(properties: Iterable[str] = PROPERTIES) -> tuple[str, ...]:
    """`zfs get` rather than `zfs list`, which gives exact numbers only in newer versions."""
    return ("zfs", "get", "-Hp", "-o", "name,property,value", ",".join(properties))


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
    """Reads all data sets. zfs-fuse does not know `written`: found out once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._properties: tuple[str, ...] = PROPERTIES

    def read(self) -> dict[str, Dataset]:
        """Empty where there is no pool, or no ZFS that answers."""
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
        return parse(self._run(command(self._properties)))


def loops(sys: Path | str = "/sys") -> dict[str, str]:
    """Loop devices in use and their files: `/sys/block/loopN/loop/backing_file`."""
    found = {}
    for file in sorted(Path(sys, "block").glob("loop*/loop/backing_file")):
        try:
            found[file.parent.parent.name] = file.read_text(errors="replace").rstrip("\n")
        except OSError:
            continue
    return found
