"""What looking on costs, and how soon the picture is right: `workshop watch` beside a lab."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from bench.lab import played
from bench.pairs import Row
from workshop.shell import Shell, Silent

STEP = "process-trees/become-pid-1"
SECONDS = 10.0
CHANGES = (
    ("unshare --uts sleep 1001 &", b"sleep"),
    ("kill %1", b"all kinds"),
    ("ip link add seen0 type bridge", b"seen0"),
    ("ip link del seen0", b"nothing else"),
    ("unshare --mount sh -c 'mount -t tmpfs seen /mnt; exec sleep 1002' &", b"/mnt"),
)
"""Lines, and what the picture has when it is right."""
WORK = "while sleep 0.2; do :; done &"


def measure() -> list[Row]:
    with played(STEP, calls=False) as session, _watching() as child:
        rest = _share(child)
        shell = session.shells["host"]
        late = [_late(child, shell, line, text) for line, text in CHANGES]
        shell.run(WORK, Silent())
        work = _share(child)
    middle = statistics.median(late)
    return [
        Row("watching a lab that rests", f"{rest:.2f} %", "", rest, 2, "% of a core"),
        Row("watching a lab that works", f"{work:.2f} %", "", work, 2, "% of a core"),
        Row("a change is seen (median)", f"{middle:.2f} s", "", middle, 0.5, "s"),
        Row("a change is seen (the latest)", f"{max(late):.2f} s", "", max(late), 0.5, "s"),
    ]


@contextmanager
def _watching() -> Iterator[pexpect.spawn[bytes]]:
    child = pexpect.spawn(sys.executable, ["-m", "workshop", "watch"], timeout=20, dimensions=(40, 90))
    child.delaybeforesend = None
    try:
        child.expect(b"Namespaces")
        _calm(child)
        yield child
    finally:
        child.send(b"q")
        child.expect(pexpect.EOF)
        child.close()


def _calm(child: pexpect.spawn[bytes]) -> None:
    """Read what is there, for a second."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        child.expect([pexpect.TIMEOUT, rb".+"], timeout=max(0.0, end - time.monotonic()))


def _share(child: pexpect.spawn[bytes]) -> float:
    """Percent of a core, from `/proc/PID/schedstat`."""
    began, ran = time.monotonic(), _ran(child.pid)
    while (left := began + SECONDS - time.monotonic()) > 0:
        child.expect([pexpect.TIMEOUT, rb".+"], timeout=left)
    return 100 * (_ran(child.pid) - ran) / (time.monotonic() - began)


def _ran(pid: int) -> float:
    """Seconds on a processor, of all its threads."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text(encoding="ascii").split()[0]) for file in files) / 1e9


def _late(child: pexpect.spawn[bytes], shell: Shell, line: str, text: bytes) -> float:
    """Seconds from the end of a line to the picture that shows what it did."""
    shell.run(line, Silent())
    done = time.monotonic()
    child.expect_exact(text)
    seconds = time.monotonic() - done
    _calm(child)
    return seconds
