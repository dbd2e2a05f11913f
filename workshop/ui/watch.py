"""`workshop watch`: the lab of another terminal, live. Reads only; the lesson over there does not notice."""

from __future__ import annotations

import io
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from workshop import beacon
from workshop.beacon import Beacon
from workshop.errors import LabError, UsageError
from workshop.kernel.collect import Reader
from workshop.kernel.onlooker import Onlooker
from workshop.kernel.subject import subject
from workshop.kernel.usage import Usage
from workshop.render.theme import UNICODE, Signs
from workshop.render.watch import TITLES, Picture, panels
from workshop.ui.console import console, is_dumb, signs_of

SOON, LATE = 0.25, 0.42
"""Seconds between two looks: the more a look costs, the more."""
SHARE = 0.015
"""Of a processor's time, for looking."""
NOBODY = "No lab runs. Start one in another terminal: workshop"
ANEW = "The lab is being made anew."
KEYS = "q ends  1-4 one panel  0 all  arrows move  Tab another lab"


class Watch:
    """Finds labs, follows one, and knows what is to be shown."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self.panel = 0
        """1 to 4: only that one; 0: all."""
        self.offset = 0
        self._chosen: Path | None = None
        self._beacon: Beacon | None = None
        self._onlooker: Onlooker | None = None
        self._others = 0
        self._rates: dict[str, float] = {}
        self._before: tuple[float, Mapping[str, Usage]] = (0.0, {})

    def close(self) -> None:
        if self._onlooker is not None:
            self._onlooker.close()
            self._onlooker = None

    def look(self) -> bool:
        """Look again; may what is shown have changed?"""
        changed = self._follow()
        if self._onlooker is None:
            return changed
        try:
            changed = self._onlooker.look() or changed
        except (LabError, OSError):
            self.close()
            return True
        return self._measure() or changed

    def next_lab(self) -> None:
        folders = beacon.labs()
        if folders:
            at = folders.index(self._chosen) if self._chosen in folders else -1
            self._chosen = folders[(at + 1) % len(folders)]

    def heading(self) -> str:
        if self._beacon is None:
            return NOBODY
        others = f" {self.signs.dot} Tab: {self._others} more" if self._others else ""
        heading = self._beacon.heading.replace(UNICODE.dot, self.signs.dot)
        return f"{heading or 'A lab'}{others}"

    def parts(self) -> tuple[RenderableType, ...]:
        """The panels; none while there is nothing to be seen."""
        onlooker = self._onlooker
        if onlooker is None or onlooker.snapshot is None:
            return ()
        now = onlooker.snapshot
        return panels(Picture(now, subject(now, None), onlooker.usage, self._rates), self.signs)

    def _follow(self) -> bool:
        """Be at the lab that is to be watched: the chosen one, or the newest; has that changed?"""
        folders = beacon.labs()
        if self._chosen not in folders:
            self._chosen = folders[0] if folders else None
        found = beacon.get(self._chosen) if self._chosen is not None else None
        others = max(0, len(folders) - 1)
        if found == self._beacon and others == self._others and (found is None or self._onlooker is not None):
            return False
        old = self._beacon
        moved = found is None or old is None or (found.pid, found.start) != (old.pid, old.start)
        self._beacon, self._others = found, others
        if moved or self._onlooker is None:
            self.close()
            if found is not None and found.alive:
                proc, groups = Path(found.proc), Path(found.cgroup_root)
                with suppress(OSError, LabError):  # it may be gone at this moment
                    self._onlooker = Onlooker(Reader(proc, found.host, groups, roots=(), home="/nowhere"))
        return True

    def _measure(self) -> bool:
        """How much processor time a second each group used, since half a second ago or more."""
        assert self._onlooker is not None
        then, before = self._before
        now, used = time.monotonic(), self._onlooker.usage
        if now - then < 2 * SOON:
            return False
        rates = {}
        for path, usage in used.items():
            was = before.get(path)
            if usage.cpu is not None and was is not None and was.cpu is not None:
                rates[path] = round((usage.cpu - was.cpu) / (now - then), 2)
        changed = rates != self._rates
        self._before, self._rates = (now, used), rates
        return changed


# -- the screen ---------------------------------------------------------------------------------------------


def rows(watch: Watch, screen: Console, height: int) -> list[str]:
    """The picture as lines of the screen's width, as many as there is room for."""
    head = _head(watch, screen)
    foot = _drawn(screen, Text(KEYS, style="quiet", overflow="fold"))
    room = max(1, height - len(head) - len(foot))
    found = _panels(watch, screen)
    if not found:
        body = _drawn(screen, Text("" if watch.heading() == NOBODY else ANEW))
    elif watch.panel:
        body = _one(watch, found[watch.panel - 1], room)
    else:
        body = _all(found, room, watch.signs)
    return [*head, *body[:room], *([""] * (room - len(body))), *foot]


def picture(watch: Watch, screen: Console) -> Iterator[str]:
    """All of it, however long."""
    yield from _head(watch, screen)
    for lines in _panels(watch, screen):
        yield from ("", *lines)


def _head(watch: Watch, screen: Console) -> list[str]:
    return _drawn(screen, Text(watch.heading(), style="title", overflow="fold"))


def _panels(watch: Watch, screen: Console) -> list[list[str]]:
    return [_panel(screen, at, part) for at, part in enumerate(watch.parts())]


def _panel(screen: Console, at: int, part: RenderableType) -> list[str]:
    return _drawn(screen, Group(Text(f"{at + 1} {TITLES[at]}", style="label"), part))


def _one(watch: Watch, lines: list[str], room: int) -> list[str]:
    watch.offset = max(0, min(watch.offset, len(lines) - room))
    return lines[watch.offset : watch.offset + room]


def _all(found: Sequence[list[str]], room: int, signs: Signs) -> list[str]:
    """All panels; where there is too little room, the longest ones are cut, and that is said."""
    shares = [len(lines) for lines in found]
    while sum(shares) + len(shares) - 1 > room and max(shares) > 2:
        shares[shares.index(max(shares))] -= 1
    body: list[str] = []
    for at, (lines, share) in enumerate(zip(found, shares, strict=True), 1):
        body += [""] if body else []
        if share < len(lines):
            left = f"  {signs.ellipsis} {len(lines) - share + 1} more lines: key {at}"
            body += [*lines[: share - 1], left]
        else:
            body += lines
    return body


def _drawn(screen: Console, renderable: RenderableType) -> list[str]:
    with screen.capture() as captured:
        screen.print(renderable)
    return captured.get().rstrip("\n").split("\n")


def press(watch: Watch, keys: bytes) -> bool:
    """What a key does; False ends."""
    keys = keys.replace(b"\x1bO", b"\x1b[")
    for key, by in ((b"\x1b[A", -1), (b"\x1b[B", 1)):
        watch.offset = max(0, watch.offset + by * keys.count(key))
    for key, by in ((b"\x1b[C", 1), (b"\x1b[D", -1)):
        if key in keys:
            watch.panel, watch.offset = (watch.panel + by) % (len(TITLES) + 1), 0
    plain = keys if not keys.startswith(b"\x1b[") else b""
    for byte in plain.decode(errors="replace"):
        if byte in "qQ\x03\x04":
            return False
        if byte == "\t":
            watch.next_lab()
        elif byte in "01234\x1b":
            watch.panel, watch.offset = (int(byte) if byte.isdigit() else 0), 0
    return True


def watch(*, once: bool = False) -> int:
    """Until q; with `once`, one picture as plain lines."""
    seen = Watch(signs_of())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a process may have any name
    try:
        if once:
            seen.look()
            for line in picture(seen, console()):
                print(line)
            return 0
        if not (sys.stdin.isatty() and sys.stdout.isatty()) or is_dumb():
            raise UsageError(
                "A live picture needs a terminal that can draw.",
                "`workshop watch --once` prints a plain one.",
            )
        with _screen():
            _live(seen)
        return 0
    finally:
        seen.close()


def _live(seen: Watch) -> None:
    shown: list[str] = []
    size = os.terminal_size((0, 0))
    pause, changed = 0.0, True
    while True:
        if select.select([0], [], [], pause)[0]:
            if not press(seen, os.read(0, 1024)):
                return
            changed = True
        began = time.process_time()
        changed = seen.look() or changed
        if (now := os.get_terminal_size()) != size:
            size, shown, changed = now, [], True
        if changed:
            lines = rows(seen, console(width=size.columns), size.lines)
            if lines != shown:
                _draw(lines, shown)
                shown = lines
        changed = False
        pause = min(LATE, max(SOON, (time.process_time() - began) / SHARE))


def _draw(lines: Sequence[str], shown: Sequence[str]) -> None:
    """Only the lines that differ: a screen that stands still does not flicker."""
    out = [] if shown else ["\x1b[2J"]
    for at, line in enumerate(lines):
        if at >= len(shown) or shown[at] != line:
            # Erased before: after a full line the cursor stands on its last character.
            out.append(f"\x1b[{at + 1};1H\x1b[K{line}\x1b[0m")
    sys.stdout.write("".join(out))
    sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[None]:
    """The other screen, without cursor and wrapping, keys at once and unseen; in the end all as it was."""
    found = termios.tcgetattr(0)
    try:
        tty.setcbreak(0)
        sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[?7l")
        sys.stdout.flush()
        yield
    except KeyboardInterrupt:
        pass
    finally:
        sys.stdout.write("\x1b[?7h\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        termios.tcsetattr(0, termios.TCSADRAIN, found)
