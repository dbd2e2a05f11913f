"""What programs switch on at a terminal, so that what a killed one left on is switched off again.

console_codes(4); the private modes are those of xterm ("ctlseqs"). Told from the bytes that go to the
terminal.
"""

from __future__ import annotations

import re

NORMAL_ON = frozenset({b"7", b"25"})
"""Wrapping and the cursor: these are on when nobody has touched them."""
KNOWN = NORMAL_ON | {b"1", b"47", b"1047", b"1049", b"2004"} | {b"%d" % n for n in (*range(1000, 1007), 1015)}

_SWITCH = re.compile(
    rb"\x1b\[\?([0-9;]{1,32})([hl])"  # private modes
    rb"|\x1b([=>])"  # keypad
    rb"|\x1b\[>4;?([0-9]?)m"  # extended keys
    rb"|\x1b\(([0B])|([\x0e\x0f])"  # line drawing
)
_LONGEST = 40


class Modes:
    """Follows the switches in what is written to a terminal."""

    def __init__(self) -> None:
        self._on: dict[bytes, bool] = {}
        self._tail = b""

    def feed(self, data: bytes) -> None:
        if b"\x1b" not in data and b"\x0e" not in data and not self._tail and b"\x0e" not in self._on:
            return
        data = self._tail + data
        done = 0
        for found in _SWITCH.finditer(data):
            private, switch, keypad, keys, charset, shift = found.groups()
            done = found.end()
            if private:
                for mode in private.split(b";"):
                    self._set(mode, switch == b"h", mode in NORMAL_ON)
            elif keypad:
                self._set(b"=", keypad == b"=", False)
            elif keys is not None:
                self._set(b"4m", keys not in (b"", b"0"), False)
            elif charset:
                self._set(b"(", charset == b"0", False)
            else:
                self._set(b"\x0e", shift == b"\x0e", False)
        # A switch may have been cut in two; one that was seen is not looked at again.
        last = data.rfind(b"\x1b", max(done, len(data) - _LONGEST))
        self._tail = data[last:] if last >= 0 else b""

    def undo(self) -> bytes:
        """What puts the terminal back to normal; empty when it is."""
        return b"".join(_switch(mode, not on) for mode, on in reversed(self._on.items()))

    def redo(self) -> bytes:
        """What brings back the state that `undo` undoes."""
        return b"".join(_switch(mode, on) for mode, on in self._on.items())

    def forget(self) -> None:
        self._on.clear()
        self._tail = b""

    def _set(self, mode: bytes, on: bool, normal: bool) -> None:
        if on == normal:
            self._on.pop(mode, None)
        elif mode in KNOWN or mode in (b"=", b"4m", b"(", b"\x0e"):
            self._on[mode] = on


def _switch(mode: bytes, on: bool) -> bytes:
    match mode:
        case b"=":
            return b"\x1b=" if on else b"\x1b>"
        case b"4m":
            return b"\x1b[>4;2m" if on else b"\x1b[>4m"
        case b"(":
            return b"\x1b(0" if on else b"\x1b(B"
        case b"\x0e":
            return b"\x0e" if on else b"\x0f"
    return b"\x1b[?" + mode + (b"h" if on else b"l")
