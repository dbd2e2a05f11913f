"""100 MB of output passed through to a terminal, against `script -q`: both into a pty read at full speed."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import closing

from bench.lab import played
from bench.pairs import PAIRS, Row, pairs, ratio, timed
from workshop.shell import Terminal

SIZE = 100_000_000
COMMAND = f"yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c {SIZE}"


class Drained(Terminal):
    """A terminal whose other end is read as fast as it goes and thrown away."""

    def __init__(self) -> None:
        other, self._own = pty.openpty()
        # A terminal is another process; a thread of ours would take turns with what is measured.
        self._reader = subprocess.Popen(["cat"], stdin=other, stdout=subprocess.DEVNULL)
        os.close(other)

    @property
    def fd(self) -> int:
        return self._own

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._own, data) :]

    def keys(self) -> int | None:
        return None

    def size(self) -> tuple[int, int]:
        return 24, 80

    def close(self) -> None:
        os.close(self._own)
        self._reader.kill()
        self._reader.wait()


def measure() -> list[Row]:
    with (
        closing(Drained()) as ours_terminal,
        closing(Drained()) as theirs_terminal,
        played("process-trees/become-pid-1", calls=True) as session,
    ):

        def ours() -> float:
            return timed(lambda: session.shells["host"].run(COMMAND, ours_terminal, 60))

        def theirs() -> float:
            command = ["script", "-q", "-c", COMMAND, "/dev/null"]
            return timed(lambda: subprocess.run(command, check=True, stdin=0, stdout=theirs_terminal.fd))

        return [ratio("100 MB of output / script -q", pairs(ours, theirs, PAIRS), 1.0)]
