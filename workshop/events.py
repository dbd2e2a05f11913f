"""What the engine tells a front end, in the order in which it happens. Frozen; no kernel handles in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop.frozen import frozen

if TYPE_CHECKING:
    from workshop.kernel.diff import Change
    from workshop.kernel.syscalls import Call
    from workshop.kernel.verdict import Verdict
    from workshop.lesson import Diagnosis, Lesson, ShellName, Step


@frozen
class Entered:
    """A step begins; its state is ready. `fresh` says that the lab was made anew for it."""

    lesson: Lesson
    step: Step
    fresh: bool


@frozen
class Working:
    """Something takes a while: what, and how far (0…1, or None)."""

    what: str
    share: float | None = None


@frozen
class Rebuilt:
    """A step's state was made anew: by the learner's `own` lines, or by the model answer. `why` says what the
    own lines lack now; it is empty where there are none."""

    step: Step
    own: bool
    why: str = ""


@frozen
class Undone:
    """The last line is taken back. `left_out` are lines before it that could not be typed again."""

    line: str
    left_out: tuple[str, ...] = ()


@frozen
class Typed:
    """A line is about to run (shown where nobody typed it: solutions, rebuilding)."""

    shell: ShellName
    line: str


@frozen
class Ended:
    """The line is over: the shell is at a prompt again. `status` None: a shell inside it has the prompt."""

    shell: ShellName
    line: str
    status: int | None
    seconds: float


@frozen
class Observed:
    """What the line changed, and the system calls behind it. `calls` None: not watched, see `why`."""

    changes: tuple[Change, ...]
    calls: tuple[Call, ...] | None
    why: str = ""


@frozen
class Judged:
    """All the checks of the step, and the diagnoses that fit, the most telling first."""

    step: Step
    verdicts: tuple[Verdict, ...]
    diagnoses: tuple[Diagnosis, ...]
    printed: tuple[str, ...] = ()
    """The ids of those that the line itself printed: errors of this moment, also when the step is passed."""

    @property
    def passed(self) -> bool:
        return bool(self.verdicts) and all(v.state == "passed" for v in self.verdicts)


@frozen
class Passed:
    """The step's goal is met for the first time; the learner decides when to go on."""

    step: Step


@frozen
class Advanced:
    """The course moved on from `step` to `next` (None: the end)."""

    step: Step
    next: Step | None


@frozen
class Gone:
    """The line took away what the step began with. The step is not passed: what misses may be of that."""

    what: tuple[str, ...]


@frozen
class Lost:
    """A shell or the lab itself is gone; what is left, and what can be done."""

    what: str
    remedy: str


Event = (
    Entered | Working | Rebuilt | Undone | Typed | Ended | Observed | Judged | Passed | Advanced | Gone | Lost
)
