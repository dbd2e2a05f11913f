"""A recording → the screens that it showed, as text with styles; pyte is the terminal.

A page that plays frames needs no terminal of its own. Equal rows are kept once: a frame is a list of numbers.
Colours become the sixteen of a palette, which the page has in a light and a dark form that can both be read.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pyte

from workshop.frozen import frozen
from workshop.stage.recording import Cast, Event, size_of

FASTEST = 0.08
"""Seconds between two frames: what comes faster is one."""
LONGEST = 2.0
"""Seconds in which nothing happens that are kept; the rest of a wait is left out."""
NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
HUES = ((0, 1), (55, 3), (120, 2), (180, 6), (220, 4), (300, 5), (360, 1))
"""Degrees, and the colour of the palette that is nearest there."""
PLAIN, QUIET, LOW = "", "8", "low"

Style = tuple[str, str, bool, bool, bool]
"""Text and background (a number of the palette, `low`, or nothing), bold, italic, underlined."""
Run = tuple[str, int]
"""A text, and the number of its style."""


@frozen
class Frame:
    at: float
    """Seconds of playing time: long waits are shortened."""
    columns: int
    rows: tuple[int, ...]
    """Numbers of rows."""


@frozen
class Mark:
    at: float
    label: str


@frozen
class Film:
    columns: int
    height: int
    """The largest of the sizes that it has."""
    styles: tuple[Style, ...]
    rows: tuple[tuple[Run, ...], ...]
    frames: tuple[Frame, ...]
    marks: tuple[Mark, ...]


def film(cast: Cast, shows: Callable[[str], bool] = lambda label: True) -> Film:
    """`shows` says of which steps frames are wanted: the label is that of the marker before them. What comes
    before the first marker has the label ''."""
    styles: dict[Style, int] = {}
    rows: dict[tuple[Run, ...], int] = {}
    frames: list[Frame] = []
    marks: list[Mark] = []
    screen = _Screen(cast.columns, cast.rows)
    label, now, last, most = "", 0.0, 0.0, (cast.columns, cast.rows)
    for at, events in _batches(cast.events):
        now, last = now + min(LONGEST, at - last), at
        for event in events:
            if event.kind == "m":
                label = event.data
                if shows(label):
                    marks.append(Mark(round(now, 2), label))
            elif event.kind == "o":
                screen.feed(event.data)
            elif (size := size_of(event)) is not None:
                screen.resize(*size)
                most = max(most[0], size[0]), max(most[1], size[1])
        if not shows(label):
            continue
        drawn = tuple(rows.setdefault(row, len(rows)) for row in screen.drawn(styles))
        if not frames or frames[-1].rows != drawn or frames[-1].columns != screen.columns:
            frames.append(Frame(round(now, 2), screen.columns, drawn))
    return Film(*most, tuple(styles), tuple(rows), tuple(frames), tuple(marks))


def _batches(events: Sequence[Event]) -> Iterator[tuple[float, list[Event]]]:
    """What happens within one frame's time; a marker begins a new batch."""
    batch: list[Event] = []
    began = 0.0
    for event in events:
        if batch and (event.kind == "m" or event.at - began >= FASTEST):
            yield batch[-1].at, batch
            batch = []
        if not batch:
            began = event.at
        batch.append(event)
    if batch:
        yield batch[-1].at, batch


class _Screen:
    """A pyte screen that survives whatever a program prints, and draws only what has changed."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen: Any = pyte.Screen(columns, rows)
        self._stream: Any = pyte.Stream(self._screen)
        self._drawn: list[tuple[Run, ...]] = []

    @property
    def columns(self) -> int:
        return int(self._screen.columns)

    def feed(self, text: str) -> None:
        try:
            self._stream.feed(text)
        except Exception:  # pyte gives up at some sequences; a player of recordings must not
            self._stream = pyte.Stream(self._screen)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        self._drawn = []

    def drawn(self, styles: dict[Style, int]) -> list[tuple[Run, ...]]:
        screen = self._screen
        dirty = screen.dirty if len(self._drawn) == screen.lines else range(screen.lines)
        if len(self._drawn) != screen.lines:
            self._drawn = [()] * screen.lines
        for row in dirty:
            if row < screen.lines:
                self._drawn[row] = _runs(screen.buffer[row], screen.columns, styles)
        screen.dirty.clear()
        return self._drawn


def _runs(row: Any, columns: int, styles: dict[Style, int]) -> tuple[Run, ...]:
    """The row's pieces of one style each, without the blanks at its end."""
    runs: list[tuple[str, Style]] = []
    for column in range(columns):
        cell = row[column]
        style = _style(cell)
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + cell.data, style)
        else:
            runs.append((cell.data, style))
    while runs and not runs[-1][0].strip() and not runs[-1][1][1] and not runs[-1][1][4]:
        runs.pop()
    if runs and not runs[-1][1][1] and not runs[-1][1][4]:
        runs[-1] = (runs[-1][0].rstrip(), runs[-1][1])
    return tuple((text, styles.setdefault(style, len(styles))) for text, style in runs)


def _style(cell: Any) -> Style:
    text, ground = _text(cell.fg, cell.bold), _ground(cell.bg)
    if cell.reverse:
        # Reversed, the text has the colour of the paper; a page needs to know only the other one.
        text, ground = PLAIN, text or "15"
    return text, ground, cell.bold, cell.italics, cell.underscore


@cache
def _text(colour: str, bold: bool) -> str:
    number = _number(colour)
    if number is not None:
        return str(number)
    if colour == "default" or (rgb := _rgb(colour)) is None:
        return PLAIN
    _, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    if saturation < 0.15 or not 0.04 < lightness < 0.97:
        return QUIET if 0.2 < lightness < 0.8 else PLAIN
    return str(_nearest(rgb))


@cache
def _ground(colour: str) -> str:
    number = _number(colour)
    if number is not None:
        return PLAIN if number == 0 else str(number)
    if colour == "default" or (rgb := _rgb(colour)) is None:
        return PLAIN
    _, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    if saturation < 0.15 or not 0.04 < lightness < 0.97:
        return LOW if 0.12 < lightness < 0.95 else PLAIN
    return str(_nearest(rgb))


def _number(colour: str) -> int | None:
    """A colour of the palette by pyte's name for it (one of them is misspelt there)."""
    base = colour.replace("bfight", "bright").removeprefix("bright")
    if base not in NAMES:
        return None
    return NAMES.index(base) + (0 if base == colour else 8)


def _rgb(colour: str) -> tuple[float, float, float] | None:
    try:
        return int(colour[0:2], 16) / 255, int(colour[2:4], 16) / 255, int(colour[4:6], 16) / 255
    except ValueError:
        return None


def _nearest(rgb: tuple[float, float, float]) -> int:
    hue = colorsys.rgb_to_hls(*rgb)[0] * 360
    return min(HUES, key=lambda pair: abs(pair[0] - hue))[1]
