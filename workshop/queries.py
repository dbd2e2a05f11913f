"""Answers for programs that ask the terminal something while nobody sits at it.

busybox's ash asks for the cursor at every prompt (`ESC [ 6 n`), vim for colours and for the kind of
terminal; an answer that never comes makes some of them wait. console_codes(4), xterm's "ctlseqs".
"""

from __future__ import annotations

import re

_QUERY = re.compile(
    rb"\x1b\[(?P<report>[56])n"  # DSR: status, cursor position
    rb"|\x1b\[(?P<kind>>?)0?c"  # DA: what terminal is it
    rb"|\x1b\[\?(?P<mode>[0-9]{1,5})\$p"  # DECRQM: is this mode on
    rb"|\x1b\](?P<colour>1[0-2]);\?(?P<end>\x07|\x1b\\)"  # OSC 10, 11, 12: a colour
)
_LONGEST = 24


class Queries:
    """Finds the questions in a program's output, also when they come in pieces."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The data without its questions, and what a plain terminal would answer to them.

        A piece of a question at the end is looked at again with the next data, though its bytes are given
        now.
        """
        if b"\x1b" not in data and not self._tail:
            return data, b""
        known = len(self._tail)
        joined = self._tail + data
        rest: list[bytes] = []
        answers: list[bytes] = []
        at = known
        done = 0
        for found in _QUERY.finditer(joined):
            rest.append(joined[at : max(at, found.start())])
            at = max(at, found.end())
            done = found.end()
            answers.append(_answer(found))
        rest.append(joined[at:])
        first = joined.find(b"\x1b", max(done, len(joined) - _LONGEST))
        self._tail = joined[first:] if first >= 0 else b""
        return b"".join(rest), b"".join(answers)


def _answer(query: re.Match[bytes]) -> bytes:
    match query.lastgroup:
        case "report":
            return b"\x1b[0n" if query["report"] == b"5" else b"\x1b[1;1R"
        case "kind":
            return b"\x1b[>0;0;0c" if query["kind"] else b"\x1b[?1;2c"
        case "mode":
            return b"\x1b[?" + query["mode"] + b";0$y"
    colour = b"ffff/ffff/ffff" if query["colour"] == b"10" else b"0000/0000/0000"
    return b"\x1b]" + query["colour"] + b";rgb:" + colour + query["end"]
