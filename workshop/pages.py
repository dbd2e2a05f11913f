"""The course as pages for readers without the program: a `Course` → Markdown, by file name below `docs/`.

What a lesson says, and the commands of its first answer; not the hints, the mistakes and the speaker's notes.
And the reference of all checks. `script/docs` writes them; a test holds them against the course.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from workshop.conditions import CAPABILITIES, holds, split
from workshop.lesson import SWITCHES, Course, Lesson, Script, Step
from workshop.registry import checks, reference
from workshop.variables import fill

CHECKS = "checks.md"
INDEX = "lessons/README.md"
VALUES: Mapping[str, str] = {
    "lab": "/lab",
    "userxattr": "",
    "pool": "tank",
    "image": "/lab/images/busybox.tar",
    "memory": "/sys/fs/cgroup",
    "cpu": "/sys/fs/cgroup",
    "pids": "/sys/fs/cgroup",
    "cgroup2": "/sys/fs/cgroup",
    "freezer": "/sys/fs/cgroup",
}
"""What the variables are on the machine that the pages are about."""
LACKING = frozenset({"cgroup1", "hybrid", "zfs-fuse", "docker", "podman", "engine"})
MACHINE: Mapping[str, bool] = {name: name not in LACKING for name in CAPABILITIES}
"""That machine: everything of today's kernel, and no engine."""


_TAKEN = """What the pages take for granted: you are root, on a Linux machine that may be thrown away (a VM),
with cgroups of version 2. `/lab` is an empty folder. `/lab/images/busybox.tar` is the root file system of a
small image: `docker export` makes one, or busybox and its links in a tar. Where a thing can be done in many
ways, one is shown. Words that begin with a colon, such as `:container`, are for the program: here they mean
a second terminal.

With the program, each lesson has a machine of its own within yours, hints, and a judge: the kernel."""


def pages(course: Course) -> dict[str, str]:
    """Every page by its name below `docs/`."""
    names = [page_name(lesson) for lesson in course.lessons]
    found = {INDEX: _index(course), CHECKS: _checks()}
    for place, lesson in enumerate(course.lessons):
        before = course.lessons[place - 1] if place else None
        after = course.lessons[place + 1] if place + 1 < len(names) else None
        found[f"lessons/{names[place]}"] = _lesson(lesson, before, after)
    return found


def page_name(lesson: Lesson) -> str:
    return f"{lesson.number:02}-{lesson.id}.md"


def _index(course: Course) -> str:
    rows = [
        f"| {lesson.number} | [{lesson.title}]({page_name(lesson)}) | {lesson.minutes} | "
        + "; ".join(step.title for step in lesson.steps)
        + " |"
        for lesson in course.lessons
    ]
    return _page(
        _made("lessons/"),
        "# The course, to read",
        "Build your own Docker out of standard Linux tools, without the program that guides you through it.",
        _TAKEN,
        "| | lesson | minutes | steps |\n|---|---|---|---|\n" + "\n".join(rows),
        f"[All the checks](../{CHECKS}): what the program asks the kernel.",
    )


def _lesson(lesson: Lesson, before: Lesson | None, after: Lesson | None) -> str:
    parts = [_made(f"lessons/{page_name(lesson)}"), f"# {lesson.number}. {lesson.title}", _said(lesson.text)]
    if lesson.requires:
        parts.append(_needs("This lesson needs", lesson.requires))
    setup = _first(lesson.setup)
    if setup:
        parts += ["## Before the first step", "The program does this for you:", _code(setup)]
    for step in lesson.steps:
        parts += _step(step)
    around = [
        f"{word}: [{other.number}. {other.title}]({page_name(other)})"
        for word, other in (("Before", before), ("Next", after))
        if other is not None
    ]
    return _page(*parts, "---", " · ".join([*around, "[All lessons](README.md)"]))


def _step(step: Step) -> Iterator[str]:
    yield f"## {step.title}"
    yield _said(step.text)
    if step.when:
        yield _needs("For machines with", step.when)
    if step.ask:
        yield f"**{_said(step.ask)}**"
    script = _first(step.solutions)
    if script is not None:
        yield _code(script, step.shell)
        answers = [line.partition(" ")[2] for line in script.lines if line.startswith(":answer ")]
        if answers:
            yield f"Answer: **{_said(answers[-1])}**"
    if step.why:
        yield f"### Why\n\n{_said(step.why)}"
    if step.docker:
        yield f"### What Docker does\n\n{_said(step.docker)}"
    if step.key:
        yield f"> {_said(step.key)}"


def _first(scripts: tuple[Script, ...]) -> Script | None:
    """The first one for the pages' machine; for a step that is not for it, the first of all."""
    return next((script for script in scripts if holds(script.when, MACHINE)), next(iter(scripts), None))


def _code(script: Script, shell: str = "host") -> str:
    """The lines as a fence; what is for the guide becomes a comment, or is left out."""
    lines: list[str] = []
    here, there = "host", shell
    for line in script.lines:
        if line in SWITCHES:
            there = line[1:]
        elif not line.startswith(":answer "):
            lines += [f"# in the {there}'s shell", line] if there != here else [line]
            here = there
    body = fill("\n".join(lines), VALUES)
    fence = "`" * max(3, max(map(len, re.findall(r"`+", body)), default=0) + 1)
    return f"{fence}sh\n{body}\n{fence}"


def _said(text: str) -> str:
    return fill(text, VALUES).strip()


def _needs(words: str, conditions: tuple[str, ...]) -> str:
    named = [f"{'' if wanted else 'no '}{CAPABILITIES[name]}" for name, wanted in map(split, conditions)]
    return f"*{words}: {', '.join(named)}.*"


def _checks() -> str:
    modules = list(dict.fromkeys(check.module for check in checks().values()))
    contents = "\n".join(
        f"- [{module}](#{module}): "
        + ", ".join(f"[{c.name}](#{c.name})" for c in checks().values() if c.module == module)
        for module in modules
    )
    return _page(
        _made("checks/"),
        "# All the checks",
        "A check judges the state of the kernel, never what was typed. Each says what it proves, where its "
        "evidence is read, what it does not fall for (near misses), and the parameters that a lesson sets "
        "([how](authoring.md#checks)). `workshop lint --checks` prints the same.",
        contents,
        reference(),
    )


def _made(source: str) -> str:
    return f"<!-- Made from {source} by script/docs: change that, not this. -->"


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
