"""Hands at the keys of the real program: they type a line and wait until the guide's prompt is back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pexpect

from workshop import ledger, traces

HOUSE = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds for a lab to be made, or a way to be replayed, on a machine with other things to do."""
ASKS, ASKED = b"\x1b[?2004h", b"\x1b[?2004l"
"""The guide's prompt turns bracketed paste on when it waits for a line, and off when it has one."""
SHOWN = b"\x1b[?25h"
"""The cursor, shown again: all of the prompt is drawn."""


class Hands:
    """One run of the program on a pty. It may end by `quit` or by `kill`."""

    def __init__(self, state: Path, words: Sequence[str], size: tuple[int, int] = (30, 100)) -> None:
        places = os.pathsep.join(filter(None, (str(HOUSE), os.environ.get("PYTHONPATH"))))
        env = {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": places, "TERM": "xterm"}
        self.program = pexpect.spawn(
            sys.executable, ["-m", "workshop", *words], env=env, dimensions=size, timeout=PATIENCE
        )
        self.program.delaybeforesend = None
        self.seen = b""
        self._await()
        self.lab = self._lab()

    def line(self, text: str) -> None:
        """Type a line; back when the next prompt waits."""
        self._drain()
        self.program.send(text.encode() + b"\r")
        self.program.expect_exact(ASKED)
        self.seen += self.program.before + ASKED
        self._await()

    def resize(self, rows: int, columns: int) -> None:
        self.program.setwinsize(rows, columns)

    def quit(self) -> int:
        self.program.send(b":quit\r")
        self.seen += self.program.read()
        self.program.wait()
        return int(self.program.exitstatus or 0)

    def kill(self) -> None:
        self.program.kill(signal.SIGKILL)
        self.program.wait()
        self.program.close()

    def left(self) -> tuple[str, ...]:
        """What the lab of this run left on the machine."""
        return traces.look().of(self.lab).beyond(traces.Traces())

    def _await(self) -> None:
        """A prompt that asks, after the line that was sent was taken."""
        self.program.expect_exact(ASKS)
        self.seen += self.program.before + ASKS
        self.program.expect_exact(SHOWN)
        self.seen += self.program.before + SHOWN

    def _drain(self) -> None:
        """The guide asks anew when the other shell has said something; that prompt is none of a line's."""
        while True:
            try:
                self.seen += self.program.read_nonblocking(65536, 0.05)
            except pexpect.TIMEOUT:
                return

    def _lab(self) -> str:
        """The id of this program's own lab: it holds the ledger's folder open."""
        top = f"{ledger.home()}/"
        for fd in Path(f"/proc/{self.program.pid}/fd").iterdir():
            target = str(fd.readlink())
            if target.startswith(top):
                return target.removeprefix(top)
        raise AssertionError("the program has no lab")
