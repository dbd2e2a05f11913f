"""A terminal that notices a flood: strace costs a program that writes without end several times its speed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workshop.shell import Terminal

FLOOD = 256 * 1024
"""More bytes than anybody reads of one line's output."""


class Attended:
    """Passes everything on to `terminal`; calls `let_go` once a line has printed more than FLOOD bytes."""

    def __init__(self, terminal: Terminal, let_go: Callable[[], None]) -> None:
        self._terminal = terminal
        self._let_go = let_go
        self._left = FLOOD
        self._lent = contextlib.ExitStack()

    def write(self, data: bytes) -> None:
        self._terminal.write(data)
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0:
                self._let_go()

    def keys(self) -> int | None:
        return self._terminal.keys()

    def size(self) -> tuple[int, int]:
        return self._terminal.size()

    def __enter__(self) -> Attended:
        if isinstance(self._terminal, contextlib.AbstractContextManager):
            self._lent.enter_context(self._terminal)
        return self

    def __exit__(self, *_: object) -> None:
        self._lent.close()
