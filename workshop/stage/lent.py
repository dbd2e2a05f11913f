"""What a front end lends a performance: the keys, the size of its screen, and the screen itself for programs
that draw all of it. And recordings of steps, for when nothing else helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workshop.frozen import frozen
from workshop.queries import Queries
from workshop.stage import words

KEPT = 64 * 1024
"""Bytes of an output that are kept for its text."""


class Stage(Protocol):
    """What a front end lends a running line."""

    def keys(self) -> int | None: ...

    def size(self) -> tuple[int, int]: ...

    def answer(self, reply: bytes) -> None:
        """What a terminal would have answered to a question in the output: to be read as keys."""

    def give(self, output: bytes) -> None:
        """A program draws the whole screen: this, and all that follows, goes there as it is."""

    def take(self) -> None:
        """The line has ended: the screen is the stage's again."""


class Unwatched:
    """Nobody looks, nobody is at the keys: for rehearsals and tests."""

    def __init__(self, size: tuple[int, int] = (25, 80)) -> None:
        self._size = size

    def keys(self) -> int | None:
        return None

    def size(self) -> tuple[int, int]:
        return self._size

    def answer(self, reply: bytes) -> None:
        """Without keys the shell answers by itself."""

    def give(self, output: bytes) -> None:
        """Seen by nobody."""

    def take(self) -> None:
        """Nothing was given."""


@frozen
class Take:
    """A step as it was recorded: pieces of output, each with the seconds to wait before it."""

    when: str
    pieces: tuple[tuple[float, str], ...]


Takes = Callable[[str], Take | None]
"""The recording of a step, by the step's id; None: there is none."""


class Heard:
    """A terminal for one line: the stage's, with its output heard."""

    def __init__(self, stage: Stage, hear: Callable[[bytes, bool], None]) -> None:
        self._stage = stage
        self._hear = hear
        self._output = b""
        self._given = False
        self._queries = Queries()

    def write(self, data: bytes) -> None:
        if self._given:
            self._stage.give(data)
            return
        if reply := self._queries.feed(data)[1]:
            self._stage.answer(reply)
        self._output = (self._output + data)[-KEPT:]
        self._given = words.wants_screen(words.cleared(self._output))
        if self._given:  # before it is said: who hears of it presses keys, and they are the program's
            self._stage.give(data)
        self._hear(words.cleared(self._output), self._given)

    def keys(self) -> int | None:
        return self._stage.keys()

    def size(self) -> tuple[int, int]:
        return self._stage.size()

    def end(self) -> None:
        self._stage.take()
