"""`/proc/PID/mountinfo` (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from pathlib import Path

from workshop.kernel.model import Mount
from workshop.kernel.procfs import Proc

_ESCAPE = re.compile(r"\\([0-7]{3})")


def parse(text: str) -> tuple[Mount, ...]:
    return tuple(_parse_line(line) for line in text.split("\n") if line)


def _parse_line(line: str) -> Mount:
    head, dash, tail = line.partition(" - ")
    fields, rest = head.split(" "), tail.split(" ")
    try:
        major, minor = fields[2].split(":")
        if not dash or len(fields) < 6 or len(rest) < 3:
            raise ValueError
        return Mount(
            id=int(fields[0]),
            parent=int(fields[1]),
            dev=(int(major), int(minor)),
            root=unescape(fields[3]),
            target=unescape(fields[4]),
            options=tuple(fields[5].split(",")),
            tags=tuple(fields[6:]),
            fstype=rest[0],
            source=unescape(rest[1]),
            super_options=tuple(unescape(option) for option in rest[2].split(",")),
        )
    except (IndexError, ValueError) as e:
        raise ValueError(f"not a line of mountinfo: {line[:120]!r}") from e


def unescape(text: str) -> str:
    r"""Space, tab, newline and backslash are written `\040`, `\011`, `\012`, `\134` by the kernel."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)


def read(proc: Proc, pid: int) -> tuple[Mount, ...] | None:
    """The mounts below the root of process `pid`; None when it is gone."""
    try:
        text = Path(proc, str(pid), "mountinfo").read_bytes()
    except OSError:
        return None
    return parse(text.decode(errors="surrogateescape"))
