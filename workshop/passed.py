"""The steps that were passed, and how, as JSON: what `progress` keeps, and what goes to another machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256
from typing import Any

from workshop.frozen import frozen
from workshop.lesson import ShellName, Step

FORMAT = "container-workshop progress"
VERSION = 1
LARGEST = 8 << 20
"""Bytes: a file that is larger was not written by this program."""

Line = tuple[ShellName, str]


@frozen
class Told:
    """What else is known of how a step was passed. Files of earlier versions have none of it."""

    changes: tuple[tuple[str, ...], ...] = ()
    """What each line changed, a sentence each."""
    verdicts: tuple[str, ...] = ()
    """What the checks found."""
    solution: bool = False
    """The solution was asked for before."""
    rebuilt: tuple[str, ...] = ()
    """The steps below it whose state was made by model answers."""
    attended: tuple[int, ...] = ()
    """The lines (by their place) that needed somebody at the keys."""
    goal: str = ""
    """What had to be reached, see `goal`; the step of another name with the same goal is the same step."""


@frozen
class Done:
    """A step that was passed: when first, by which lines of the learner's own, after how many hints."""

    when: str
    lines: tuple[Line, ...] = ()
    hints: int = 0
    told: Told = field(default_factory=Told)


@frozen
class State:
    """What the file holds."""

    steps: Mapping[str, Done] = field(default_factory=dict)
    last: str | None = None
    """The step the learner was at."""
    course: str = ""
    """The digest of the course that was played last."""
    typed: tuple[Line, ...] = ()
    """What was typed in the step `last`, when the learner left before it was passed."""


def goal(step: Step) -> str:
    """The goal of a step as one short text: it changes when its checks do, not when a wording does."""
    checks = [(call.name, sorted(call.params.items())) for call in step.checks]
    return sha256(repr(checks).encode()).hexdigest()[:12]


def parse(content: bytes) -> State:
    """ValueError says why the content is not ours."""
    try:
        data = json.loads(content)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("another program wrote it")
    version = data.get("version")
    if type(version) is not int:
        raise ValueError("it has no version")
    if version > VERSION:
        raise ValueError("a newer workshop wrote it")
    last, course, steps = data.get("last"), data.get("course", ""), data.get("steps")
    if not isinstance(last, str | None) or not isinstance(course, str) or not isinstance(steps, dict):
        raise ValueError("a part of it is broken")
    typed = _lines(data.get("typed", []))
    return State({key: _done(value) for key, value in steps.items()}, last, course, typed)


def _done(data: Any) -> Done:
    broken = ValueError("a step in it is broken")
    if not isinstance(data, dict):
        raise broken
    when, hints = data.get("passed"), data.get("hints", 0)
    if not isinstance(when, str) or type(hints) is not int or hints < 0:
        raise broken
    found = _lines(data.get("lines", []))
    try:
        told = _told(data.get("how", {}))
    except (TypeError, KeyError, AttributeError):
        raise broken from None
    return Done(when, found, hints, told)


def _lines(data: Any) -> tuple[Line, ...]:
    found: list[Line] = []
    for line in data if isinstance(data, list) else [None]:
        match line:
            case ["host" | "container" as shell, str() as text]:
                found.append((shell, text))
            case _:
                raise ValueError("a step in it is broken")
    return tuple(found)


def _told(data: Any) -> Told:
    return Told(
        changes=tuple(tuple(_text(each) for each in line) for line in data.get("changes", ())),
        verdicts=tuple(_text(each) for each in data.get("verdicts", ())),
        solution=data.get("solution", False) is True,
        rebuilt=tuple(_text(each) for each in data.get("rebuilt", ())),
        attended=tuple(_number(each) for each in data.get("attended", ())),
        goal=_text(data.get("goal", "")),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def dump(state: State) -> bytes:
    steps = {
        key: {
            "passed": done.when,
            "hints": done.hints,
            "lines": [list(line) for line in done.lines],
            **_how(done.told),
        }
        for key, done in state.steps.items()
    }
    data = {"format": FORMAT, "version": VERSION, "course": state.course, "last": state.last, "steps": steps}
    if state.typed:
        data["typed"] = [list(line) for line in state.typed]
    return (json.dumps(data, indent=1) + "\n").encode()


def _how(told: Told) -> dict[str, Any]:
    """Only what there is to say."""
    values = {
        "changes": [list(line) for line in told.changes] if any(told.changes) else [],
        "verdicts": list(told.verdicts),
        "solution": told.solution,
        "rebuilt": list(told.rebuilt),
        "attended": list(told.attended),
        "goal": told.goal,
    }
    kept = {name: value for name, value in values.items() if value}
    return {"how": kept} if kept else {}


def merged(ours: State, theirs: State) -> State:
    """All that either has. Of a step that both have, ours stays, with the earlier day."""
    steps = dict(ours.steps)
    for key, other in theirs.steps.items():
        mine = steps.get(key)
        if mine is None:
            steps[key] = other
        elif other.when < mine.when:
            steps[key] = Done(other.when, mine.lines, mine.hints, mine.told)
    here = ours if ours.last is not None else theirs
    return State(steps, here.last, ours.course or theirs.course, here.typed)


def renamed(steps: Mapping[str, Done], known: Mapping[str, Step]) -> Mapping[str, str]:
    """Steps that a course does not know any more → the step of it that has the same goal, if just one that
    was not passed itself has it; in the same lesson before all others."""
    free: dict[str, list[str]] = {}
    for key, step in known.items():
        if key not in steps:
            free.setdefault(goal(step), []).append(key)
    found: dict[str, str] = {}
    for key, done in steps.items():
        if key in known or not done.told.goal:
            continue
        fitting = [each for each in free.get(done.told.goal, ()) if each not in found.values()]
        near = [each for each in fitting if each.partition("/")[0] == key.partition("/")[0]]
        if len(near or fitting) == 1:
            found[key] = (near or fitting)[0]
    return found
