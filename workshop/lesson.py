"""Course, Lesson, Step: the content, frozen. Knows no kernel and no terminal.

A step's id is `LESSON/STEP`, from the file's name without its number and the slug of the step's heading:
`lessons/03-process-trees.md`, `## Become PID 1` → `process-trees/become-pid-1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from workshop.frozen import frozen

COURSE = Path(__file__).resolve().parent.parent / "lessons"
"""The course that comes with the program."""

ShellName = Literal["host", "container"]
SHELLS: tuple[ShellName, ...] = ("host", "container")
SWITCHES: Mapping[str, ShellName] = {f":{name}": name for name in SHELLS}
"""The lines of a solution that go to the other shell."""
WATCHABLE = (
    "namespaces",
    "processes",
    "mounts",
    "layers",
    "cgroups",
    "network",
    "datasets",
    "hostname",
    "ipc",
    "card",
    "lab",
)
"""What a step may be about. `card` is the score card of all containers, shown when the step is passed; with
`lab` the lab is one of them."""


@frozen
class Place:
    """Where something stands in a file, for messages: `lessons/03-process-trees.md:41`."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@frozen
class Script:
    """Lines to be typed, as they are typed. A line `:host` or `:container` switches the shell, `:answer X`
    answers the step's question, as the same control commands do for a learner."""

    lines: tuple[str, ...]
    place: Place
    when: tuple[str, ...] = ()


@frozen
class Mistake:
    """A way to go wrong. `diagnosis` is the id the learner must be shown after it."""

    diagnosis: str
    script: Script


@frozen
class CheckCall:
    name: str
    params: Mapping[str, Any]
    place: Place


@frozen
class Step:
    id: str
    title: str
    text: str
    """Markdown: what to understand, then what to do."""
    place: Place
    shell: ShellName = "host"
    watch: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    """Capabilities the machine must have (`zfs`), or must not (`not docker`), for this step to be played."""
    checks: tuple[CheckCall, ...] = ()
    ask: str | None = None
    """A question, answered with `:answer` and judged like everything else."""
    choices: tuple[str, ...] = ()
    solutions: tuple[Script, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    hints: tuple[str, ...] = ()
    why: str = ""
    """Shown when the step is passed: why it is so."""
    docker: str = ""
    """What Docker does at this place."""
    key: str = ""
    """The one sentence that an audience should take home."""
    notes: tuple[str, ...] = ()
    scrolls: str = ""
    """The reason why more is printed than fits a screen; empty: it must fit."""
    passes_before: str = ""
    """The reason why this step's check passes before anything is typed; empty: it must miss."""

    @property
    def slug(self) -> str:
        return self.id.partition("/")[2]


@frozen
class Lesson:
    id: str
    number: int
    title: str
    minutes: int
    text: str
    place: Place
    requires: tuple[str, ...] = ()
    """Capabilities without which no step of it can be played."""
    needs: tuple[str, ...] = ()
    """Facilities the lab prepares: `image`, `pool`."""
    setup: tuple[Script, ...] = ()
    """Lines the lab runs in the host shell before the first step; shown to the learner as such."""
    steps: tuple[Step, ...] = ()


@frozen
class TrackStep:
    step: str
    minutes: float
    optional: bool = False


@frozen
class Track:
    id: str
    title: str
    minutes: float
    text: str
    steps: tuple[TrackStep, ...]
    place: Place


@frozen
class Diagnosis:
    """A real error: how it shows, why it happens, and the way out. Markdown, two sentences
    each at the most."""

    id: str
    title: str
    cause: str
    remedy: str
    place: Place
    message: str = ""
    """A regular expression on what was printed; empty: only the state shows it."""
    line: str = ""
    """One on the line that was typed, where programs say the same of several things."""
    unless: tuple[str, ...] = ()
    """The diagnoses that know more: it is not shown together with one of them."""


@frozen
class Course:
    lessons: tuple[Lesson, ...]
    tracks: Mapping[str, Track] = field(default_factory=dict)
    diagnoses: Mapping[str, Diagnosis] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the options of commands do: `unshare` → `--pid` → a sentence."""

    def lesson(self, lesson_id: str) -> Lesson | None:
        return next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)

    def lesson_of(self, step: Step) -> Lesson:
        found = self.lesson(step.id.partition("/")[0])
        assert found is not None, step.id
        return found

    def step(self, step_id: str) -> Step | None:
        lesson = self.lesson(step_id.partition("/")[0])
        return next((step for step in lesson.steps if step.id == step_id), None) if lesson else None
