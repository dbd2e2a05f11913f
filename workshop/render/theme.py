"""Colours and signs. Only the 16 colours of the terminal's own palette, and of these only such as can be read
on a light and on a dark background as text (red, magenta); green and yellow are used for marks, which a word
or a sign always repeats. `dim` is for what may be missed."""

from __future__ import annotations

from dataclasses import fields, replace

from workshop.frozen import frozen

READABLE = 78
"""Text wider than this many columns is hard to read."""
NARROWEST = 40
"""Below this many columns the workshop does not start."""

STYLES = {
    "title": "bold",
    "rule.line": "none",
    "code": "magenta",
    "command": "bold magenta",
    "label": "bold",
    "good": "bold green",
    "bad": "bold red",
    "unknown": "bold",
    "added": "green",
    "removed": "red",
    "changed": "magenta",
    "warning": "black on yellow",
    "warning.border": "yellow",
    "quiet": "dim",
    "key": "bold",
    "source": "italic",
}


@frozen
class Signs:
    """The signs that a screen shows beside words."""

    good: str
    bad: str
    unknown: str
    here: str
    todo: str
    arrow: str
    dot: str
    bullet: str
    dash: str
    ellipsis: str
    line: str
    fork: str
    last: str
    pipe: str
    code: str = ""
    """What stands around code within a text, where no colour tells it from the words: a backtick."""

    @property
    def plain(self) -> bool:
        """Read line by line, by a screen reader say: no frames, and nothing side by side."""
        return not self.line

    @property
    def ascii(self) -> bool:
        return self.line.isascii()


UNICODE = Signs("✓", "✗", "–", "▶", "○", "→", "·", "•", "–", "…", "─", "├─ ", "└─ ", "│  ")
ASCII = Signs("+", "x", "-", ">", "o", "->", "|", "*", "-", "...", "-", "|- ", "`- ", "|  ")
PLAIN = replace(
    ASCII,
    good="+",
    line="",
    fork="below: ",
    last="below: ",
    pipe="  ",
    dot=",",
    here="here:",
    todo="-",
    unknown="-",
)


def signs(encoding: str | None, *, coloured: bool = True) -> Signs:
    """The signs that `encoding` can write, for a screen with colours or without."""
    try:
        "".join(vars_of(UNICODE)).encode(encoding or "ascii")
        found = UNICODE
    except (UnicodeEncodeError, LookupError):
        found = ASCII
    return found if coloured else replace(found, code="`")


def in_signs(text: str, signs: Signs) -> str:
    """A sentence that was kept, in signs that this screen can show."""
    return text.replace(UNICODE.arrow, signs.arrow).replace(UNICODE.ellipsis, signs.ellipsis)


def vars_of(signs: Signs) -> tuple[str, ...]:
    return tuple(getattr(signs, each.name) for each in fields(signs))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 mount`, `2 mounts`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
