"""The gate for the whole course, two lessons at a time: every step passed, or the reasons and exit status 1.

python3 tests/vm/course.py FOLDER: what `workshop run LESSON --verify --json` says goes to FOLDER/LESSON.jsonl
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workshop.lesson import Lesson
from workshop.parse import load

COMMAND = (sys.executable, "-m", "workshop", "run", "--verify", "--json")


def play(lesson: Lesson, folder: Path) -> bool:
    """Did every step of a lesson pass? Prints each as it comes."""
    passed: list[str] = []
    with (
        (folder / f"{lesson.id}.jsonl").open("w", encoding="utf-8") as file,
        subprocess.Popen((*COMMAND, lesson.id), stdout=subprocess.PIPE, text=True) as program,
    ):
        assert program.stdout is not None
        for line in program.stdout:
            file.write(line)
            row = json.loads(line)
            if row["state"] == "passed":
                passed.append(row["id"])
            print("\n".join(told(row)), flush=True)
    return program.returncode == 0 and passed == [step.id for step in lesson.steps]


def told(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['state']:<11} {row['id']:<54} {row['seconds']:7.2f} s"
    if row["state"] == "passed":
        return
    if row.get("why"):
        yield f"    {row['why']}"
    for rule in row.get("gate", ()):
        if not rule["holds"]:
            yield f"    gate: {rule['rule']}: {rule['why']}"
    for verdict in row["verdicts"]:
        if verdict["state"] != "passed":
            yield f"    {verdict['check']}: expected {verdict['expected']}; found {verdict['found']}"


def main() -> int:
    folder = Path(sys.argv[1])
    lessons = load().lessons
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda lesson: play(lesson, folder), lessons))
    broken = [lesson.id for lesson, good in zip(lessons, results, strict=True) if not good]
    print(f"not passed: {', '.join(broken)}" if broken else f"all of the {len(lessons)} lessons passed")
    return 1 if broken or not lessons else 0


if __name__ == "__main__":
    sys.exit(main())
