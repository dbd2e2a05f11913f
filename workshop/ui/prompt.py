"""The prompt: prompt_toolkit's line editor with the step's next line as ghost text."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session, get_app
from prompt_toolkit.auto_suggest import Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from workshop.frozen import frozen
from workshop.language import tr
from workshop.progress import Owner, make_folder
from workshop.progress import place as progress_place
from workshop.render.where import Fragments
from workshop.ui import keys
from workshop.ui.commands import Control, is_control
from workshop.ui.console import has_colours, is_dumb, prompt_style


@frozen
class Line:
    """Enter was pressed on this text."""

    text: str


@frozen
class Pressed:
    """The key of a control command was pressed; `text` stood in the line and is to stand there again."""

    control: Control
    text: str


@frozen
class Interrupted:
    """Ctrl-C."""


@frozen
class Left:
    """The program that the prompt belongs to has ended meanwhile; `text` stood in the line."""

    text: str


@frozen
class Eof:
    """Ctrl-D on an empty line."""


Asked = Line | Pressed | Interrupted | Left | Eof


class CalmOutput(Vt100_Output):
    """Does not ask the terminal where its cursor is (the answer could end up in the learner's program), and
    takes no more rows than it needs."""

    @property
    def responds_to_cpr(self) -> bool:
        return False

    def get_rows_below_cursor_position(self) -> int:
        return 1


class Lines(FileHistory):
    """Shell lines of all sessions. A disk that is full or read-only costs the history, not the session."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except (OSError, UnicodeError):
            return []

    def append_string(self, string: str) -> None:
        if not is_control(string) and string.strip():
            super().append_string(string)


def open_history(place: tuple[Path, Owner | None] | None = None) -> History:
    """Beside the progress, and as much the user's who called sudo; in memory where it cannot be kept."""
    progress, owner = place or progress_place(os.environ)
    path = progress.with_name("history")
    try:
        make_folder(path.parent, owner)
        if owner is not None and not path.exists():
            path.touch(mode=0o600)
            os.chown(path, *owner)
    except OSError:
        return InMemoryHistory()
    return Lines(str(path))


class Prompt:
    """Asks for one line at a time. `ghost` gives the line to offer, `toolbar` the fragments below the
    prompt."""

    def __init__(
        self,
        *,
        ghost: Callable[[], str | None],
        toolbar: Callable[[int], Fragments],
        completer: Completer | None = None,
        history: History | None = None,
        keyboard: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self._ghost = ghost
        self._offer: str | None = None
        self._watch: Mapping[int, Callable[[], bytes | None]] = {}
        self._left: Callable[[], bool] = lambda: False
        if output is None and not is_dumb():
            output = CalmOutput.from_pty(sys.stdout, term=os.environ.get("TERM"))
        with self._plain():
            self._session = self._editor(toolbar, completer, history, keyboard, output)
        self._session.default_buffer.on_text_changed += self._suggest
        self._session.app.ttimeoutlen = 0.1

    @property
    def ghost_shown(self) -> bool:
        return bool(self._session.default_buffer.suggestion)

    def ask(
        self,
        message: Callable[[], Fragments],
        *,
        start: str = "",
        watch: Mapping[int, Callable[[], bytes | None]] | None = None,
        left: Callable[[], bool] = lambda: False,
    ) -> Asked:
        """`watch`: file descriptors that may have something to print meanwhile, and how to get it; None: no
        more. `left` is asked then: is the prompt out of date?"""
        self._offer = self._ghost()
        self._watch = watch or {}
        self._left = left
        self._session.app.erase_when_done = False
        asked = self._session.prompt(
            # A dumb terminal is shown what is typed, and not what stands in the line already.
            FormattedText([*message(), ("", start)]) if is_dumb() else lambda: FormattedText(message()),
            default=start,
            pre_run=self._begin,
            in_thread=False,
        )
        return Line(asked) if isinstance(asked, str) else asked

    def confirm(self, question: str) -> bool:
        """One key answers, and only y is a yes."""
        bindings = KeyBindings()

        @bindings.add(Keys.Any, eager=True)  # before what the key does in a line
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.text = event.data if event.data.isprintable() else ""
            event.app.exit(result=event.data)

        with self._plain():
            output = None if is_dumb() else self._session.output
            session: PromptSession[str] = PromptSession(
                input=self._session.input, output=output, key_bindings=bindings
            )
        try:
            return session.prompt(f"{tr(question)} [y/N] ").lower() == "y"
        except (EOFError, KeyboardInterrupt):
            return False

    # -- inside -----------------------------------------------------------------------------------------

    def _editor(
        self,
        toolbar: Callable[[int], Fragments],
        completer: Completer | None,
        history: History | None,
        keyboard: Input | None,
        output: Output | None,
    ) -> PromptSession[Asked]:
        return PromptSession(
            bottom_toolbar=lambda: FormattedText(toolbar(get_app().output.get_size().columns)),
            completer=completer,
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            history=history or InMemoryHistory(),
            key_bindings=self._bindings(),
            style=prompt_style(),
            include_default_pygments_style=False,
            color_depth=ColorDepth.DEPTH_4_BIT if has_colours() else ColorDepth.DEPTH_1_BIT,
            input=keyboard,
            output=output,
        )

    @staticmethod
    def _plain() -> AbstractContextManager[object]:
        """On a dumb terminal prompt_toolkit chooses a prompt of its own, if it may choose the output too;
        that one must not write escape sequences."""
        if not is_dumb():
            return nullcontext()
        return create_app_session(output=PlainTextOutput(sys.stdout))

    def _begin(self) -> None:
        self._suggest(self._session.default_buffer)
        loop = asyncio.get_running_loop()
        for fd, take in self._watch.items():
            loop.add_reader(fd, self._print_above, fd, take)

    def _print_above(self, fd: int, take: Callable[[], bytes | None]) -> None:
        """Something was printed in the background: show it above the prompt, which then stands there
        again."""
        if self._session.app.is_done:
            return  # it is for whoever has the terminal next
        data = take()
        if data is None:
            asyncio.get_running_loop().remove_reader(fd)
        elif data:
            text = data if data.endswith(b"\n") else data + b"\n"
            self._write_above(text)
        app = self._session.app
        if self._left() and app.is_running and not app.is_done:
            app.erase_when_done = True
            app.exit(result=Left(self._session.default_buffer.text))

    def _write_above(self, data: bytes) -> None:
        """Not by run_in_terminal(): that lets the terminal echo what is typed meanwhile, into the prompt."""
        app = self._session.app
        app.renderer.erase()
        app.output.write_raw(data.decode(errors="replace"))
        app.output.flush()
        app.renderer.request_absolute_cursor_position()
        app.invalidate()

    def _suggest(self, buffer: Buffer) -> None:
        offer, text = self._offer, buffer.text
        buffer.suggestion = (
            Suggestion(offer[len(text) :]) if offer and offer != text and offer.startswith(text) else None
        )

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        keys.bind(bindings, self._press)
        offered = Condition(lambda: bool(get_app().current_buffer.suggestion))
        empty = Condition(lambda: not get_app().current_buffer.text)

        @bindings.add("tab", filter=offered & empty)
        def _(event: KeyPressEvent) -> None:
            suggestion = event.current_buffer.suggestion
            if suggestion is not None:
                event.current_buffer.insert_text(suggestion.text)

        @bindings.add("c-c")
        def _(event: KeyPressEvent) -> None:
            event.app.exit(result=Interrupted())

        @bindings.add("c-d", filter=empty)
        def _(event: KeyPressEvent) -> None:
            event.app.erase_when_done = True
            event.app.exit(result=Eof())

        @bindings.add("c-]", eager=True)
        def _(event: KeyPressEvent) -> None:
            """The guide is here already."""

        return bindings

    @staticmethod
    def _press(event: KeyPressEvent, control: Control) -> None:
        event.app.erase_when_done = True
        event.app.exit(result=Pressed(control, event.current_buffer.text))
