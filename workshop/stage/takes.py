"""The recordings of a rehearsal: an asciicast for each track, with a marker at each step, labelled by its id.

https://docs.asciinema.org/manual/asciicast/v2/: a header, then `[seconds, kind, data]` a line; `o` is output,
`m` a marker. What is cut off is played as far as it goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from workshop.lesson import Track
from workshop.progress import Owner, place
from workshop.stage.lent import Take, Takes

LARGEST = 64 << 20
LONGEST_WAIT = 1.5
"""Seconds: an audience that watches a recording need not wait longer for its next line."""
Beat = tuple[float, str, str]
"""Seconds since the beginning, `o` or `m`, and the data."""


def file_of(track: Track, name: str = "", environ: Mapping[str, str] = os.environ) -> Path:
    """`~/.local/state/container-workshop/recordings/talk.cast`."""
    folder = place(environ)[0].parent / "recordings"
    return folder / f"{track.id}{f'-{name}' if name else ''}.cast"


def takes_of(track: Track, environ: Mapping[str, str] = os.environ) -> Takes:
    """The steps' recordings; read when one is wanted, so that a rehearsal in another terminal counts."""

    def take(step_id: str) -> Take | None:
        try:
            return read(file_of(track, environ=environ), step_id)
        except (OSError, ValueError):
            return None

    return take


def read(path: Path, step_id: str) -> Take | None:
    """One step of a recording. ValueError for what is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        header = json.loads(file.readline(1 << 20) or "null")
        if not isinstance(header, dict) or header.get("version") != 2:
            raise ValueError(f"{path} is no asciicast of version 2")
        pieces: list[tuple[float, str]] = []
        found, last = False, 0.0
        for moment, kind, data in _beats(file.read(LARGEST).split("\n")):
            if kind == "m":
                if found:
                    break
                found, last = data == step_id, moment
            elif found and kind == "o":
                pieces.append((min(LONGEST_WAIT, max(0.0, moment - last)), data))
                last = moment
    stamp = header.get("timestamp")
    when = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d") if isinstance(stamp, int) else "earlier"
    return Take(when, tuple(pieces)) if pieces else None


def write(path: Path, beats: Sequence[Beat], title: str, size: tuple[int, int], now: float) -> None:
    """Replace a recording; its folder is the user's, so all is done as that user."""
    header = {
        "version": 2, "width": size[1], "height": size[0], "timestamp": int(now), "title": title,
        "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    lines = [json.dumps(header), *(json.dumps([round(t, 6), kind, data]) for t, kind, data in beats)]
    with _as_user(place(os.environ)[1]):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")
        new.replace(path)


def _beats(lines: Sequence[str]) -> Iterator[Beat]:
    for line in lines:
        with suppress(ValueError):
            row = json.loads(line)
            match row:
                case [int() | float() as moment, str() as kind, str() as data]:
                    yield float(moment), kind, data


@contextmanager
def _as_user(owner: Owner | None) -> Iterator[None]:
    """As the user who called sudo: a link in that user's folder leads nowhere that the user could not go."""
    if owner is None:
        yield
        return
    os.setegid(owner[1])
    os.seteuid(owner[0])
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
