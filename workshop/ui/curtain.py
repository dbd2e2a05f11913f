"""The terminal: afterwards as it was before, whatever happens in between. console_codes(4), termios(3)."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MEND = b"".join(
    (
        b"\x1b7\x1b[?1049l\x1b[?47l\x1b7",  # the main screen
        b"\x1b[r\x1b[?6l\x1b[?7h",  # the whole of it scrolls; lines wrap
        b"\x1b[?25h\x1b[?1l\x1b>",  # a cursor, plain arrow keys
        b"\x1b[?2004l",  # pasting is typing
        b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l",  # the mouse is the terminal's
        b"\x1b8\x1b[0m\x1b(B\x0f",  # no colours, no line drawing
    )
)
"""Each is harmless where it is so already; two of them move the cursor, so it is kept before and put back."""
IFLAG, OFLAG, LFLAG = 0, 1, 3


@contextmanager
def curtain(keys: int, screen: int) -> Iterator[None]:
    """Behind it the terminal may be made into anything."""
    found = termios.tcgetattr(keys)
    try:
        yield
    finally:
        # The terminal may be gone (SIGHUP), or stopped: then there is nothing to put back.
        with suppress(OSError):
            os.write(screen, MEND)
        with suppress(termios.error, OSError):
            termios.tcsetattr(keys, termios.TCSANOW, found)
            termios.tcflush(keys, termios.TCIFLUSH)  # what was typed at the stage is not for the shell


def mend() -> bool:
    """Mend what a killed program has left of this terminal, as `reset` does; True if it was left raw."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    keys = sys.stdin.fileno()
    with suppress(termios.error, OSError):
        mode = termios.tcgetattr(keys)
        raw = not mode[LFLAG] & termios.ICANON
        mode[IFLAG] |= termios.ICRNL | termios.IXON | termios.BRKINT
        mode[OFLAG] |= termios.OPOST | termios.ONLCR
        mode[LFLAG] |= termios.ICANON | termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ISIG
        mode[LFLAG] |= termios.IEXTEN
        termios.tcsetattr(keys, termios.TCSADRAIN, mode)
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), MEND)
        return raw
    return False
