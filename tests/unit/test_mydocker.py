"""The script that the learner takes home: what the parts of the lesson come to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from taken_home import script


def test_it_is_shorter_than_a_hundred_lines() -> None:
    assert len(script().splitlines()) < 100
    assert max(map(len, script().splitlines())) <= 120


def test_bash_understands_it(tmp_path: Path) -> None:
    path = tmp_path / "mydocker"
    path.write_text(script())
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_knows_what_it_says_it_knows() -> None:
    text = script()
    for name in ("import", "images", "run", "ps", "enter", "logs", "stop", "remove", "commit", "inside"):
        assert re.search(rf"^{name}\(\)", text, re.MULTILINE), name
