"""What was typed since a step began, line by line, and what each line changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from workshop.frozen import frozen
from workshop.lesson import ShellName

ANSWER = ":answer "


@frozen
class Did:
    """A line, or several where the shell asked for more; an answer is a line too (`:answer 1`)."""

    shell: ShellName
    line: str
    changes: tuple[str, ...] = ()
    """What it changed, a sentence each."""
    attended: bool = False
    """It needed somebody at the keys: it was left, or stopped. To type it again would prove nothing."""

    @property
    def is_answer(self) -> bool:
        return self.line.startswith(ANSWER)


class Trail:
    """The lines of a step so far."""

    def __init__(self, entries: Sequence[Did] = ()) -> None:
        self.entries = list(entries)
        self._open = False
        """Does the shell wait for the rest of the last line?"""

    def __bool__(self) -> bool:
        return bool(self.entries)

    def typed(self, shell: ShellName, line: str) -> None:
        if self._open and self.entries and self.entries[-1].shell == shell:
            last = self.entries[-1]
            self.entries[-1] = replace(last, line=f"{last.line}\n{line}")
        else:
            self.entries.append(Did(shell, line))
        self._open = False

    def answered(self, shell: ShellName, text: str) -> None:
        self.entries.append(Did(shell, f"{ANSWER}{text}"))
        self._open = False

    def ended(self, state: str, status: int | None) -> None:
        """The last line has ended, or has not: `workshop.shell.Result`."""
        self._open = state == "more"
        if self.entries and (state in ("away", "timeout") or status == 128 + 2):  # SIGINT: Ctrl-C
            self.entries[-1] = replace(self.entries[-1], attended=True)

    def changed(self, changes: Sequence[str]) -> None:
        if self.entries:
            last = self.entries[-1]
            self.entries[-1] = replace(last, changes=(*last.changes, *changes))

    def dropped(self) -> None:
        """The line that was not finished was given up (Ctrl-C)."""
        if self._open and self.entries:
            self.entries.pop()
        self._open = False

    @property
    def whole(self) -> tuple[Did, ...]:
        """The lines that are finished: all but one that the shell waits for the rest of."""
        return tuple(self.entries[:-1] if self._open else self.entries)

    @property
    def lines(self) -> Iterator[str]:
        """Every line as the shells got them."""
        return (line for did in self.entries for line in did.line.split("\n"))
