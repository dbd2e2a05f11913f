"""`workshop notes`: the speaker's screen, in a second terminal. It shows what the audience does not see, and
can drive with the same keys."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys as Named
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl

from workshop.errors import UsageError
from workshop.render import notes as picture
from workshop.render.stage import View
from workshop.render.stage_theme import Theme
from workshop.render.theme import ASCII
from workshop.stage import remote
from workshop.stage.desk import Order
from workshop.stage.scene import Scene, Stop
from workshop.ui.clicker import Presses
from workshop.ui.console import is_dumb, signs_of
from workshop.ui.curtain import curtain
from workshop.ui.stage_bar import bar, help_rows
from workshop.ui.stage_keys import KEYS, sequence
from workshop.ui.stage_map import moved, toggled, typed
from workshop.ui.stage_terminal import Output, color_depth, follow_size, style_of

TICK = 0.5
"""Seconds between two looks at the clock."""


def notes(options: Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or is_dumb():
        raise UsageError("The notes need a terminal that can draw.", "Open one, and start them there.")
    with remote.knock() as other, curtain(sys.stdin.fileno(), sys.stdout.fileno()):
        NotesScreen(other, options.theme).run()
    return 0


class NotesScreen:
    def __init__(self, other: socket.socket, theme: Theme) -> None:
        self._other = other
        self._theme: Theme = theme
        self._scene: Scene | None = None
        self._view = View()
        self._notice = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages = Presses(2, time.monotonic)
        self._signs = ASCII if os.environ.get("TERM") == "linux" else signs_of()
        self._app = self._application()

    def run(self) -> None:
        reader = threading.Thread(target=self._read, name="scenes", daemon=True)

        def begin() -> None:
            self._loop = asyncio.get_running_loop()
            self._app.create_background_task(follow_size(self._app))
            reader.start()

        with suppress(EOFError, OSError):
            self._app.run(pre_run=begin)
        with suppress(OSError):
            self._other.shutdown(socket.SHUT_RDWR)
        reader.join(3)

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            for scene in remote.scenes(self._other):
                self._soon(partial(self._see, scene))
        self._soon(self._ended)

    def _soon(self, act: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # this screen has ended itself
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act)

    def _see(self, scene: Scene) -> None:
        self._scene = scene
        self._notice = ""
        self._app.invalidate()

    def _ended(self) -> None:
        if self._app.is_running:
            self._app.exit()

    # -- what is to be seen ------------------------------------------------------------------------------

    def _top(self) -> StyleAndTextTuples:
        size = self._app.output.get_size()
        height, columns = size.rows - 1, size.columns
        if self._scene is None:
            return [("class:text", "Waiting for the stage.")]
        if self._view.overlay == "keys":
            drawn = help_rows(height, columns)
        else:
            drawn = picture.rows(self._scene, time.time(), height, columns, self._view, self._signs)
        found: StyleAndTextTuples = []
        for at, row in enumerate(drawn):
            found += [("", "\n")] if at else []
            found += row
        return found

    def _bar(self) -> StyleAndTextTuples:
        if self._scene is None:
            return []
        columns = self._app.output.get_size().columns
        shown = replace(self._scene, message="", blank=False)
        dark = "The stage is black: Alt-B" if self._scene.blank else ""
        return list(bar(shown, self._view, columns, self._notice or dark))

    def _application(self) -> Application[None]:
        body = HSplit(
            [
                Window(FormattedTextControl(self._top), style="class:ground", always_hide_cursor=True),
                Window(FormattedTextControl(self._bar), height=1, style="class:bar"),
            ]
        )
        app: Application[None] = Application(
            layout=Layout(body),
            key_bindings=self._bindings(),
            style=style_of(self._theme),
            include_default_pygments_style=False,
            color_depth=color_depth(os.environ),
            full_screen=True,
            mouse_support=False,
            output=Output.made(),
            refresh_interval=TICK,
            terminal_size_polling_interval=None,
        )
        app.ttimeoutlen = 0.05
        app.timeoutlen = 0.3
        return app

    # -- keys --------------------------------------------------------------------------------------------

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        in_map = Condition(lambda: self._view.overlay == "map")
        overlay = Condition(lambda: bool(self._view.overlay))
        for key in KEYS:
            for name in key.keys:
                bindings.add(*sequence(name), eager=len(sequence(name)) == 1)(self._pressed(key.command))
        bindings.add("enter", filter=in_map)(self._go)
        bindings.add("enter", filter=~overlay)(lambda event: self._order("run"))
        bindings.add("up", filter=in_map)(lambda event: self._choose(-1))
        bindings.add("down", filter=in_map)(lambda event: self._choose(1))
        bindings.add("escape", filter=overlay)(lambda event: self._close())
        bindings.add("c-c", eager=True)(lambda event: event.app.exit())
        bindings.add(Named.Any, filter=in_map)(self._digit)
        return bindings

    def _pressed(self, command: str) -> Callable[[KeyPressEvent], None]:
        def handle(event: KeyPressEvent) -> None:
            clicked = event.key_sequence[0].key in (Named.PageDown, Named.PageUp)
            if command == "quit":
                event.app.exit()
            elif command in ("map", "keys", "text"):
                self._toggle("map" if command == "text" else command)
            elif clicked and (self._view.overlay or not self._pages.allowed()):
                self._close()
            else:
                self._close()
                self._order(command)

        return handle

    def _order(self, command: str, argument: str = "") -> None:
        seen = self._scene.number if self._scene is not None else 0
        with suppress(OSError):
            self._other.sendall(remote.order_line(Order(command, argument, seen)))

    def _stops(self) -> tuple[Stop, ...]:
        return self._scene.stops if self._scene is not None else ()

    def _toggle(self, overlay: str) -> None:
        self._view = toggled(self._view, overlay, self._stops())

    def _close(self) -> None:
        self._view = View()

    def _choose(self, by: int) -> None:
        self._view = moved(self._view, by, self._stops())

    def _digit(self, event: KeyPressEvent) -> None:
        self._view = typed(self._view, event.data, self._stops())

    def _go(self, event: KeyPressEvent) -> None:
        if stops := self._stops():
            self._order("jump", stops[self._view.chosen].id)
        self._close()
