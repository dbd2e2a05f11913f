"""Where a lab is and which step is played in it, for who looks on: `beacon.json` in the folder of its ledger.

It goes with that folder. A lab that was made anew has another first process, so that is named with its start.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from workshop.frozen import frozen
from workshop.kernel.procfs import read_stat
from workshop.ledger import home

FILE = "beacon.json"


@frozen
class Beacon:
    pid: int
    """Of the lab's first process, as the machine counts."""
    start: int
    proc: str
    """The lab's procfs, as it is reached from outside."""
    host: int
    """The lab's first process, in its own numbers."""
    cgroup_root: str
    heading: str = ""
    """What is played: `3 Process trees · Become PID 1`."""
    step: str = ""

    @property
    def alive(self) -> bool:
        found = read_stat("/proc", self.pid)
        return found is not None and found.start == self.start and found.state not in "ZX"


def put(folder: Path, beacon: Beacon) -> None:
    """Whoever looks on is a comfort: where it cannot be written, the lab goes on without."""
    new = folder / f"{FILE}.new"
    with suppress(OSError):
        new.write_text(json.dumps(asdict(beacon)), encoding="utf-8")
        new.replace(folder / FILE)


def get(folder: Path) -> Beacon | None:
    try:
        return Beacon(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def labs(where: Path | None = None) -> tuple[Path, ...]:
    """The folders of labs that tell where they are, the newest first."""
    found = []
    with suppress(OSError):
        for folder in (where or home()).iterdir():
            with suppress(OSError):
                found.append(((folder / FILE).stat().st_mtime_ns, folder))
    return tuple(folder for _, folder in sorted(found, reverse=True))
