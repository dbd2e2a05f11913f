"""The lines of a step that have not run, and what they stand on: the state that has to go on holding, and the
place where they are meant to be typed.
"""

from __future__ import annotations

from collections.abc import Callable

from workshop.lesson import SWITCHES, Step
from workshop.session import Session
from workshop.stage import words


class Script:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._rest: list[str] = []
        self._ground: dict[str, Step] = {}
        """Steps whose checks held when the script came to them."""
        self._place: tuple[object, ...] = ()

    def begin(self, step: Step, playable: Callable[[Step], bool]) -> tuple[str, ...]:
        """At the beginning of a step, its state ready; its lines, to copy."""
        session = self._session
        solution = next(iter(session.solutions(step)), ())
        self._rest = list(solution)
        self.left()
        self._ground = {}
        for earlier in session.lesson.steps:
            if earlier is step:
                break
            if playable(earlier) and session.judge(earlier).passed:
                self._ground[earlier.id] = earlier
        self.is_here()
        return tuple(line for line in solution if line not in SWITCHES)

    def left(self) -> list[str]:
        """The lines that are left, after doing what of them is for the guide."""
        while self._rest and self._rest[0] in SWITCHES:
            self._session.switch("container" if self._rest.pop(0) == ":container" else "host")
        return self._rest

    def take_all(self) -> tuple[str, ...]:
        """What is left, for somebody who types all of it."""
        rest, self._rest = tuple(self._rest), []
        return rest

    def forget(self) -> None:
        self._rest = []

    def has(self, line: str) -> bool:
        return line in [each.strip() for each in self._rest]

    def done(self, line: str) -> None:
        self._rest.remove(next(each for each in self._rest if each.strip() == line))

    def holds(self, step: Step) -> None:
        """The next lines stand on this step too."""
        self._ground[step.id] = step

    def is_here(self) -> None:
        """The next line is meant for where the shell is now."""
        self._place = self._where()

    def broken(self) -> str:
        """What held before somebody typed freely, and does not hold any more."""
        for step in self._ground.values():
            judged = self._session.judge(step)
            if not judged.passed:
                return f"“{step.title}” no longer holds. {words.miss(judged)}"
        return ""

    def elsewhere(self) -> str:
        """After free typing: is the shell still where the next line is meant to be typed?"""
        if not self._rest or self._place == self._where():
            return ""
        _, _, root, cwd = self._place
        return f"The next line was meant for {cwd if root == '/' else f'{cwd} in {root}'}."

    def _where(self) -> tuple[object, ...]:
        here = self._session.where()
        return here.shell, here.differs, here.root, here.cwd
