"""What happened in a performance: its scenes as JSON lines, beside the recording. The handout is made of it.

{"at": 12.5, "scene": {…}}        seconds since the log began, and the scene as it goes to other screens
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from workshop.errors import UsageError
from workshop.frozen import frozen
from workshop.stage.scene import Scene, from_json, to_json

LARGEST = 128 << 20
PASSING = ("typing", "running", "working", "replay")
"""Modes in which nothing has come to an end. A line that is under way is logged when it has run."""


@frozen
class Moment:
    at: float
    scene: Scene


@frozen
class Logged:
    moments: tuple[Moment, ...]
    trouble: str = ""


class Log:
    """Writes down the scenes it is given (`performance.subscribe(log.write)`), at once, from any thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.trouble = ""
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._last: tuple[object, ...] = ()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)  # the notes are in it, and what was typed beside the steps

    def write(self, scene: Scene) -> None:
        if scene.mode in PASSING:
            return
        found = (scene.step, scene.mode, scene.ran, scene.changes, scene.found)
        with self._lock:
            if found == self._last or self._file < 0:
                return
            self._last = found
            left = f'{{"at": {self._clock() - self._began:.3f}, "scene": {to_json(scene)}}}\n'.encode(
                "utf-8", "replace"
            )
            try:
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError as error:
                self.trouble = f"The log of the talk has ended early: {error.strerror}."
                self._end()

    def close(self) -> None:
        with self._lock:
            self._end()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def read(path: Path) -> Logged:
    """UsageError for a file that cannot be read; what is broken in it is passed over, and said."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file.")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    *lines, cut = content[:LARGEST].split(b"\n")
    moments, broken = [], 0
    for line in lines:
        if (moment := _moment(line)) is not None:
            moments.append(moment)
        elif line.strip():
            broken += 1
    words = []
    if cut or len(content) > LARGEST:
        words.append("It is cut off.")
    if broken:
        words.append(f"{broken} of its lines {'is' if broken == 1 else 'are'} not understood.")
    return Logged(tuple(moments), " ".join(words))


def _moment(line: bytes) -> Moment | None:
    try:
        found = json.loads(line)
        at = float(found["at"])
        scene = from_json(json.dumps(found["scene"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return Moment(at, scene) if math.isfinite(at) else None
