"""The course, lesson by lesson on every processor: every step passed, or the reasons and exit status 1.

python3 tests/vm/course.py FOLDER [--gate] [LESSON…]: what `workshop run --json` says goes to FOLDER/N.jsonl;
with --gate, `workshop run --verify` plays them
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

from workshop.lesson import Lesson
from workshop.parse import load

COMMAND = ("workshop", "run", "--json")
"""The installed one, as a learner has it."""


def play(lessons: Sequence[Lesson], options: Sequence[str], file: Path) -> set[str]:
    """The steps that did not pass, of lessons that one program plays. Prints each step as it comes."""
    left = [step.id for lesson in lessons for step in lesson.steps]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (
        file.open("w", encoding="utf-8") as copy,
        subprocess.Popen(
            (*COMMAND, *options, *(lesson.id for lesson in lessons)),
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        ) as program,
    ):
        assert program.stdout is not None
        for line in program.stdout:
            copy.write(line)
            row = json.loads(line)
            if row["state"] == "passed":
                left.remove(row["id"])
            print("\n".join(told(row)), flush=True)
    if program.returncode not in (0, 1):
        print(f"workshop run ended with {program.returncode}")
    return set(left)


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


def lines(lesson: Lesson, *, gate: bool) -> int:
    """How many lines are typed for a lesson; in the gate each trial of a step stands on all those before."""
    count = before = 0
    for step in lesson.steps:
        scripts = [*step.solutions, *(mistake.script for mistake in step.mistakes)]
        if gate:
            count += (len(scripts) + 1) * before + sum(len(script.lines) for script in scripts)
        before += len(step.solutions[0].lines)
    return count if gate else before


def shares(lessons: Sequence[Lesson], weights: Mapping[str, int], count: int) -> list[list[Lesson]]:
    """The lessons in so many shares that take about as long: the longest first, each to who has least."""
    found: list[list[Lesson]] = [[] for _ in range(count)]
    for lesson in sorted(lessons, key=lambda lesson: weights[lesson.id], reverse=True):
        min(found, key=lambda share: sum(weights[one.id] for one in share)).append(lesson)
    return [share for share in found if share]


def main() -> int:
    folder, words = Path(sys.argv[1]), sys.argv[2:]
    gate = "--gate" in words
    wanted = [word for word in words if word != "--gate"]
    lessons = [lesson for lesson in load().lessons if not wanted or lesson.id in wanted]
    weights = {lesson.id: lines(lesson, gate=gate) for lesson in lessons}
    found = shares(lessons, weights, os.cpu_count() or 1)
    options = ["--verify"] if gate else []
    with ThreadPoolExecutor(len(found)) as pool:
        files = [folder / f"{number}.jsonl" for number in range(len(found))]
        left = sorted(set().union(*pool.map(play, found, repeat(options), files)))
    count = sum(len(lesson.steps) for lesson in lessons)
    print(f"not passed: {', '.join(left)}" if left else f"all of the {count} steps passed")
    return 1 if left or not count else 0


if __name__ == "__main__":
    sys.exit(main())
