"""A terminal with somebody at the keys: what is to be pressed, and what must be on the screen before."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Act = bytes | Callable[[], object]


class Desk:
    """Presses each key (or does each thing) as soon as its text has been printed, one after the other."""

    def __init__(self, *script: tuple[bytes, Act], size: tuple[int, int] = (24, 80)) -> None:
        self.rows_columns = size
        self.screen = b""
        self._at = 0
        self._script = deque(script)
        self._read, self._write = os.pipe()

    def write(self, data: bytes) -> None:
        self.screen += data
        while self._script and (at := self.screen.find(self._script[0][0], self._at)) >= 0:
            waited, act = self._script.popleft()
            self._at = at + len(waited)
            if callable(act):
                act()
            else:
                os.write(self._write, act)

    def keys(self) -> int | None:
        return self._read

    def size(self) -> tuple[int, int]:
        return self.rows_columns

    @property
    def done(self) -> bool:
        return not self._script

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@contextmanager
def desk(*script: tuple[bytes, Act], size: tuple[int, int] = (24, 80)) -> Iterator[Desk]:
    """Lend it to one line; all of the script must have been played in the end."""
    made = Desk(*script, size=size)
    try:
        yield made
        assert made.done, f"still waiting, with {made.screen[-500:]!r} on the screen"
    finally:
        made.close()
