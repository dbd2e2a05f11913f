"""Simulated learners at the real program: every one must finish, and no verdict may be wrong.

python3 tests/learners/run.py [--learners 50] [--lessons 3] [--only LESSON]… [--seed 0]

A learner has a seed, a progress file, and so many lessons, chosen by the seed. Prints what they did
and how many verdicts were wrong; exit status 1 when one was, or when something was left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from learner import Learner, Tally, Wrong  # noqa: E402

from workshop.host import Host  # noqa: E402
from workshop.lab import Lab  # noqa: E402
from workshop.ledger import Ledger  # noqa: E402
from workshop.machine import examine  # noqa: E402
from workshop.parse import load  # noqa: E402


def variables() -> dict[str, str]:
    """What the lessons' variables stand for in a lab of this machine."""
    machine = examine()
    host = Host(Lab.create(machine, Ledger.open()), machine)
    try:
        host.renew(("image", "pool-if-any"))
        return dict(host.variables)
    finally:
        host.close()


def play(seed: int, lessons: int, only: list[str] | None, values: dict[str, str]) -> Tally:
    course, machine = load(), examine()
    names = [lesson.id for lesson in course.lessons if only is None or lesson.id in only]
    chosen = random.Random(seed).sample(names, min(lessons, len(names)))
    chosen.sort(key=names.index)
    with tempfile.TemporaryDirectory(prefix="workshop-learner-") as state:
        learner = Learner(seed, course, machine, values, Path(state))
        try:
            return learner.play(chosen)
        except Exception as error:  # a learner who is stuck is a result; the others play on
            learner.tally.wrong.append(Wrong(seed, ", ".join(chosen), f"{type(error).__name__}: {error}", ()))
            return learner.tally


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--learners", type=int, default=50)
    words.add_argument("--lessons", type=int, default=3)
    words.add_argument("--only", action="append", metavar="LESSON", help="choose among these")
    words.add_argument("--seed", type=int, default=0, help="of the first learner")
    words.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = words.parse_args()
    values = variables()
    total = Tally()
    seeds = range(options.seed, options.seed + options.learners)
    with ProcessPoolExecutor(options.jobs) as pool:
        for seed, tally in zip(
            seeds,
            pool.map(partial(play, lessons=options.lessons, only=options.only, values=values), seeds),
            strict=True,
        ):
            done = "finished" if not tally.wrong else "DID NOT FINISH"
            print(
                f"learner {seed:3}: {tally.right:3} steps passed, {tally.mistakes:3} mistakes seen, {done}",
                flush=True,
            )
            for wrong in tally.wrong:
                print(f"  {wrong.step}: {wrong.what}\n  typed: {wrong.lines}\n{wrong.screen}", flush=True)
            for trace in tally.left:
                print(f"  left behind: {trace}", flush=True)
            for each in fields(Tally):
                setattr(total, each.name, getattr(total, each.name) + getattr(tally, each.name))
    print(
        f"{options.learners} learners: {total.right} right states, {total.mistakes} wrong ones, "
        f"{total.typos} typos, {total.idle} idle lines, {total.resizes} resizes, {total.quits} times away, "
        f"{total.kills} times killed; wrong verdicts: {len(total.wrong)}; left behind: {len(total.left)}"
    )
    return 1 if total.wrong or total.left else 0


if __name__ == "__main__":
    sys.exit(main())
