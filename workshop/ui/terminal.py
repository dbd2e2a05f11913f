"""The learner's terminal between two lines. While a line runs, `workshop.console.Console` has it, raw."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from workshop.errors import UsageError
from workshop.render.theme import NARROWEST

_OFLAG, _LFLAG = 1, 3


@contextmanager
def quiet(keys: int) -> Iterator[None]:
    """Between two prompts keys that are typed ahead are kept and not shown, Ctrl-C is a signal, and line
    feeds are completed. In the end the terminal is as it was, whatever happens."""
    found = termios.tcgetattr(keys)
    mode = list(found)
    mode[_OFLAG] |= termios.OPOST | termios.ONLCR
    mode[_LFLAG] = (mode[_LFLAG] | termios.ISIG) & ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(keys, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        # The terminal may be gone (SIGHUP): then there is nothing to restore.
        with suppress(termios.error, OSError):
            termios.tcsetattr(keys, termios.TCSADRAIN, found)


def tidy(output: bytes, away: bool = False) -> bytes:
    """What to write after the output of a program, so that ours begins in plain colours on a line of its own.

    A program that ends on an alternate screen has put the cursor back; one that is left (`away`) has not.
    """
    plain = b"\x1b[0m" if b"\x1b[" in output else b""
    unfinished = output and not output.endswith(b"\n") and (away or b"\x1b[?1049" not in output)
    return plain + (b"\r\n" if unfinished else b"")


def require_terminal() -> None:
    """The guided shell needs someone at the keys and some room; say so before a lab is made."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The guided shell needs a terminal, for input and output.",
            "With no one at the keys, `workshop run` types every solution and judges it.",
        )
    columns = os.get_terminal_size(sys.stdout.fileno()).columns
    if 0 < columns < NARROWEST:
        raise UsageError(
            f"This terminal is {columns} columns wide; the guided shell needs {NARROWEST}.",
            "Make the window wider or the font smaller, and start again.",
        )
