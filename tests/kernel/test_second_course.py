"""A course outside `lessons/`, written with only docs/authoring.md in hand: it passes the gate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root
SECOND = Path(__file__).parents[1] / "courses/second"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-m", "workshop", "run", "--verify", *words)
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_it_passes_the_gate() -> None:
    done = run("--course", str(SECOND))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed, 0 missed, 0 unsupported" in done.stdout


def test_a_new_lesson_passes_the_gate(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "workshop", "new", "first-try", "--course", str(tmp_path / "course"))
    subprocess.run(words, check=True, capture_output=True)
    done = run("--course", str(tmp_path / "course"), "first-try")
    assert done.returncode == 0, done.stdout + done.stderr
