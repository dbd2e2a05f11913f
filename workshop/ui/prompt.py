"""The prompt: prompt_toolkit's line editor with the step's next line as ghost text."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session, get_app, run_in_terminal
from prompt_toolkit.auto_suggest import Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from workshop.frozen import frozen
from workshop.language import tr
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
class Eof:
    """Ctrl-D on an empty line."""


Asked = Line | Pressed | Interrupted | Eof


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


def history_file(environ: Mapping[str, str] | None = None) -> Path:
    """`$XDG_STATE_HOME/container-workshop/history` (XDG Base Directory Specification)."""
    environ = os.environ if environ is None else environ
    state = environ.get("XDG_STATE_HOME") or ""
    base = Path(state) if state.startswith("/") else Path(environ.get("HOME") or "/root") / ".local/state"
    return base / "container-workshop" / "history"


def open_history(path: Path) -> History:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
    ) -> Asked:
        """`watch`: file descriptors that may have something to print meanwhile, and how to get it; None: no
        more."""
        self._offer = self._ghost()
        self._watch = watch or {}
        self._session.app.erase_when_done = False
        asked = self._session.prompt(
            (lambda: FormattedText(message())) if not is_dumb() else FormattedText(message()),
            default=start,
            pre_run=self._begin,
            in_thread=False,
        )
        return Line(asked) if isinstance(asked, str) else asked

    def confirm(self, question: str) -> bool:
        """Only a clear yes is a yes."""
        with self._plain():
            output = None if is_dumb() else self._session.output
            session: PromptSession[str] = PromptSession(input=self._session.input, output=output)
        try:
            return session.prompt(f"{tr(question)} [y/N] ").strip().lower() in ("y", "yes")
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
        data = take()
        if data is None:
            asyncio.get_running_loop().remove_reader(fd)
        elif data:
            text = data if data.endswith(b"\n") else data + b"\n"
            run_in_terminal(lambda: self._write(text))

    def _write(self, data: bytes) -> None:
        output = self._session.output
        output.write_raw(data.decode(errors="replace"))
        output.flush()

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
