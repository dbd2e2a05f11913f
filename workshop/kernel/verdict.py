"""What a check says, and what it is given to say it.

A check is a plain function `check(view: View, *, parameter: type = default, …) -> Verdict` in `checks/`. It
reads nothing but `view`, so it can be run again on a recorded snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from workshop.frozen import frozen
from workshop.kernel.model import Process, Snapshot

State = Literal["passed", "missed", "unsupported"]


@frozen
class Evidence:
    """One thing that was read: what it is, its value, and where it stands (`/proc/812/ns/pid`)."""

    what: str
    value: str
    source: str


@frozen
class Verdict:
    """`expected` and `found` are sentences for a learner. `diagnosis`: an id of `diagnoses.toml`."""

    state: State
    expected: str
    found: str
    evidence: tuple[Evidence, ...] = ()
    diagnosis: str | None = None
    check: str = ""
    """Filled in by the engine: the name of the check."""

    @property
    def passed(self) -> bool:
        return self.state == "passed"


def passed(expected: str, found: str, evidence: Sequence[Evidence] = ()) -> Verdict:
    return Verdict("passed", expected, found, tuple(evidence))


def missed(
    expected: str, found: str, evidence: Sequence[Evidence] = (), *, diagnosis: str | None = None
) -> Verdict:
    return Verdict("missed", expected, found, tuple(evidence), diagnosis)


def unsupported(expected: str, why: str) -> Verdict:
    """This machine lacks something: `why` says what, and how to get it."""
    return Verdict("unsupported", expected, why)


@frozen
class End:
    """A process that ended in the step, and the process that the learner's line was typed to."""

    process: Process
    by: Process


@frozen
class View:
    """What a check judges: the machine now and before the step, and the process in question.

    `subject` is the pid of the process the learner is in: the foreground one of a shell, or the newest one
    that is not in the host's namespaces, when the learner is back at the host's prompt. `answer` is what the
    learner answered to the step's question, None before that. `ends` are the processes that have ended since
    the step began, `adopted` those that got another parent, as they were before that; `tried` is whether the
    learner has typed anything in the step yet, but for answers.
    """

    now: Snapshot
    before: Snapshot
    subject: int
    answer: str | None = None
    ends: tuple[End, ...] = ()
    adopted: tuple[Process, ...] = ()
    tried: bool = True

    @property
    def process(self) -> Process | None:
        """The process in question; None when it is gone."""
        return self.now.processes.get(self.subject)

    @property
    def host(self) -> Process:
        return self.now.processes[self.now.host]
