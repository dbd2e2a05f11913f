"""`workshop progress` and `workshop report`: what a learner takes away. They need neither root nor a lab."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workshop.errors import MachineError, UsageError
from workshop.kept import load
from workshop.progress import LARGEST, Progress, place
from workshop.report import report as reported
from workshop.written import write

STANDARD = Path("-")
"""Standard output, or input."""


def export(file: Path, course: Path) -> int:
    progress = _open(course)
    if not progress.steps and progress.position is None:
        raise UsageError("There is no progress yet, so there is nothing to export.", "`workshop` begins.")
    _give(progress.export(), file)
    if file != STANDARD:
        print(f"{len(progress.steps)} steps in {file}. There: workshop progress import {file.name}")
    return 0


def import_(file: Path, course: Path) -> int:
    content = _content(file)
    progress = _open(course)
    before = progress.position
    new, every = progress.take(content)
    if progress.lost:
        raise MachineError(f"{progress.path} cannot be written: {progress.lost}.", "Nothing was imported.")
    _tell(progress)
    print(f"{every} steps in {file}, {new} of them new here. What you had is still there.")
    if progress.position is not None:
        print(f"`workshop` goes on at {progress.position}{', as before' if before else ''}.")
    return 0


def report(file: Path, course: Path, *, html: bool) -> int:
    progress = _open(course)
    found = reported(load(course), progress.steps, progress.changed)
    if html:
        from workshop.report_html import html as written
    else:
        from workshop.report_markdown import markdown as written
    _give(written(found).encode("utf-8", "replace"), file)
    if file != STANDARD:
        print(f"{len(found.passed)} of {len(found.passages)} steps are passed; all of it is in {file}.")
    return 0


def _open(course: Path) -> Progress:
    progress = Progress.open(load(course))
    _tell(progress)
    return progress


def _tell(progress: Progress) -> None:
    while progress.messages:
        print(f"workshop: {progress.messages.pop(0)}", file=sys.stderr)


def _give(content: bytes, file: Path) -> None:
    if file == STANDARD:
        sys.stdout.buffer.write(content)
    else:
        write(file, content, owner=place(os.environ)[1])


def _content(file: Path) -> bytes:
    try:
        if file == STANDARD:
            return sys.stdin.buffer.read(LARGEST + 1)
        if not file.is_file():
            what = f"{file} is no file" if file.exists() else f"There is no file {file}"
            raise UsageError(f"{what}.", "`workshop progress export FILE` writes one.")
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
