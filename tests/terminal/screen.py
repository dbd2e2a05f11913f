"""A program on a pseudo-terminal, and its screen as pyte draws it. Waits for what is to be seen, never for a
time."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

PATIENCE = 20.0
"""Seconds after which something that is to be seen counts as never coming."""


class Screen:
    """`with Screen([...], columns=80, rows=24) as screen: screen.wait_for("$")`."""

    def __init__(
        self, argv: Sequence[str], *, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.raw = b""
        self._screen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        environ = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", **(env or {})}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # pragma: no cover: the child
            try:
                _set_size(0, rows, columns)
                os.execvpe(argv[0], list(argv), environ)
            finally:
                os._exit(127)
        self._status: int | None = None

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    # -- keys -------------------------------------------------------------------------------------------

    def type(self, keys: str | bytes) -> None:
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def enter(self, line: str = "") -> None:
        self.type(f"{line}\r")

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        _set_size(self.fd, rows, columns)

    def mode(self) -> list[object]:
        """tcgetattr(3) of the terminal, to compare before and after."""
        return list(termios.tcgetattr(self.fd))

    @property
    def raw_mode(self) -> bool:
        """A program has the terminal, byte by byte; at the prompt line feeds are still completed."""
        return not termios.tcgetattr(self.fd)[1] & termios.OPOST

    # -- what is to be seen -----------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    @property
    def transcript(self) -> str:
        """What has scrolled away, and the screen."""
        width = self._screen.columns
        gone = ["".join(row[x].data for x in range(width)).rstrip() for row in self._screen.history.top]
        return "\n".join([*gone, *self.lines]).rstrip()

    @property
    def cursor_line(self) -> str:
        return self.lines[self._screen.cursor.y]

    def wait_for(self, wanted: str | Callable[[Screen], bool], patience: float = PATIENCE) -> str:
        """Read until `wanted` is on the screen (or true of it); the screen's text. AssertionError when it
        never is."""
        holds = (lambda screen: wanted in screen.text) if isinstance(wanted, str) else wanted
        end = time.monotonic() + patience
        while not holds(self):
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"never seen: {wanted!r}\n{self.transcript}")
        return self.text

    def wait_end(self, patience: float = PATIENCE) -> int:
        """Read until the program ends; its exit status."""
        end = time.monotonic() + patience
        while self._read(end - time.monotonic()):
            pass
        if self._status is None:
            assert time.monotonic() < end, f"the program does not end\n{self.transcript}"
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def close(self) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _read(self, seconds: float) -> bool:
        """Wait for output and draw it; False when the time is over or the program has closed its terminal."""
        if seconds <= 0 or not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)


def _set_size(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
