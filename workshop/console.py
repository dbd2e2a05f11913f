"""The terminals that front ends lend to a shell: the real one (`Console`) and none (`Silent`). termios(3)."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

KEPT = 64 * 1024


def write_all(fd: int, data: bytes) -> None:
    """Write everything, also when the terminal is slow or somebody made it non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


class Console:
    """The real terminal. A context manager: raw while a line runs, and put back however that ends.

    A SIGTERM or SIGHUP that would have killed the program on the spot becomes a SystemExit meanwhile, so
    that the terminal is put back then too.
    """

    def __init__(self, keys: int | None = None, screen: int | None = None) -> None:
        self._keys = sys.stdin.fileno() if keys is None else keys
        self._screen = sys.stdout.fileno() if screen is None else screen
        self._saved: list[Any] | None = None
        self._handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}

    def write(self, data: bytes) -> None:
        write_all(self._screen, data)

    def keys(self) -> int | None:
        return self._keys if os.isatty(self._keys) else None

    def size(self) -> tuple[int, int]:
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(self._screen)
            if columns and rows:
                return rows, columns
        columns, rows = shutil.get_terminal_size()
        return rows, columns

    def __enter__(self) -> Console:
        if self._saved is not None or not os.isatty(self._keys):
            return self
        sys.stdout.flush()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) == signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, _leave)
        self._saved = termios.tcgetattr(self._keys)
        tty.setraw(self._keys, termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        saved, self._saved = self._saved, None
        try:
            if saved is not None:
                with contextlib.suppress(termios.error):  # the terminal itself may be gone
                    termios.tcsetattr(self._keys, termios.TCSADRAIN, saved)
        finally:
            while self._handlers:
                signal.signal(*self._handlers.popitem())


class Silent:
    """No terminal: nobody at the keys, and the last 64 KiB of the output kept in `output`."""

    def __init__(self, size: tuple[int, int] = (24, 80)) -> None:
        self._size = size
        self._output = bytearray()

    @property
    def output(self) -> bytes:
        return bytes(self._output[-KEPT:])

    def write(self, data: bytes) -> None:
        self._output += data
        if len(self._output) > 4 * KEPT:
            del self._output[:-KEPT]

    def keys(self) -> int | None:
        return None

    def size(self) -> tuple[int, int]:
        return self._size


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
