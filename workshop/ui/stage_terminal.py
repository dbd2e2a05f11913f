"""The terminal under the stage: what prompt_toolkit draws on and reads from, and what a program is lent.

While a line runs, what is typed goes to it as it is. A program that draws the whole screen (vim, less, top)
gets the screen too: drawing is silent meanwhile, and afterwards begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from workshop.console import write_all
from workshop.render.stage import COLUMNS, ROWS
from workshop.render.stage_theme import Depth, Theme, styles
from workshop.ui.clicker import for_program

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.key_binding import KeyPress

OWN_SCREEN = re.compile(rb"\x1b\[\?(?:1049|1047|47)[hl]")
"""The stage has a screen of its own already; behind it is what the speaker did before the talk."""
LOOK = 0.1
"""Seconds between two looks at the terminal's size."""
FRESH = b"\x1b[0m\x1b[r\x1b[?25h\x1b[2J\x1b[H"


def depth(environ: Mapping[str, str]) -> Depth:
    """How many colours can be trusted. GNU screen passes COLORTERM on, and cannot do what it says."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return "none"
    direct = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    screen = term.startswith("screen") and not environ.get("TMUX")
    return "full" if "256" in term or "direct" in term or (direct and not screen) else "palette"


def color_depth(environ: Mapping[str, str]) -> ColorDepth:
    match depth(environ):
        case "none":
            return ColorDepth.DEPTH_1_BIT
        case "palette":
            return ColorDepth.DEPTH_4_BIT
    direct = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    screen = environ.get("TERM", "").startswith("screen") and not environ.get("TMUX")
    return ColorDepth.DEPTH_24_BIT if direct and not screen else ColorDepth.DEPTH_8_BIT


@cache
def style_of(theme: Theme) -> Style:
    """One object for each theme: with another one prompt_toolkit draws everything anew."""
    return Style.from_dict(styles(theme, depth(os.environ)))


async def follow_size(app: Application[None]) -> None:
    """Draw anew when the terminal has another size. prompt_toolkit hears of that by a signal, which only a
    program's first thread gets; its own way of looking misses a change before its first look."""
    drawn = app.output.get_size()
    while True:
        await asyncio.sleep(LOOK)
        if (size := app.output.get_size()) != drawn:
            drawn = size
            redraw(app)


def redraw(app: Application[None]) -> None:
    """All of it, without a look at the screen behind the stage's own."""
    app.renderer.erase(leave_alternate_screen=False)
    app.invalidate()


class Output(Vt100_Output):
    """Can be told to be silent, and asks the terminal nothing."""

    lock: threading.Lock
    silent = False

    @classmethod
    def made(cls) -> Output:
        output = cls.from_pty(sys.stdout, term=os.environ.get("TERM"))
        assert isinstance(output, Output)
        output.lock = threading.Lock()
        return output

    @property
    def responds_to_cpr(self) -> bool:
        return False

    def flush(self) -> None:
        with self.lock:
            if self.silent:
                self._buffer: list[str] = []
            else:
                super().flush()


class Keys(Vt100Input):
    """The keyboard. While a line runs, the keys are not read here but handed on, byte by byte."""

    def __init__(self, running: Callable[[], bool], hand_on: Callable[[bytes], None]) -> None:
        super().__init__(sys.stdin)
        self._running = running
        self._hand_on = hand_on

    def read_keys(self) -> list[KeyPress]:
        if not self._running():
            return super().read_keys()
        with contextlib.suppress(OSError):
            self._hand_on(os.read(self.fileno(), 4096))
        return []


class Lent:
    """What a running line is lent (`workshop.stage.lent.Stage`)."""

    def __init__(self, output: Output) -> None:
        self.redraw: Callable[[], None] = lambda: None
        """The screen is the stage's again: draw all of it."""
        self._output = output
        self._screen = sys.stdout.fileno()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._began = 0.0
        self._given = False
        self._mode: list[Any] | None = None

    # -- from the keyboard's thread

    def hand_on(self, keys: bytes) -> None:
        keys = for_program(keys, time.monotonic() - self._began)
        if keys:
            self._began = 0.0  # somebody types: what follows is meant
        self.answer(keys)

    def leave(self) -> None:
        """Press the guide's key."""
        self.answer(b"\x1d")

    # -- for the line

    def begin(self) -> None:
        self._began = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                """What was typed at the line before is not for this one."""

    def keys(self) -> int | None:
        return self._read

    def size(self) -> tuple[int, int]:
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(self._screen)
            if columns and rows:
                return rows, columns
        return ROWS, COLUMNS

    def answer(self, reply: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, reply)

    def give(self, output: bytes) -> None:
        if not self._given:
            self._given = True
            with self._output.lock:
                self._output.silent = True
            self._raw()
            output = FRESH + output
        write_all(self._screen, OWN_SCREEN.sub(b"", output))

    def take(self) -> None:
        if not self._given:
            return
        self._given = False
        if self._mode is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._mode)
        write_all(self._screen, FRESH)
        with self._output.lock:
            self._output.silent = False
        self.redraw()

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)

    def _raw(self) -> None:
        """A program that has the whole screen moves down by a bare line feed: not to be completed."""
        self._mode = None
        with contextlib.suppress(termios.error):
            self._mode = termios.tcgetattr(sys.stdin.fileno())
            raw = list(self._mode)
            raw[1] &= ~termios.OPOST
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, raw)
