"""The audience's terminal: shows scenes, and turns keys into orders. Runs in a thread of its own, so that the
engine can have the program's first one.

The line that stands in the prompt is only offered until it is touched: a letter replaces it, an arrow key
edits it, Enter runs it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys as Named
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.processors import BeforeInput, Processor, Transformation, TransformationInput
from prompt_toolkit.styles import DynamicStyle

from workshop.render import stage as picture
from workshop.render.stage import COLUMNS, FEWEST, FOLLOWS, ROWS, View
from workshop.render.theme import ASCII, Signs
from workshop.stage.desk import Desk, Order
from workshop.stage.scene import AT_PROMPT, FREE, Scene
from workshop.ui.clicker import ALONE, BLANKS, PANIC, Presses
from workshop.ui.console import signs_of
from workshop.ui.stage_bar import bar, help_rows
from workshop.ui.stage_completion import complete
from workshop.ui.stage_keys import KEYS, sequence
from workshop.ui.stage_map import moved, toggled, typed
from workshop.ui.stage_terminal import Keys, Lent, Output, color_depth, follow_size, redraw, style_of

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.layout.layout import FocusableElement

PROMPT_ROWS = 3
"""A longer line scrolls."""
QUIT_SECONDS = 5.0


class StageScreen:
    def __init__(
        self,
        desk: Desk,
        lent: Lent,
        output: Output,
        scene: Scene,
        *,
        typing: bool = False,
        completer: Completer | None = None,
    ) -> None:
        self.scene = scene
        self._desk = desk
        self._lent = lent
        self._typing = typing
        self._completer = completer
        self._view = View()
        self._notice = ""
        self._quit_at = float("-inf")
        self._applied: tuple[str, ...] = ()
        self._offer = ""
        self._held = ""
        """A `b` or `.` of which is not known yet whether it was typed, or pressed on a clicker."""
        self._alone: asyncio.TimerHandle | None = None
        self._pages = Presses(2, time.monotonic)
        self._enters = Presses(1, time.monotonic)
        self._running = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="stage", daemon=True)
        self._signs: Signs = ASCII if os.environ.get("TERM") == "linux" else signs_of()
        self._buffer = Buffer(read_only=Condition(lambda: not self._at_prompt), multiline=False)
        self._app = self._application(output)
        lent.redraw = lambda: self._soon(lambda: redraw(self._app))

    # -- from other threads ------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def show(self, scene: Scene) -> None:
        running, self._running = self._running, scene.mode in ("running", "away")
        if self._running and not running:
            self._lent.begin()
        self._soon(lambda: self._see(scene))

    def stop(self) -> None:
        self._soon(lambda: self._app.exit() if self._app.is_running else None)
        if self._thread.is_alive():
            self._thread.join(3)

    def _soon(self, act: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(act)

    def _main(self) -> None:
        try:
            self._app.run(pre_run=self._begin, handle_sigint=False)
        except (EOFError, OSError):  # the terminal is gone
            pass
        except BaseException as error:
            self._desk.fail(error)
            return
        finally:
            self._loop = None
        self._desk.give(Order("quit"))

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._app.create_background_task(follow_size(self._app))
        self._see(self._desk.performance.scene)

    # -- what is to be seen ------------------------------------------------------------------------------

    def _see(self, scene: Scene) -> None:
        if scene.number < self.scene.number:
            return
        self.scene = scene
        state = (scene.step, scene.shell, scene.next_line, scene.typed, scene.mode)
        if state != self._applied:
            self._applied = state
            self._offer = scene.typed if self._typing or scene.mode == "typing" else scene.next_line
            if scene.mode not in ("ready", "passed", "missed", "typing"):
                self._offer = ""
            self._put(self._offer)
            self._held = ""
            self._notice = ""
        self._app.invalidate()

    def _put(self, text: str) -> None:
        self._buffer.set_document(Document(text, len(text)), bypass_readonly=True)

    @property
    def _at_prompt(self) -> bool:
        return self.scene.mode in FREE

    @property
    def _untouched(self) -> bool:
        return self._buffer.text == self._offer and self._buffer.document.is_cursor_at_the_end

    def _size(self) -> tuple[int, int]:
        size = self._app.output.get_size()
        return size.rows, size.columns

    def _prompt_rows(self) -> int:
        _, columns = self._size()
        length = len(self._prefix()[0][1]) + len(self._buffer.text) + 1
        return min(PROMPT_ROWS, max(1, -(-length // max(1, columns))))

    def _top(self) -> StyleAndTextTuples:
        rows, columns = self._size()
        if rows < FEWEST[0] or columns < FEWEST[1]:
            return [("class:text", f"The stage needs {COLUMNS} columns and {ROWS} rows.")]
        height = max(0, rows - FOLLOWS - self._prompt_rows())
        if self._view.overlay == "keys" and not self.scene.blank:
            drawn = help_rows(height, columns)
        else:
            drawn = picture.top(self.scene, height, columns, self._view, self._signs)
        found: StyleAndTextTuples = []
        for at, row in enumerate(drawn):
            found += [("", "\n")] if at else []
            found += row
        return found

    def _rule(self) -> StyleAndTextTuples:
        return [("class:quiet", "" if self.scene.blank else self._signs.line * self._size()[1])]

    def _place(self) -> StyleAndTextTuples:
        return [] if self.scene.blank else list(picture.place(self.scene))

    def _prefix(self) -> list[tuple[str, str]]:
        scene = self.scene
        if scene.blank or scene.mode in ("working", "replay", "over"):
            return [("", "")]
        if scene.mode == "running":
            return [("class:quiet", f"running {self._signs.ellipsis}")]
        return [("class:key", f"{scene.user} ")]

    def _bar(self) -> StyleAndTextTuples:
        rows, columns = self._size()
        notice = self._notice
        if rows < ROWS or columns < COLUMNS:
            notice = notice or f"{COLUMNS}x{ROWS} at least, please: this is {columns}x{rows}"
        return list(bar(self.scene, self._view, columns, notice))

    # -- the application ---------------------------------------------------------------------------------

    def _application(self, output: Output) -> Application[None]:
        control = BufferControl(
            self._buffer,
            input_processors=[_Hue(self), BeforeInput(lambda: FormattedText(self._prefix()))],
            focusable=True,
        )
        prompt = Window(control, wrap_lines=True, height=lambda: self._prompt_rows(), style="class:ground")
        body = HSplit(
            [
                Window(FormattedTextControl(self._top), style="class:ground", always_hide_cursor=True),
                Window(FormattedTextControl(self._rule), height=1, style="class:ground"),
                Window(FormattedTextControl(self._place), height=1, style="class:ground"),
                prompt,
                Window(
                    FormattedTextControl(self._bar),
                    height=1,
                    style=lambda: "class:blank" if self.scene.blank else "class:bar",
                ),
            ],
            style=lambda: "class:blank" if self.scene.blank else "class:ground",
        )
        focus: FocusableElement = prompt
        app: Application[None] = Application(
            layout=Layout(body, focused_element=focus),
            key_bindings=self._bindings(),
            style=DynamicStyle(lambda: style_of(self.scene.theme)),
            include_default_pygments_style=False,
            color_depth=color_depth(os.environ),
            full_screen=True,
            mouse_support=False,
            editing_mode=EditingMode.EMACS,
            input=Keys(
                lambda: self._desk.performance.scene.mode == "running" or output.silent, self._hand_on
            ),
            output=output,
            terminal_size_polling_interval=None,
        )
        app.ttimeoutlen = 0.05
        app.timeoutlen = 0.3
        return app

    def _hand_on(self, keys: bytes) -> None:
        """A line runs: the keys are its own, but for one."""
        if PANIC in keys:
            self._order("panic")
        else:
            self._lent.hand_on(keys)

    # -- keys --------------------------------------------------------------------------------------------

    def _order(self, command: str, argument: str = "") -> None:
        self._desk.give(Order(command, argument, self.scene.number))

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        overlay = Condition(lambda: bool(self._view.overlay))
        in_map = Condition(lambda: self._view.overlay == "map")
        dark = Condition(lambda: self.scene.blank)
        untouched = Condition(lambda: self._at_prompt and self._untouched and not self._view.overlay)
        add = bindings.add

        for key in KEYS:
            for name in key.keys:
                add(*sequence(name), eager=len(sequence(name)) == 1)(self._pressed(key.command))
        add("enter", eager=True)(self._enter)
        add("c-c", eager=True)(self._cancel)
        add("escape", filter=overlay | dark)(lambda event: self._close())
        add("up", filter=in_map, eager=True)(lambda event: self._choose(-1))
        add("down", filter=in_map, eager=True)(lambda event: self._choose(1))
        for digit in "0123456789":
            add(digit, filter=in_map, eager=True)(self._digit)
        add("tab", eager=True)(self._complete)
        add("c-up", eager=True)(lambda event: self._scroll(1))
        add("c-down", eager=True)(lambda event: self._scroll(-1))
        add("s-up", eager=True)(lambda event: self._scroll(1))
        add("s-down", eager=True)(lambda event: self._scroll(-1))
        add(Named.Any, filter=overlay | dark)(self._letter_elsewhere)
        add(Named.Any, filter=untouched & ~dark)(self._letter)
        add(Named.BracketedPaste, filter=untouched)(self._paste)
        for ignored in ("f5", "c-z", "c-d", "c-s", "c-l", "c-]", "c-o", "c-r", "c-x"):
            add(ignored, eager=True)(lambda event: None)
        return bindings

    def _pressed(self, command: str) -> Callable[[KeyPressEvent], None]:
        own = {"map": self._toggle, "keys": self._toggle, "text": self._toggle, "quit": self._quit}

        def handle(event: KeyPressEvent) -> None:
            name = event.key_sequence[0].key
            if command in own:
                own[command](command)
            elif command in ("next", "back"):
                clicked = name in (Named.PageDown, Named.PageUp)
                if not clicked or self._pages.allowed():
                    self._step(command)
            else:
                self._close()
                self._order(command)

        return handle

    def _step(self, command: str) -> None:
        """A clicker's key: first of all it brings back what is hidden."""
        if self.scene.blank or self._view.overlay:
            self._close()
        elif self._at_prompt and not self._untouched:
            self._say("The line was changed: Enter runs it, Ctrl-C brings the script's line back")
        else:
            self._view = View()
            self._order(command)

    def _enter(self, event: KeyPressEvent) -> None:
        allowed = self._enters.allowed()
        if self.scene.blank:
            self._close()
        elif self._view.overlay == "map":
            stops = self.scene.stops
            chosen = stops[self._view.chosen].id if stops else ""
            self._close()
            self._order("jump", chosen)
        elif self._view.overlay:
            self._close()
        elif allowed and self._at_prompt:
            self._view = View()
            self._let_be()
            if self._buffer.text.strip():
                self._buffer.append_to_history()
            self._order("line", self._buffer.text)

    def _cancel(self, event: KeyPressEvent) -> None:
        if self.scene.user == ">":
            self._order("cancel")
        elif self._at_prompt:
            self._put(self._offer)
            self._notice = ""

    def _letter(self, event: KeyPressEvent) -> None:
        """On a line that is only offered: a letter begins another line."""
        if self._held:
            text = self._held + event.data
            self._let_be()
            self._put(text)
        elif event.data in BLANKS:
            self._held = event.data
            assert self._loop is not None
            self._alone = self._loop.call_later(ALONE, self._clicked)
        elif event.data.isprintable():
            self._put(event.data)

    def _letter_elsewhere(self, event: KeyPressEvent) -> None:
        """In the dark, or over a map: it brings the stage back. A word that was begun goes on."""
        held, self._held = self._held, ""
        was_dark = self.scene.blank
        self._close()
        if was_dark and held and event.data.isprintable() and event.data not in BLANKS:
            self._put(held + event.data)

    def _complete(self, event: KeyPressEvent) -> None:
        """A line that is only offered is whole already."""
        unseen = self.scene.blank or self._view.overlay
        if self._completer is None or unseen or self.scene.mode not in AT_PROMPT or self._untouched:
            return
        completed = complete(self._buffer.document, self._completer)
        self._buffer.document = completed.document
        self._say(completed.notice)

    def _paste(self, event: KeyPressEvent) -> None:
        self._put(event.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")[0])

    def _clicked(self) -> None:
        """The `b` stayed alone: it came from a clicker."""
        self._alone = None
        if self._held and self._untouched and self._at_prompt:
            self._order("blank", "on")

    def _let_be(self) -> None:
        self._held = ""
        if self._alone is not None:
            self._alone.cancel()
            self._alone = None

    def _toggle(self, overlay: str) -> None:
        self._let_be()
        self._view = toggled(self._view, overlay, self.scene.stops)
        self._light()

    def _close(self) -> None:
        self._view = View()
        self._let_be()
        self._light()

    def _light(self) -> None:
        """No more black; at once, so that the next letter is one of a line."""
        if self.scene.blank:
            self._order("blank", "off")
            self.scene = replace(self.scene, blank=False)

    def _choose(self, by: int) -> None:
        self._view = moved(self._view, by, self.scene.stops)

    def _digit(self, event: KeyPressEvent) -> None:
        self._view = typed(self._view, event.data, self.scene.stops)

    def _scroll(self, by: int) -> None:
        if not self._view.overlay:
            self._view = View(scroll=max(0, self._view.scroll + 3 * by))

    def _quit(self, _: str) -> None:
        if time.monotonic() - self._quit_at < QUIT_SECONDS:
            self._app.exit()
            return
        self._quit_at = time.monotonic()
        self._say("Once more ends the performance; all that was built goes")

    def _say(self, notice: str) -> None:
        self._notice = notice
        self._app.invalidate()


class _Hue(Processor):
    """A line that is only offered looks quieter than one that is there."""

    def __init__(self, screen: StageScreen) -> None:
        self._screen = screen

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        scene, screen = self._screen.scene, self._screen
        if scene.blank:
            return Transformation([])
        offered = screen._untouched and scene.typed != scene.next_line and scene.mode != "typing"
        style = "class:offer" if offered else "class:command"
        return Transformation([(style, text) for _, text, *_ in transformation_input.fragments])
