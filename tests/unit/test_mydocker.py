"""The script that the learner takes home: what the parts of the lesson come to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from workshop.parse import load

_PART = re.compile(r"^cat > \{\{lab\}\}/parts/(\S+) <<'END'\n(.*?)^END\n", re.DOTALL | re.MULTILINE)


def script() -> str:
    """The parts in the order of their names; of one that is written again, the last."""
    lesson = load().lesson("your-own-docker")
    assert lesson is not None
    scripts = [*lesson.setup, *(step.solutions[0] for step in lesson.steps)]
    parts = dict(_PART.findall("\n".join(line for each in scripts for line in each.lines) + "\n"))
    return "".join(parts[name] for name in sorted(parts))


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
