"""The recordings of a rehearsal: an asciicast for each track, with a marker at each step, labelled by its id.
What is cut off is played as far as it goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from workshop.errors import UsageError
from workshop.lesson import Track
from workshop.progress import place
from workshop.stage.folder import as_owner
from workshop.stage.lent import Take, Takes
from workshop.stage.recording import Cast

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
        except UsageError:
            return None

    return take


def read(path: Path, step_id: str) -> Take | None:
    """One step of a recording. UsageError for what is none."""
    part = Cast.read(path).part(step_id)
    if part is None:
        return None
    pieces: list[tuple[float, str]] = []
    last = 0.0
    for event in part.events:
        if event.kind == "o":
            pieces.append((min(LONGEST_WAIT, event.at - last), event.data))
            last = event.at
    when = datetime.fromtimestamp(part.timestamp, UTC).strftime("%Y-%m-%d") if part.timestamp else "earlier"
    return Take(when, tuple(pieces)) if pieces else None


def write(path: Path, beats: Sequence[Beat], title: str, size: tuple[int, int], now: float) -> None:
    """Replace a recording; its folder is the user's, so all is done as that user."""
    header = {
        "version": 2, "width": size[1], "height": size[0], "timestamp": int(now), "title": title,
        "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    lines = [json.dumps(header), *(json.dumps([round(t, 6), kind, data]) for t, kind, data in beats)]
    with as_owner():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")
        new.replace(path)
