"""Lines of strace(1) (`-f -o FILE`): text to values."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_BEGUN = re.compile(r"(\w+)\((.*)<unfinished \.\.\.>", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>,? ?(.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z0-9]+) \(.*\))?(?: .*)?", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "b": "\b"}


class Line(NamedTuple):
    """A whole call, or half of one: `begun` waits for its `resumed`."""

    pid: int
    name: str
    args: str
    result: int | None = None
    error: str | None = None
    half: str = ""
    """`begun`, `resumed`, or empty for a whole call."""


def parse_line(text: str) -> Line:
    """One line. ValueError for one that is no call (signals, exits, complaints)."""
    found = _LINE.fullmatch(text)
    if not found:
        raise ValueError(f"not a line of strace -f: {text[:120]!r}")
    pid, rest = int(found[1]), found[2]
    if begun := _BEGUN.fullmatch(rest):
        return Line(pid, begun[1], begun[2].rstrip(" ,"), half="begun")
    if resumed := _RESUMED.fullmatch(rest):
        # strace prints the arguments that were not known at first, and the result.
        whole = _whole(pid, f"{resumed[1]}({resumed[2]}")
        return whole._replace(half="resumed")
    return _whole(pid, rest)


def _whole(pid: int, text: str) -> Line:
    call = _CALL.fullmatch(text)
    if not call:
        raise ValueError(f"not a system call: {text[:120]!r}")
    result = None if call[3] == "?" else int(call[3], 0)
    return Line(pid, call[1], call[2].strip(), result, call[4])


def join(begun: Line, resumed: Line) -> Line:
    """The whole call out of its halves."""
    args = ", ".join(part for part in (begun.args, resumed.args) if part)
    return resumed._replace(args=args, half="")


def split(args: str) -> list[str]:
    """The arguments: commas inside strings, `{}`, `[]` and `()` do not count."""
    found: list[str] = []
    depth, start, at = 0, 0, 0
    while at < len(args):
        c = args[at]
        if c == '"':
            at += 1
            while at < len(args) and args[at] != '"':
                at += 2 if args[at] == "\\" else 1
        elif c in "{[(":
            depth += 1
        elif c in "}])":
            depth -= 1
        elif c == "," and depth == 0:
            found.append(args[start:at].strip())
            start = at + 1
        at += 1
    last = args[start:].strip()
    return [*found, last] if last or found else []


def string(arg: str) -> str | None:
    """A C string as strace quotes it; None for `NULL` and all that is no string. A cut one ends in `…`."""
    more = arg.endswith("...")
    arg = arg.removesuffix("...")
    if len(arg) < 2 or arg[0] != '"' or arg[-1] != '"':
        return None
    return _ESCAPE.sub(_unescape, arg[1:-1]) + ("…" if more else "")


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "01234567":
        return chr(int(code, 8))
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    return _LETTERS.get(code, code)
