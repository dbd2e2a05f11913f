"""Where a shell is, followed from what comes out of its pty; and what of that is for the learner's eyes.

    idle ──typed()──▶ typed ──"start" mark, or the echo is over──▶ output ──prompt mark──▶ idle

The prompt, the echo of the typed line and the line editor's switches are taken out. What background jobs
print at the prompt is kept apart. Knows no file descriptor and no terminal.
"""

from __future__ import annotations

from typing import Literal

from workshop.marks import Mark, Scanner
from workshop.queries import Queries

PASTE_ON = b"\x1b[?2004h"
PASTE_OFF = b"\x1b[?2004l"
KEPT = 64 * 1024


class Follower:
    """Takes the pty's bytes, gives the visible ones, and knows the last prompt."""

    def __init__(self, nonce: str) -> None:
        self.phase: Literal["idle", "typed", "output"] = "output"
        self.prompt: Mark | None = None
        """The prompt at which the shell waits, or waited last."""
        self.paste = False
        """Does the shell's line editor take a pasted line as it is (bracketed paste)?"""
        self.answers = b""
        """What the shell's line editor wants to hear from its terminal."""
        self.asked = False
        """Has it asked since its last prompt?"""
        self.background = bytearray()
        """What was printed while the shell waited at its prompt."""
        self._scanner = Scanner(nonce)
        self._queries = Queries()
        self._held = b""
        self._echo = Echo(b"")
        self._region = bytearray()

    @property
    def held(self) -> bool:
        """Is something held back until it is known whether it is a mark?"""
        return bool(self._held) or self._scanner.held

    def typed(self, line: bytes, echoed: bool = True) -> None:
        """A line was typed at the prompt."""
        self._echo = Echo(line)
        self._region.clear()
        self.phase = "typed" if echoed or (self.prompt is not None and self.prompt.starts) else "output"

    def feed(self, data: bytes) -> bytes:
        """What of the data is to be shown."""
        shown: list[bytes] = []
        for token in self._scanner.feed(data):
            if isinstance(token, Mark):
                self._mark(token, shown)
            else:
                self._text(token, shown)
        return b"".join(shown)

    def release(self) -> bytes:
        """Nothing more comes for now: what looked like the beginning of a prompt was none."""
        held, self._held = self._held, b""
        return held

    def _mark(self, mark: Mark, shown: list[bytes]) -> None:
        if mark.kind == "start":
            if self.phase == "typed":
                shown.append(self._after_echo())
            self.phase = "output"
            return
        if mark == self.prompt and mark.clock:
            return  # the same prompt, drawn again
        self.paste = self._held == PASTE_ON
        if not self.paste:
            shown.append(self._held)
        self._held = b""
        if self.phase == "typed":
            region = self._after_echo()
            self.paste = self.paste or region.endswith(PASTE_ON)
            shown.append(region.removesuffix(PASTE_ON))
        elif self.phase == "idle" and self.background.endswith(PASTE_ON):
            self.paste = True
            del self.background[-len(PASTE_ON) :]
        self.prompt = mark
        self.phase = "idle"
        self.asked = False

    def _text(self, text: bytes, shown: list[bytes]) -> None:
        if self.phase == "typed" and self.prompt is not None and not self.prompt.starts:
            rest = self._echo.feed(text)
            self.answers += self._queries.feed(text.removesuffix(rest or b""))[1]
            if rest is None:
                return
            self.phase = "output"
            text = rest
        if self.phase == "typed":
            keep(self._region, text)
        elif self.phase == "idle":
            text, answers = self._queries.feed(text)
            self.answers += answers
            self.asked = self.asked or bool(answers)
            keep(self.background, text)
        else:
            text = self._held + text
            at = text.rfind(b"\x1b", max(0, len(text) - len(PASTE_ON)))
            hold = at >= 0 and PASTE_ON.startswith(text[at:])
            self._held = text[at:] if hold else b""
            shown.append(text[:at] if hold else text)

    def _after_echo(self) -> bytes:
        """What stands behind the echo of the line: an error of syntax, or the line with its history expanded.

        bash's line editor switches bracketed paste off behind the echo. Without that, the echo itself is
        looked for.
        """
        region = bytes(self._region)
        self._region.clear()
        if self.prompt is None or not self.prompt.starts:
            return b""  # the echo never ended: there was nothing but echo
        at = region.rfind(PASTE_OFF)
        if at >= 0:
            return region[at + len(PASTE_OFF) :].removeprefix(b"\r").removeprefix(b"\r\n")
        return self._echo.feed(region) or b""


class Echo:
    """Finds the end of a typed line's echo: the newline after its last character.

    A line editor puts line breaks and control sequences into the echo where the row is full, hence the
    comparison. Only ASCII is compared: an editor that knows no UTF-8 shows something else for the rest.
    """

    def __init__(self, line: bytes) -> None:
        self._expected = bytes(byte for byte in line if 0x20 <= byte < 0x7F)
        self._at = 0
        self._state: Literal["", "escape", "sequence"] = ""

    def feed(self, text: bytes) -> bytes | None:
        """What stands behind the echo, None while it is not over."""
        for index, byte in enumerate(text):
            if self._state == "escape":
                self._state = "sequence" if byte == 0x5B else ""
            elif self._state == "sequence":
                if 0x40 <= byte <= 0x7E:
                    self._state = ""
            elif byte == 0x1B:
                self._state = "escape"
            elif self._at < len(self._expected):
                self._at += byte == self._expected[self._at]
            elif byte == 0x0A:
                return text[index + 1 :]
        return None


def keep(buffer: bytearray, data: bytes) -> None:
    """Append, but keep no more than the last 64 KiB (with some slack, so that little is copied)."""
    buffer += data[-4 * KEPT :]
    if len(buffer) > 4 * KEPT:
        del buffer[:-KEPT]
