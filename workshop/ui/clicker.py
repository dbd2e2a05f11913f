"""What a clicker sends, and how a slip of the thumb is told from a press. Pure: the time is an argument.

A clicker has four keys: PageDown, PageUp, and `b` or `.` for a black screen; some send F5 and Escape too.
The first two are dead unless the shell is at its prompt. `b` and `.` are letters as well: one that stands
alone for a moment, on a line that nobody has touched, was a clicker's; one that is followed by another letter
was typed.
"""

from __future__ import annotations

from collections.abc import Callable

PAGE_KEYS = (b"\x1b[5~", b"\x1b[6~")
PANIC = b"\x1b[20~"
"""F9: the one key of the stage that no program gets."""
REPEAT = 0.06
"""Seconds: keys that come faster one after the other are held down, or stuck."""
ALONE = 0.4
"""Seconds after which a `b` was not the beginning of a word."""
BLANKS = ("b", ".")
BURST = 0.15
"""Seconds after a line has begun in which an Enter still belongs to the press that began it."""


class Presses:
    """Lets through the first few of keys in quick succession."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self._most = most
        self._now = now
        self._last = float("-inf")
        self._count = 0

    def allowed(self) -> bool:
        now = self._now()
        self._count = self._count + 1 if now - self._last < REPEAT else 1
        self._last = now
        return self._count <= self._most


def for_program(keys: bytes, since: float) -> bytes:
    """What of the keys goes to a program that began `since` seconds ago: all but a clicker's."""
    for page in PAGE_KEYS:
        keys = keys.replace(page, b"")
    return b"" if since < BURST and not keys.strip(b"\r\n") else keys
