"""The screen: a rich console that suits this terminal, and the same colours for prompt_toolkit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from rich.console import Console as RichConsole
from rich.theme import Theme

from workshop.render.theme import PLAIN, STYLES, Signs, signs

if TYPE_CHECKING:
    from prompt_toolkit.styles import Style

PROMPT_STYLES = {
    "host": "bold",
    "container": "bold ansimagenta",
    "facts": "ansimagenta",
    "path": "",
    "auto-suggestion": "ansibrightblack",
    "bottom-toolbar": "noreverse",
    "bottom-toolbar.text": "noreverse",
    "toolbar.key": "bold",
}
"""prompt_toolkit's names. The ghost text is grey, or slanted: who cannot see it has `:solution`."""


def is_dumb(environ: Mapping[str, str] | None = None) -> bool:
    """A terminal that can do no more than print: no colours, no cursor movement."""
    return (os.environ if environ is None else environ).get("TERM", "dumb").lower() in ("dumb", "unknown", "")


def has_colours(environ: Mapping[str, str] | None = None) -> bool:
    """https://no-color.org: any NO_COLOR that is not empty."""
    environ = os.environ if environ is None else environ
    return not environ.get("NO_COLOR") and not is_dumb(environ)


class Console(RichConsole):
    """rich's, which would end the program by itself when nobody reads its output any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # the command line knows what that means


def console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """rich, held to the terminal's own 16 colours, and to saying nothing that it was not given."""
    file = sys.stdout if file is None else file
    coloured = _coloured(file)
    return Console(
        file=file,
        width=width,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        theme=Theme(STYLES, inherit=False),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def signs_of(file: TextIO | None = None) -> Signs:
    file = sys.stdout if file is None else file
    if is_dumb():
        return PLAIN
    return signs(file.encoding, coloured=_coloured(file))


def _coloured(file: TextIO) -> bool:
    return has_colours() and file.isatty()


def prompt_style() -> Style:
    """Without colours the rest of it, bold and the like; what is offered is then slanted, not grey."""
    from prompt_toolkit.styles import Style

    if has_colours():
        return Style.from_dict(PROMPT_STYLES)
    plain = {
        name: " ".join(word for word in style.split() if not word.startswith("ansi"))
        for name, style in PROMPT_STYLES.items()
    }
    return Style.from_dict({**plain, "auto-suggestion": "italic"})
