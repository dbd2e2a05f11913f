"""What groups use at this moment, from three small files each: cheap enough to be asked all the time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from workshop.frozen import frozen
from workshop.kernel.cgroupfs import Hierarchy, groups, parse_flat

MEMORY = ("memory.current", "memory.usage_in_bytes")
PIDS = ("pids.current",)
CPU = ("cpu.stat", "cpuacct.usage")


@frozen
class Usage:
    """None: nobody counts that here. `cpu` is the time used so far, in seconds."""

    memory: int | None = None
    pids: int | None = None
    cpu: float | None = None


def usage(hierarchies: Iterable[Hierarchy]) -> Mapping[str, Usage]:
    """By path; a group of the same path in several hierarchies of v1 is one group here."""
    found: dict[str, dict[str, float]] = {}
    for hierarchy in hierarchies:
        for path, folder in groups(hierarchy):
            values = found.setdefault(path, {})
            if (memory := _number(folder, MEMORY)) is not None:
                values["memory"] = memory
            if (pids := _number(folder, PIDS)) is not None:
                values["pids"] = pids
            if (cpu := _seconds(folder)) is not None:
                values["cpu"] = cpu
    return {
        path: Usage(
            int(values["memory"]) if "memory" in values else None,
            int(values["pids"]) if "pids" in values else None,
            values.get("cpu"),
        )
        for path, values in found.items()
    }


def _number(folder: str, names: Iterable[str]) -> int | None:
    for name in names:
        text = _read(f"{folder}/{name}")
        if text is not None and text.strip().isdigit():
            return int(text)
    return None


def _seconds(folder: str) -> float | None:
    nanoseconds = _read(f"{folder}/cpuacct.usage")
    if nanoseconds is not None:
        return int(nanoseconds) / 1e9
    text = _read(f"{folder}/cpu.stat")
    used = parse_flat(text).get("usage_usec") if text is not None else None
    return used / 1e6 if used is not None else None


def _read(path: str) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 4096).decode()
    except OSError:
        return None
    finally:
        os.close(fd)
