"""A learner whose machine goes down, in three boots of one disk; vm/restart boots it.

restart.py begin     in the middle of a step on PID 1 the machine is shut down in good order
restart.py go-on     back at that step, with all that stood before it; then the plug is pulled
                     while progress is written
restart.py count N   nothing is lost but what was being written: what was kept N times is there
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import hands
from hands import Hands
from learner import plain

from workshop.lesson import Step
from workshop.parse import load
from workshop.progress import Progress

STATE = Path("/var/lib/learner")
FILE = STATE / "container-workshop/progress.json"
LESSON = "process-trees"
STEPS = next(lesson.steps for lesson in load().lessons if lesson.id == LESSON)
hands.PATIENCE = 600.0


def kept() -> dict[str, object]:
    found: dict[str, object] = json.loads(FILE.read_text())
    return found


def wait_at(step: Step) -> None:
    end = time.monotonic() + hands.PATIENCE
    while kept()["last"] != step.id:
        assert time.monotonic() < end, f"the guide is at {kept()['last']}, not at {step.id}"
        time.sleep(0.2)


def play(learner: Hands, step: Step) -> None:
    wait_at(step)
    for line in step.solutions[0].lines:
        learner.line(line)
    end = time.monotonic() + hands.PATIENCE
    while step.id not in kept()["steps"]:  # type: ignore[operator]
        assert time.monotonic() < end, f"{step.id} is not passed:\n{plain(learner.seen)[-4000:]}"
        learner.line(":check")
    print(f"passed {step.id}", flush=True)


def begin() -> None:
    learner = Hands(STATE, ("learn", LESSON))
    for step in STEPS[:2]:
        play(learner, step)
        learner.line(":next")
    wait_at(STEPS[2])
    learner.line(STEPS[2].solutions[0].lines[0])
    # A shut-down in good order, as soon as this ends: systemd ends the program as any other.
    settings = Path("/run/systemd/system/payload.service.d/orderly.conf")
    settings.parent.mkdir(parents=True)
    settings.write_text("[Unit]\nSuccessAction=poweroff\n")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    sys.stdout.flush()
    os._exit(0)  # the program is left running


def go_on() -> None:
    learner = Hands(STATE, ())
    wait_at(STEPS[2])
    said = plain(learner.seen)
    assert all(step.id in kept()["steps"] for step in STEPS[:2]), kept()  # type: ignore[operator]
    assert "done again, by your own lines" in said, said
    play(learner, STEPS[2])  # to kill PID 1: it passes where that was built again
    print(f"the guide said:\n{said}")
    assert learner.quit() == 0
    progress = Progress(FILE, steps=STEPS)
    for number in count(1):
        progress.pass_(STEPS[0].id, [("host", f"echo {number}")])
        print(f"kept {number}", flush=True)


def count_kept(least: int) -> None:
    progress = Progress(FILE, steps=STEPS)
    assert progress.messages == [], progress.messages
    assert all(progress.passed(step.id) for step in STEPS[:3])
    number = int(progress.steps[STEPS[0].id].lines[0][1].split()[1])
    print(f"kept {number} times, of {least} that were told")
    assert number in (least, least + 1, least + 2)  # a number that was kept may not have been told any more
    learner = Hands(STATE, ())
    wait_at(STEPS[2])
    assert learner.quit() == 0
    assert not list(FILE.parent.glob(".progress-*")), "half a file was left behind"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["begin"]:
            begin()
        case ["go-on"]:
            go_on()
        case ["count", number]:
            count_kept(int(number))
