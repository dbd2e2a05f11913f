"""Recordings of a terminal: asciicast version 2, with a marker at each step, labelled by the step's id.

https://docs.asciinema.org/manual/asciicast/v2/: a header, then an event a line, `[seconds, kind, data]`; `o`
is output, `r` a new size, `m` a marker. Any asciinema plays them. What kills the program costs nothing that
was seen: each event goes to the kernel at once.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from workshop.errors import UsageError
from workshop.frozen import frozen

Kind = Literal["o", "r", "m"]
KINDS = ("o", "r", "m")
LARGEST = 128 << 20
"""Bytes: more is not read."""
WIDEST, HIGHEST = 1000, 500
"""A terminal larger than this was not recorded by anybody."""
_SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")


@frozen
class Event:
    at: float
    """Seconds since the recording began."""
    kind: Kind
    data: str


@frozen
class Cast:
    """A recording that was read. `trouble` says what is wrong with it; the rest is what could be had."""

    columns: int
    rows: int
    events: tuple[Event, ...]
    title: str = ""
    timestamp: float = 0.0
    """When it began, seconds since the epoch; 0: it does not say."""
    trouble: str = ""

    @classmethod
    def read(cls, path: Path) -> Cast:
        """UsageError for what is no recording at all; one that is cut off is read as far as it goes."""
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, name: str = "the recording") -> Cast:
        lines = content[:LARGEST].split(b"\n")
        cut = lines.pop()  # what stands after the last line feed: nothing, if all of it is there
        header, rest = _header(lines[0] if lines else cut), lines[1:]
        if header is None:
            raise UsageError(f"{name} is no recording.", "It has to be an asciicast of version 2.")
        broken: list[int] = []
        events = tuple(_events(rest, broken))
        size = header["width"], header["height"]
        stamp = header.get("timestamp")
        return cls(
            *size,
            events,
            _text(header.get("title")),
            float(stamp) if isinstance(stamp, int | float) and _is_number(stamp) else 0.0,
            _trouble(events, bool(cut) or len(content) > LARGEST, broken),
        )

    @property
    def seconds(self) -> float:
        return self.events[-1].at if self.events else 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """What the markers say, in their order."""
        return tuple(event.data for event in self.events if event.kind == "m")

    def part(self, label: str) -> Cast | None:
        """From the last marker of this label to the next one. Whoever records draws all of the screen anew
        at a marker, so that a part can be played alone."""
        starts = [n for n, event in enumerate(self.events) if event.kind == "m" and event.data == label]
        if not starts:
            return None
        first = starts[-1]
        size = (self.columns, self.rows)
        for event in self.events[:first]:
            size = (size_of(event) or size) if event.kind == "r" else size
        began = self.events[first].at
        chosen = []
        for event in self.events[first + 1 :]:
            if event.kind == "m":
                break
            chosen.append(Event(event.at - began, event.kind, event.data))
        stamp = self.timestamp and self.timestamp + began
        return Cast(*size, tuple(chosen), label, stamp, self.trouble)


def size_of(event: Event) -> tuple[int, int] | None:
    """Columns and rows of an `r` event: `80x24`."""
    found = _SIZE.fullmatch(event.data)
    if found is None:
        return None
    columns, rows = int(found[1]), int(found[2])
    return (columns, rows) if columns <= WIDEST and rows <= HIGHEST else None


class Recorder:
    """Writes a recording while it happens, from any thread. A disk that is full ends the recording, not the
    talk: `trouble` then says why."""

    def __init__(
        self,
        path: Path,
        columns: int,
        rows: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        title: str = "",
        timestamp: float | None = None,
    ) -> None:
        self.path = path
        self.trouble = ""
        self._clock = clock
        self._began = clock()
        self._last = 0.0
        self._lock = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._file = -1
        header = {
            "version": 2,
            "width": columns,
            "height": rows,
            "timestamp": int(time.time() if timestamp is None else timestamp),
            "title": title,
            "env": {"TERM": "xterm-256color"},
        }
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._write(header)

    def output(self, data: bytes) -> None:
        with self._lock:
            if text := self._decoder.decode(data):
                self._event("o", text)

    def resize(self, columns: int, rows: int) -> None:
        with self._lock:
            self._event("r", f"{columns}x{rows}")

    def marker(self, label: str) -> None:
        with self._lock:
            self._event("m", label)

    @property
    def seconds(self) -> float:
        """Since it began: the time that the next event will have."""
        return max(self._last, self._clock() - self._began)

    def close(self) -> None:
        with self._lock:
            if rest := self._decoder.decode(b"", final=True):
                self._event("o", rest)
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _event(self, kind: Kind, data: str) -> None:
        self._last = self.seconds
        self._write([round(self._last, 6), kind, data])

    def _write(self, value: object) -> None:
        if self._file < 0:
            return
        left = json.dumps(value).encode() + b"\n"
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self.trouble = f"The recording has ended early: {error.strerror}."
            os.close(self._file)
            self._file = -1


def _header(line: bytes) -> dict[str, Any] | None:
    found = _json(line)
    if not isinstance(found, dict) or found.get("version") != 2:
        return None
    for name, most in (("width", WIDEST), ("height", HIGHEST)):
        if type(found.get(name)) is not int or not 0 < found[name] <= most:
            return None
    return found


def _events(lines: Sequence[bytes], broken: list[int]) -> Iterator[Event]:
    """The events in order of time; the numbers of lines that are none go to `broken`."""
    last = 0.0
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        match _json(line):
            case [int() | float() as at, str() as kind, str() as data] if _is_number(at) and at >= 0:
                last = max(last, float(at))
                if kind in KINDS:  # the format asks readers to pass over kinds they do not know
                    yield Event(last, kind, _text(data))  # type: ignore[arg-type]
            case _:
                broken.append(number)


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _text(value: object) -> str:
    """Half a surrogate pair can stand in JSON, and in no file."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _trouble(events: Sequence[Event], cut: bool, broken: Iterable[int]) -> str:
    words = []
    if cut:
        words.append(f"It is cut off after {events[-1].at if events else 0:.1f} seconds.")
    lines = [str(number) for number in broken]
    if lines:
        more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        words.append(f"Not understood: line {', '.join(lines[:3])}{more}.")
    return " ".join(words)
