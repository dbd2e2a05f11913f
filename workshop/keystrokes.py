"""How a line is typed, so that the shell reads exactly it: what a tab or an escape would do to a line
editor."""

from __future__ import annotations

from typing import Literal

Reader = Literal["paste", "readline", "ash", "tty"]
"""Who reads the line: readline with bracketed paste, readline without, busybox's line editor, the
kernel's."""

PIECE = 2048
"""The kernel's line editor holds 4095 bytes of a line, n_tty(4); an end-of-file character hands over what
is there."""


def keystrokes(line: bytes, reader: Reader, eof: bytes = b"\x04") -> list[bytes]:
    """The pieces to type, each when the one before has been read."""
    match reader:
        case "paste":
            return [b"\x1b[200~" + line.replace(b"\x1b[201~", b"") + b"\x1b[201~\n"] if line else [b"\n"]
        case "readline":
            return [_quoted(line, beyond=0x80) + b"\n"]
        case "ash":  # knows no quoting, and completes at a tab
            return [bytes(0x20 if byte == 0x09 else byte for byte in line) + b"\n"]
    line = _quoted(line)
    pieces: list[bytes] = []
    while len(line) >= PIECE:
        cut = PIECE - line[:PIECE].endswith(b"\x16")
        pieces.append(line[:cut] + eof)
        line = line[cut:]
    return [*pieces, line + b"\n"]


def clearing(reader: Reader) -> bytes:
    """What takes away a line that is being edited: to its end, and kill it (VKILL for the terminal's own
    editor, termios(3)). readline is first brought out of a paste that has no end, and of half a key."""
    return b"\x1b[201~\x07\x05\x15" if reader in ("paste", "readline") else b"\x05\x15"


def _quoted(line: bytes, beyond: int = 0x100) -> bytes:
    """Ctrl-V before each control character, and before each byte from `beyond` on: where a container has no
    locale, readline takes the bytes of a letter with an accent for keys with Meta."""
    return b"".join(
        b"\x16%c" % byte if byte < 0x20 or byte == 0x7F or byte >= beyond else b"%c" % byte for byte in line
    )
