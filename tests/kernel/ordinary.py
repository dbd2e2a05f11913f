"""An ordinary account for a test: an id that nobody has, with a home of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HOUSE = Path(__file__).parents[2]
UID = 54321


def reachable() -> bool:
    """May everybody read the program and its Python?"""
    return all(
        folder.stat().st_mode & 0o005 == 0o005
        for place in (HOUSE, Path(sys.executable), Path(sys.prefix))
        for folder in place.parents
    )


@contextmanager
def account() -> Iterator[Path]:
    """Its home folder."""
    home = Path(tempfile.mkdtemp(prefix="workshop-home."))
    os.chown(home, UID, UID)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def environment(home: Path) -> Mapping[str, str]:
    kept = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(HOUSE), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, "HOME": str(home), "TERM": "dumb"}


def workshop(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program as that account runs it, with nobody at a terminal."""
    return subprocess.run(
        (sys.executable, "-m", "workshop", *words),
        user=UID,
        group=UID,
        extra_groups=(),
        env=environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
