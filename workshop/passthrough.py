"""Everything both ways between a pty and the terminal that a front end lends, until the shell is at a
prompt again.

poll(2), pty(7). Reads until the pty has no more (it gives at most 4 KiB a time), writes once.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from workshop.follow import KEPT, Follower, keep
from workshop.modes import Modes
from workshop.pty_process import PtyProcess
from workshop.queries import Queries
from workshop.strangers import NOTICE, Kind

if TYPE_CHECKING:
    from workshop.shell import Terminal

GUIDE_KEY = re.compile(rb"\x1d|\x1b\[93;5u|\x1b\[27;5;93~")
"""Ctrl-], also as terminals send it when a program has asked for extended keys (vim does)."""
INTERRUPT = b"\x03"
SIGNALLING = b"\x03\x1a\x1c"
"""Keys that send signals; with each the kernel also throws away what is on its way to the screen."""
REDRAWN = re.compile(rb"(\r|\n|\x1b\[[0-9;?]*[A-Za-z])*")
ERASED = re.compile(rb"([\r\n\x07\x08 ]|\^C|\[?201~|\x1b\[[0-9;?]*[A-Za-z])*")
CHUNK = 16 * 1024
"""Bytes that are read before they are written. Meanwhile the terminal draws and the program prints; with much
more of it they wait for each other in turn."""
PAUSE = 0.02
"""Seconds without output after which what looked like the beginning of a mark is shown after all."""
SETTLING = 50
"""Pauses that a shell has at most to say all it has to say: on a busy machine it may not have run yet."""
LULL = 1.0
"""Seconds without output after which what stands on the last line may be the prompt of a stranger."""
ASKING = 0.3
"""Seconds that ash has to ask where the cursor is. It always does; a slow machine gets the time for it."""
TAKING = 0.3
"""Seconds that a shell has to take the line that was typed; it needs a few milliseconds."""
PATIENCE = 0.4
"""Seconds that a program has to obey, each time that it is told to stop."""
KILLED = 128
"""Added to a signal's number it is the exit status of what the signal ended, bash(1)."""
HUNG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL

How = Literal["prompt", "away", "closed", "timeout"]


class Passage:
    """The way between one pty and the terminals that are lent, one after the other."""

    def __init__(
        self,
        process: PtyProcess,
        follower: Follower,
        kind: Callable[[int], Kind | None] = lambda _: None,
    ) -> None:
        self.closed = False
        """The pty has no other side any more."""
        self._pressed = False
        """Were keys handed over since the last line was typed?"""
        self._interrupted = False
        """Was Ctrl-C among them?"""
        self._cancelled = 0.0
        """When a key that sends a signal was pressed of which nothing is known to have come; 0: none was."""
        self._doubted = 0
        """A shell with our marks that shows none."""
        self._kind = kind
        """Is a process a shell, and will it say where a line ends?"""
        self._noticed: set[int] = set()
        """The strangers that the learner was told of."""
        self._process = process
        self._follower = follower
        self._input = bytearray()
        self._pieces: deque[bytes] = deque()
        self._early = bytearray()
        """Keys that were pressed before the shell had taken the line."""
        self._typed = 0.0
        self._modes = Modes()

    def send(self, *pieces: bytes) -> None:
        """Type: the first piece now, each other one when the one before has been read."""
        self._early.clear()
        self._cancelled = 0.0
        self._typed = time.monotonic()
        self._input += pieces[0]
        self._pieces.extend(pieces[1:])
        self._write()

    def sync(self) -> bytes:
        """Catch up with what has come by now; what of it is to be shown."""
        shown = bytearray()
        for _ in range(16):  # not for ever: a job may print without end
            data = self._read()
            if not data:
                break
            keep(shown, self._follower.feed(data))
            self._reply()
        self._modes.feed(bytes(shown))
        return bytes(shown[-KEPT:])

    def unread_keys(self) -> bool:
        """May keys that no program has read stand in the shell's line by now? It has had time for them."""
        pressed, self._pressed = self._pressed, False
        if pressed:
            self._settle()
        return pressed

    def clear(self, keys: bytes) -> None:
        """Take away the line that the shell is editing, by these keys.

        A Ctrl-C that bash has noted and not obeyed would take the first letter of the next line with it: it
        gets an empty one. What comes of that is over before the next line is typed."""
        known, prompt = len(self._follower.background), self._follower.prompt
        if self._interrupted and prompt is not None and prompt.kind == "prompt":
            keys += b"\n"
        self._interrupted = False
        self._input += keys
        self._write()
        self._settle()
        if ERASED.fullmatch(self._follower.background, known):
            del self._follower.background[known:]

    def asked(self) -> None:
        """Let ash ask where the cursor is, as it does after its prompt, and be answered. A line that is typed
        before may end that shell, and the answer would be typed into the next one."""
        if not self._follower.asked:
            poll = select.poll()
            poll.register(self._process.fd, select.POLLIN)
            if poll.poll(ASKING * 1000):
                self.sync()

    def first_prompt(self, deadline: float) -> How:
        poll = select.poll()
        poll.register(self._process.fd, select.POLLIN)
        poll.register(self._process.end, select.POLLIN)
        while self._follower.phase != "idle":
            left = deadline - time.monotonic()
            if left <= 0:
                return "timeout"
            ready = dict(poll.poll(left * 1000))
            keep(self._follower.background, self.sync())
            self.closed = self.closed or ready.keys() == {self._process.end}
            if self.closed:
                return "closed"
        return "prompt"

    def fit(self, terminal: Terminal) -> None:
        """The pty as large as the terminal. A shell at its prompt draws that anew: that is over before a line
        is typed, and not shown."""
        before, known = self._process.size, len(self._follower.background)
        self._process.resize(terminal.size())
        if self._process.size != before and self._follower.phase == "idle":
            self._settle()
            if REDRAWN.fullmatch(self._follower.background, known):
                del self._follower.background[known:]

    def again(self, terminal: Terminal) -> None:
        """The terminal as the program in the foreground had made it, and the program told to draw itself
        anew."""
        if self._follower.phase != "idle" and (redo := self._modes.redo()):
            terminal.write(redo)
            self._process.resize(terminal.size(), again=True)

    def through(self, terminal: Terminal, deadline: float | None) -> tuple[How, bytes]:
        """Until the next prompt, the guide's key, the end of the shell, or the deadline; and the last that
        was shown."""
        kept = bytearray()
        with self._following_size(terminal):
            how = self._loop(terminal, deadline, kept)
        if undo := self._modes.undo():
            terminal.write(undo)
        if how != "away":
            self._modes.forget()
        return how, bytes(kept[-KEPT:])

    def _loop(self, terminal: Terminal, deadline: float | None, kept: bytearray) -> How:
        fd, follower, keys = self._process.fd, self._follower, terminal.keys()
        queries = Queries() if keys is None else None
        stopping = self._stop()
        how: How = "prompt"
        poll = select.poll()
        poll.register(self._process.end, select.POLLIN)
        if keys is not None:
            poll.register(keys, select.POLLIN)
        while follower.phase != "idle":
            if self.closed:
                return "closed"
            poll.register(fd, select.POLLIN | (select.POLLOUT if self._input else 0))
            wait = self._wait(deadline)
            lull = keys is not None and (wait is None or wait > LULL * 1000)
            ready = dict(poll.poll(LULL * 1000 if lull else wait))
            if ready.get(fd, 0) & ~select.POLLOUT:
                shown = follower.feed(self._read())
                self._reply()
            else:
                shown = b"" if ready else follower.release()
                if lull and not ready:
                    shown += self._notice(bytes(kept))
            if self._cancelled and time.monotonic() - self._cancelled >= LULL:
                self._cancel_again()
            if shown:
                if queries is not None:
                    self._input += queries.feed(shown)[1]
                self._modes.feed(shown)
                keep(kept, shown)
                terminal.write(shown)
            if keys is not None and ready.get(keys) and self._press(keys):
                return "away"
            if self._process.end in ready and not ready.get(fd, 0) & ~select.POLLOUT:
                self.closed = True  # a job of its own may hold the terminal open, and will never prompt
            if self._early:
                self._pass_on()
            if self._input or self._pieces:
                self._write()
            if deadline is not None and time.monotonic() >= deadline:
                how = "timeout"
                if not next(stopping, False):
                    return how
                deadline = time.monotonic() + PATIENCE
        if how == "timeout":
            self._settle()
            prompt = follower.prompt
            if prompt is not None and prompt.status < KILLED:
                # The line ended by itself as the key came. bash may have noted that, and would throw away
                # the beginning of the next line: one more key, at its prompt, brings that to an end.
                self._input[:] = INTERRUPT
                self._write()
                self._settle()
        return how

    def _cancel_again(self) -> None:
        """A Ctrl-C in the moment in which bash begins to read a line: bash only notes it, and the prompt that
        it was just writing is lost: the kernel throws it away, or interrupts write(2), and stdio drops it.
        So where a shell of ours sits at its line editor, and a mark has not come, it is pressed once more;
        never twice."""
        self._cancelled = 0.0
        pid = self._process.foreground()
        if pid is None or self._input or self._kind(pid) != "known" or not self._process.interruptible():
            return
        self._doubted = pid
        self._input += INTERRUPT

    def _notice(self, kept: bytes) -> bytes:
        """Once for each: the learner is in a shell that does not say where a line ends. Its prompt again,
        below."""
        prompt = kept.rpartition(b"\n")[2]
        pid = self._process.foreground() if prompt else None
        if pid is None or pid in self._noticed or not (self._kind(pid) == "stranger" or pid == self._doubted):
            return b""
        self._noticed.add(pid)
        return b"\r\n" + NOTICE + b"\r\n" + prompt

    def _settle(self) -> None:
        """Until the shell has no more to say: Ctrl-C may have come when it was at its prompt already, and
        then makes one more."""
        poll = select.poll()
        poll.register(self._process.fd, select.POLLIN)
        for _ in range(SETTLING):
            if self.closed:
                return
            if poll.poll(PAUSE * 1000):
                keep(self._follower.background, self.sync())
            elif not (self._process.busy() or self._process.unread()):
                return

    def _wait(self, deadline: float | None) -> float | None:
        """How long to wait for something to happen, in milliseconds."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if self._pieces or self._early:
            left = min(left or PAUSE, 0.002)
        elif self._follower.held:
            left = PAUSE if left is None else min(left, PAUSE)
        if self._cancelled:
            again = max(0.0, self._cancelled + LULL - time.monotonic())
            left = again if left is None else min(left, again)
        return None if left is None else left * 1000 + 1

    def _read(self) -> bytes:
        chunks: list[bytes] = []
        total = 0
        while total < CHUNK and not self.closed:
            try:
                chunk = os.read(self._process.fd, CHUNK)
            except BlockingIOError:
                break
            except OSError:  # EIO: nobody has the other side open
                chunk = b""
            if not chunk:
                self.closed = not chunks
                break
            chunks.append(chunk)
            total += len(chunk)
        return b"".join(chunks)

    def _write(self) -> None:
        if not self._input and self._pieces and self._process.unread() == 0:
            self._input += self._pieces.popleft()
        with contextlib.suppress(OSError):  # EAGAIN: later; EIO: reading tells
            while self._input:
                del self._input[: os.write(self._process.fd, self._input)]

    def _reply(self) -> None:
        self._input += self._follower.answers
        self._follower.answers = b""
        if self._input:
            self._write()

    def _press(self, keys: int) -> bool:
        """Hand over what was typed; True when it was the guide's key."""
        try:
            data = os.read(keys, 4096)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        guide = GUIDE_KEY.search(data)
        if pressed := data[: guide.start()] if guide else data:
            self._pressed = True
            if any(key in pressed for key in SIGNALLING):
                self._cancelled = time.monotonic()
            self._interrupted = self._interrupted or INTERRUPT in pressed
            self._early += pressed
            self._pass_on()
        self._write()
        return guide is not None or not data  # nobody is there any more: as if the guide had been called

    def _pass_on(self) -> None:
        """Keys come behind the line that was typed before: a Ctrl-C would throw it away unread, and the
        prompt after that has no mark. If the line is not taken at all, they are needed all the same."""
        if self._follower.phase != "typed" or time.monotonic() - self._typed > TAKING:
            self._input += self._early
            self._early.clear()

    def _stop(self) -> Iterator[bool]:
        """Ways to stop what is in the foreground, each harder than the one before."""
        for key in (INTERRUPT, INTERRUPT, b"\x1c"):  # twice: a program just being started may miss one
            self._pieces.clear()
            self._input[:] = key
            self._write()
            yield True
        for number in (signal.SIGHUP, signal.SIGKILL):
            self._process.signal_foreground(number)
            yield True

    @contextlib.contextmanager
    def _following_size(self, terminal: Terminal) -> Iterator[None]:
        """The pty is as large as the terminal; SIGWINCH says that it has changed."""
        self._process.resize(terminal.size())
        if terminal.keys() is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGWINCH, lambda *_: self._process.resize(terminal.size()))
        try:
            yield
        finally:
            signal.signal(signal.SIGWINCH, before)
            self._process.resize(terminal.size())
