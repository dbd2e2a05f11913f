"""The gate for every step of the course, on this kernel: what `workshop run LESSON --verify --json` says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workshop.lesson import Lesson
from workshop.parse import load

LESSONS = load().lessons


@pytest.mark.root
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])
def test_every_step_passes_the_gate(lesson: Lesson) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workshop", "run", lesson.id, "--verify", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    rows = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert list(rows) == [step.id for step in lesson.steps], done.stderr
    for row in rows.values():
        broken = [rule for rule in row.get("gate", ()) if not rule["holds"]]
        assert row["state"] in ("passed", "unsupported") and not broken, json.dumps(row, indent=1)
        assert row["state"] == "passed" or row["why"], row
    played = any(row["state"] == "passed" for row in rows.values())
    assert done.returncode == (0 if played else 3)
