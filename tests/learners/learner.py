"""A simulated learner: right lines, other ways, mistakes, typos, idle commands, quitting, being killed."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
from hands import Hands

from workshop.conditions import lacking
from workshop.lesson import Course, Script, Step
from workshop.machine import Machine
from workshop.variables import fill

IDLE = ("true", "false", "ls", "echo hello", "cat /proc/self/status", "x=1", "echo $x", "pwd", "", "# a note")
"""Lines that change nothing a step could be about."""
SIZES = ((24, 80), (25, 80), (30, 100), (50, 160), (20, 60))
PATIENCE = 10.0
"""Seconds in which a right state must be seen as right."""


@dataclass(frozen=True)
class Wrong:
    """A verdict that was wrong, or a way that came to no end."""

    seed: int
    step: str
    what: str
    lines: tuple[str, ...]
    screen: str = ""


@dataclass
class Tally:
    """What a learner did; the program's verdicts among it."""

    right: int = 0
    mistakes: int = 0
    typos: int = 0
    idle: int = 0
    quits: int = 0
    kills: int = 0
    resizes: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def plain(seen: bytes) -> str:
    """What was on the screen, without control sequences."""
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()].|\][^\x07]*\x07)|\r", "", seen.decode(errors="replace"))


class Learner:
    """Plays lessons one after the other as a seed has it. `tally` says what happened."""

    def __init__(
        self, seed: int, course: Course, machine: Machine, variables: Mapping[str, str], state: Path
    ) -> None:
        self.seed = seed
        self.tally = Tally()
        self._dice = random.Random(seed)
        self._course = course
        self._machine = machine
        self._variables = variables
        self._state = state
        self._hands: Hands | None = None
        self._typed: list[str] = []

    def play(self, lessons: Sequence[str]) -> Tally:
        """Errors of the program on its way are results too: the learner is stuck, and says where."""
        for name in lessons:
            lesson = self._course.lesson(name)
            assert lesson is not None
            steps = [step for step in lesson.steps if self._can((*lesson.requires, *step.when))]
            if not steps:
                continue
            self._start(steps[0].id)
            for step in steps:
                try:
                    passed = self._step(step)
                except (pexpect.ExceptionPexpect, OSError) as error:
                    self._fault(step, f"stuck: {type(error).__name__}")
                    return self.tally
                if not passed:
                    break
                if step is not steps[-1]:
                    self._type(":next")
            self._quit()
        return self.tally

    # -- a step ---------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> bool:
        """False: it could not be passed, and the lesson cannot go on."""
        self._typed = []
        self._await(step)
        if self._position != step.id:
            return self._fault(step, f"the guide is at {self._position}")
        for act in self._plan(step):
            act(step)
        script = self._dice.choice(self._fitting(step.solutions))
        lines = self._filled(script)
        if "<<" not in script.lines[0] and self._dice.random() < 0.2 and len(lines) > 1:
            for line in lines[: self._dice.randrange(1, len(lines))]:
                self._type(line)
            self._leave(step)
        for line in lines:
            self._type(line)
        end = time.monotonic() + PATIENCE
        while not self._passed(step):
            if time.monotonic() > end:
                return self._fault(step, "a right state was refused")
            time.sleep(1)  # a learner who wonders, and looks again
            self._type(":check")
        self.tally.right += 1
        return True

    def _await(self, step: Step) -> None:
        """The guide writes down where it is before it asks, but its prompt may be that of the line before."""
        end = time.monotonic() + PATIENCE
        while self._position != step.id and time.monotonic() < end:
            time.sleep(0.05)

    def _plan(self, step: Step) -> Iterator[Callable[[Step], None]]:
        """What happens before the right lines come."""
        chance = self._dice.random
        if chance() < 0.3:
            yield self._idle
        if chance() < 0.25:
            yield self._typo
        if chance() < 0.2:
            yield self._resize
        if chance() < 0.5:
            yield self._mistake
        if chance() < 0.12:
            yield self._leave

    def _idle(self, step: Step) -> None:
        for line in self._dice.sample(IDLE, 2):
            self._type(line)
            self.tally.idle += 1

    def _typo(self, step: Step) -> None:
        line = self._filled(self._dice.choice(self._fitting(step.solutions)))[0]
        word = line.split()[0]
        if len(word) > 3 and word.isalpha():
            self._type(word[:2] + word[3] + word[2] + word[4:])
            self.tally.typos += 1

    def _mistake(self, step: Step) -> None:
        fitting = [m for m in step.mistakes if self._can(m.script.when)]
        if not fitting or step.passes_before or self._passed(step):
            return
        self._type(":check")
        if self._passed(step):
            return  # the way through the step before did this one as well: nothing is a mistake here
        for line in self._filled(self._dice.choice(fitting).script):
            self._type(line)
        self.tally.mistakes += 1
        if self._passed(step):
            self._fault(step, "a wrong state was passed")
        self._type(":reset")
        self._type("y")

    def _resize(self, step: Step) -> None:
        assert self._hands is not None
        self._hands.resize(*self._dice.choice(SIZES))
        self.tally.resizes += 1

    def _leave(self, step: Step) -> None:
        """Away in the middle, by the door or by `kill -9`, and back: the guide must be at the same step."""
        if self._dice.random() < 0.5:
            assert self._hands is not None
            self._hands.kill()
            self.tally.kills += 1
        else:
            self._quit()
            self.tally.quits += 1
        self._start()
        self._await(step)
        if self._position != step.id:
            self._fault(step, f"came back to {self._position}")

    # -- the program ----------------------------------------------------------------------------------------

    def _start(self, *words: str) -> None:
        killed = self._hands
        self._hands = Hands(self._state, ("learn", *words), self._dice.choice(SIZES))
        if killed is not None:
            self.tally.left += killed.left()

    def _type(self, line: str) -> None:
        assert self._hands is not None
        self._typed.append(line)
        self._hands.line(line)

    def _quit(self) -> None:
        assert self._hands is not None
        status = self._hands.quit()
        if status != 0:
            self.tally.left.append(f"exit status {status}")
        self.tally.left += self._hands.left()
        self._hands = None

    def _fault(self, step: Step, what: str) -> bool:
        assert self._hands is not None
        screen = plain(self._hands.seen + (self._hands.program.buffer or b""))[-6000:]
        self.tally.wrong.append(Wrong(self.seed, step.id, what, tuple(self._typed), screen))
        return False

    # -- what is known --------------------------------------------------------------------------------------

    @property
    def _kept(self) -> dict[str, object]:
        path = self._state / "container-workshop/progress.json"
        found: dict[str, object] = json.loads(path.read_text())
        return found

    @property
    def _position(self) -> object:
        return self._kept.get("last")

    def _passed(self, step: Step) -> bool:
        steps = self._kept.get("steps")
        return isinstance(steps, dict) and step.id in steps

    def _can(self, when: Sequence[str]) -> bool:
        return not lacking(when, self._machine.capabilities)

    def _fitting(self, scripts: Sequence[Script]) -> list[Script]:
        return [script for script in scripts if self._can(script.when)]

    def _filled(self, script: Script) -> tuple[str, ...]:
        return tuple(fill(line, self._variables) for line in script.lines)
