"""The exceptions of the workshop.

    WorkshopError               base: a message, a hint, an exit status
    ├── UsageError       2      the command line or a control command is wrong
    ├── LessonError      2      a lesson, a track or a diagnosis file is wrong (says file:line)
    ├── MachineError     3      this machine lacks something (root, a tool, a kernel feature)
    ├── LabError         3      the lab could not be made, or is gone
    └── ShellError       3      a shell of the lab could not be started, or hangs

A learner's mistake is none of these: it is a value, `workshop.kernel.verdict.Verdict`.
"""

from __future__ import annotations


class WorkshopError(Exception):
    """What went wrong (`message`) and what to do about it (`hint`, may be empty)."""

    status = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WorkshopError):
    status = 2


class LessonError(WorkshopError):
    status = 2


class MachineError(WorkshopError):
    pass


class LabError(WorkshopError):
    pass


class ShellError(WorkshopError):
    pass
