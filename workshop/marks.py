"""The marks by which a shell says where it is: OSC 133 sequences that carry a nonce, put in by the
environment alone.

    ESC ] 133 ; A ; NONCE ; $? ; $$ ; clock ; C BEL   a prompt: the last line has ended (PS1)
    ESC ] 133 ; P ; NONCE ; …                    BEL   a prompt for the rest of a line (PS2)
    ESC ] 133 ; C ; NONCE                        BEL   its commands start (PS0, bash only)

bash, dash and busybox's ash expand the parameters in PS1 and PS2 for every prompt. `PROMPT_COMMAND` only
puts the marks back where a start-up file (`/etc/bash.bashrc`) has set a PS1 of its own, and exports them
again, so that they reach a `chroot … /bin/sh` inside too; with its standard error closed, `set -x` shows
nothing of it. A program that prints marks without the nonce, or prints the environment (where `$?` stands
as it is), moves nothing.

bash(1) PROMPTING; the sequences are those of https://gitlab.freedesktop.org/Per_Bothner/specifications
"""

from __future__ import annotations

import secrets
from typing import Literal

from workshop.frozen import frozen

INTRODUCER = b"\x1b]133;"
LONGEST = 512
"""What begins like a mark and has not ended after so many bytes is none."""

Kind = Literal["prompt", "more", "start"]
KINDS: dict[bytes, Kind] = {b"A": "prompt", b"P": "more", b"C": "start"}


@frozen
class Mark:
    kind: Kind
    status: int = 0
    """`$?` of the line before."""
    pid: int = 0
    """`$$` of the shell, in its own pid namespace."""
    clock: bytes = b""
    """When the prompt was made, where the shell knows (`$EPOCHREALTIME`): a prompt that is only drawn
    again, after a resize, says the same."""
    starts: bool = False
    """The shell will say "start" when it has read a line: bash."""


def new_nonce() -> str:
    return secrets.token_hex(8)


def environment(nonce: str) -> dict[str, str]:
    """The variables that make a shell print marks."""

    def mark(kind: str, *fields: str) -> str:
        return f"\x1b]133;{';'.join((kind, nonce, *fields))}\x07"

    def prompt(kind: str) -> str:
        # `\[` and `\]` tell bash that what is between them takes no room; others would print them.
        fields = ("$?", "$$", "${EPOCHREALTIME-}", "${BASH_VERSION+C}")
        return "${BASH_VERSION+\\[}" + mark(kind, *fields) + "${BASH_VERSION+\\]}"

    prompts = {"PS0": mark("C"), "PS1": prompt("A"), "PS2": prompt("P")}
    again = " ".join(f"{name}='{value}'" for name, value in prompts.items())
    return {**prompts, "PROMPT_COMMAND": f"{{ export {again}; }} 2>&-"}


class Scanner:
    """Splits what comes from a pty into text and marks. How the bytes were cut into pieces makes no
    difference."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce.encode()
        self._held = b""

    @property
    def held(self) -> bool:
        """Is there something at the end that may become a mark?"""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes | Mark]:
        """The text and the marks, in order. Every OSC 133 is taken out; without the nonce it is no mark."""
        data = self._held + data
        found: list[bytes | Mark] = []
        at = 0
        while (start := data.find(INTRODUCER, at)) >= 0:
            if start > at:
                found.append(data[at:start])
            body = start + len(INTRODUCER)
            end, after = _end(data, body)
            if end < 0:
                self._held = data[start:]
                return found
            at = after
            mark = self._mark(data[body:end])
            if mark is not None:
                found.append(mark)
        whole = len(data) - _beginning(data, INTRODUCER)
        if whole > at:
            found.append(data[at:whole])
        self._held = data[max(at, whole) :]
        return found

    def _mark(self, body: bytes) -> Mark | None:
        fields = body.split(b";")
        kind = KINDS.get(fields[0])
        if kind is None or len(fields) < 2 or fields[1] != self._nonce:
            return None
        if kind == "start":
            return Mark(kind)
        if len(fields) != 6 or not (fields[2].isdigit() and fields[3].isdigit()):
            return None  # not expanded: somebody looks at the variable itself
        return Mark(kind, int(fields[2]), int(fields[3]), fields[4], fields[5] == b"C")


def _end(data: bytes, body: int) -> tuple[int, int]:
    """Where the mark's body ends and where the text goes on; -1 when that has not come yet.

    A body ends with BEL or `ESC \\`. Any other control character, or too many bytes, and only the
    introducer goes.
    """
    for at in range(body, min(len(data), body + LONGEST)):
        byte = data[at]
        if byte == 0x07:
            return at, at + 1
        if byte == 0x1B:
            if at + 1 == len(data):
                return -1, -1
            return (at, at + 2) if data[at + 1] == 0x5C else (body, body)
        if byte < 0x20:
            return body, body
    return (body, body) if len(data) - body >= LONGEST else (-1, -1)


def _beginning(data: bytes, sequence: bytes) -> int:
    """How many bytes at the end of the data are a beginning of the sequence, and not the whole of it."""
    at = data.rfind(b"\x1b", max(0, len(data) - len(sequence) + 1))
    return len(data) - at if at >= 0 and sequence.startswith(data[at:]) else 0
