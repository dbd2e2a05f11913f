"""Where performances are kept: a folder for each, named by when it was, in the user's own state folder.

    ~/.local/state/container-workshop/performances/2026-11-25-193000-talk/
        talk.cast       the audience's terminal
        scenes.jsonl    what happened

Under sudo all of it is the invoking user's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from workshop.errors import UsageError
from workshop.progress import place

CAST = "talk.cast"
SCENES = "scenes.jsonl"


def performances(environ: Mapping[str, str] = os.environ) -> Path:
    return place(environ)[0].parent / "performances"


def make(name: str, now: datetime, environ: Mapping[str, str] = os.environ) -> Path:
    """A new folder for a performance of the track `name`. OSError if it cannot be made."""
    first = performances(environ) / f"{now:%Y-%m-%d-%H%M%S}-{name}"
    with as_owner(environ):
        first.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 1
        while True:
            folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                number += 1
            else:
                return folder


def newest(environ: Mapping[str, str] = os.environ) -> Path:
    """The last performance in which something happened."""
    try:
        found = [folder for folder in performances(environ).iterdir() if (folder / SCENES).is_file()]
    except OSError:
        found = []
    if not found:
        raise UsageError("No performance has been recorded yet.", "`workshop present` records each one.")
    return max(found, key=lambda folder: ((folder / SCENES).stat().st_mtime, folder.name))


@contextmanager
def as_owner(environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """As the user who called sudo: what is made is theirs, and a link leads nowhere they could not go."""
    owner = place(environ)[1]
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
