"""Events → the transcript: what the learner reads after a line, and on the way to a step.

Free typing is not nagged: a miss is named once, when something that the step is about has changed, or when an
error that is known shows; the same miss is not named again.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from workshop import events
from workshop.events import Event
from workshop.kernel.model import Snapshot
from workshop.language import tr
from workshop.lesson import Diagnosis, Step
from workshop.render import lesson
from workshop.render.layout import indented, readable
from workshop.render.theme import Signs
from workshop.ui import commands

if TYPE_CHECKING:
    from workshop.session import Session


class Narrator:
    """Prints; asks nothing."""

    def __init__(self, session: Session, console: Console, signs: Signs) -> None:
        self.session = session
        self.console = console
        self.signs = signs
        self._working = False
        self._named: str | None = None
        """What the last miss said."""
        self._diagnosed: set[str] = set()
        self._done = False
        self._changed: tuple[events.Observed, ...] = ()
        self.calls_shown = False
        self._begun = False
        """Has there been a lab before?"""

    # -- a line -----------------------------------------------------------------------------------------

    def line(self, event: Event, before: Snapshot | None, moved: bool = False) -> None:
        """One event of `session.run`; `before` is what was known before the line, `moved` says that another
        process has the terminal since."""
        match event:
            case events.Ended():
                self._changed = ()
                if event.line.strip() != "exit":  # its status is that of a line that was told before
                    self._status(event.status)
            case events.Observed():
                from workshop.render import calls, changes  # not before the first line: a start is felt

                self._changed = (event,)
                self.say(changes.changes(event.changes, self.session.now, before, self.signs))
                if self.calls_shown:
                    self.say(calls.calls(event.calls, event.why, self.signs))
            case events.Judged():
                self._judged(event, moved)
            case events.Passed():
                self._passed(event.step)
            case events.Lost():
                self.lost(event)
            case _:
                self.travel(event)

    def checked(self, event: Event) -> None:
        """One event of `:check` or `:answer`: everything is shown."""
        if isinstance(event, events.Judged):
            if not event.passed:
                from workshop.render import verdicts

                self.say(readable(verdicts.checks(event, self.signs)))
                for each in event.diagnoses[:1]:
                    self._diagnose(each)
        else:
            self.line(event, None)

    def quietly(self, event: Event) -> None:
        """One event of a look that nobody asked to be judged: only news is told."""
        if isinstance(event, events.Passed | events.Lost):
            self.line(event, None)

    # -- on the way -------------------------------------------------------------------------------------

    def travel(self, event: Event) -> None:
        """One event on the way to a step. What is typed to rebuild a state is not the learner's to read."""
        match event:
            case events.Working():
                self._progress(event.what, event.share)
            case events.Typed():
                self._progress(f"$ {event.line}", None)
            case events.Entered():
                self.done_working()
                if event.fresh:
                    self._renewed(event)
                self.entered(event.step)
            case events.Advanced(next=None):
                self.done_working()
                built = all(self.session.done(step.id) for step in self.session.steps)
                self.say("That was the last step. ", ("You have built it all." if built else "", "title"))
                self.say((":map", "command"), " shows the course, ", (":quit", "command"), " ends.")
            case events.Lost():
                self.lost(event)
            case _:
                pass

    def _renewed(self, event: events.Entered) -> None:
        """Say that what was there is gone, unless nothing was."""
        if not self._begun:
            self._begun = True
        elif event.lesson.steps[:1] == (event.step,):
            self.say("A new lab for this lesson: nothing of the old one is left.")
        else:
            self.say("A new lab. The steps before this one were done for you, by the model answers.")

    def entered(self, step: Step) -> None:
        """The step's text. What was said about the step before no longer counts."""
        self._named = None
        self._diagnosed = set()
        self._done = False
        session = self.session
        first = session.lesson.steps[:1] == (step,)
        intro = session.text(session.lesson.text) if first else ""
        self.console.print()
        text = session.text(step.text)
        self.say(lesson.step(session.lesson, step, text, self.signs, intro=intro, track=session.track))
        self.console.print()

    def lost(self, event: events.Lost) -> None:
        self.done_working()
        self.say((f"{self.signs.bad} {event.what}", "bad"), f" {event.remedy}")

    def say(self, *parts: RenderableType | tuple[str, str]) -> None:
        """Print one renderable, or one line made of parts, each in the language that was chosen."""
        if len(parts) == 1 and not isinstance(parts[0], str | tuple):
            self.console.print(parts[0])
            return
        text = Text(overflow="fold")
        for part in parts:
            if isinstance(part, tuple):
                text.append(tr(part[0]), part[1])
            else:
                text.append(tr(str(part)))
        self.console.print(text)

    def trouble(self, message: str, hint: str) -> None:
        self.done_working()
        from workshop.render.markdown import inline

        message, hint = tr(message), tr(hint)
        sentence = message if message.endswith((".", "!", "?")) else f"{message}."
        self.say(Text(f"{self.signs.bad} ", style="bad").append_text(inline(f"{sentence} {hint}".strip())))

    # -- inside -----------------------------------------------------------------------------------------

    def _status(self, status: int | None) -> None:
        if status:
            self.say(f"Exit status {status}{meaning(status)}.")

    def _judged(self, event: events.Judged, moved: bool) -> None:
        from workshop.render import verdicts

        if event.passed:
            self._named = None
            return
        changed = {
            change.area
            for seen in self._changed
            for change in seen.changes
            if (change.area, change.verb) != ("processes", "removed")
        }
        relevant = self._relevant(event.step, changed, moved) and not self.session.half_way
        output = self.session.result.output.decode(errors="replace") if self.session.result else ""
        for each in event.diagnoses:
            said_now = bool(each.message and re.search(each.message, output))
            if said_now or (relevant and each.id not in self._diagnosed):
                self._diagnose(each)
                missed = verdicts.first_missed(event.verdicts)
                self._named = missed.found if missed else self._named
                return
        missed = verdicts.first_missed(event.verdicts)
        if missed is not None and relevant and missed.found != self._named:
            self._named = missed.found
            self.say(readable(verdicts.miss(missed, self.signs)))

    def _relevant(self, step: Step, changed: Collection[str], moved: bool) -> bool:
        """Was that an attempt at the step? A program that merely runs is none, unless processes are all that
        the step is about, or the learner is in another one now. After the step is passed, all is play."""
        if self._done:
            return False
        seen = set(changed) & (set(step.watch) or set(changed))
        return bool(seen) and (moved or seen != {"processes"} or step.watch == ("processes",))

    def _diagnose(self, diagnosis: Diagnosis) -> None:
        from workshop.render import verdicts

        show = verdicts.again if diagnosis.id in self._diagnosed else verdicts.diagnosis
        self._diagnosed.add(diagnosis.id)
        self.say(readable(show(diagnosis, self.signs)))

    def _passed(self, step: Step) -> None:
        from workshop.render import verdicts

        self._done = True
        text = self.session.text
        self._picture(step)
        self.console.print()
        self.say(
            readable(
                verdicts.passed(step, self.session.judged, text(step.why), text(step.docker), self.signs)
            )
        )
        self.console.print()
        if self.session.steps and self.session.steps[-1].id == step.id:
            self.say("  This was the last step.")
        else:
            self.say(
                "  ",
                (commands.key_of("next"), "key"),
                " or ",
                (":next", "command"),
                " goes on, when you like.",
            )
        self.console.print()

    def _picture(self, step: Step) -> None:
        """The networks as they are now, where that is what the step was about."""
        now = self.session.now
        if "network" not in step.watch or now is None:
            return
        from workshop.render import network

        if network.worth_drawing(now):
            process = now.processes.get(self.session.where().pid)
            here = process.ns.get("net") if process is not None else None
            self.say(Text("The networks now", style="label"))
            self.say(indented(network.picture(now, here, self.signs)))

    def _progress(self, what: str, share: float | None) -> None:
        """One line that is written over; in a terminal that cannot, nothing but its first version."""
        percent = f" {share:.0%}" if share is not None else ""
        room = self.console.width - 1 - len(self.signs.ellipsis) - len(percent)
        text = f"{what[:room]}{percent}{self.signs.ellipsis}"
        if self.console.is_dumb_terminal:
            if not self._working:
                self.console.print(text)
        else:
            self._raw(f"\r\x1b[K{text}")
        self._working = True

    def done_working(self) -> None:
        if self._working and not self.console.is_dumb_terminal:
            self._raw("\r\x1b[K")
        self._working = False

    def _raw(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()


def meaning(status: int) -> str:
    """What bash means by an exit status (bash(1), EXIT STATUS)."""
    if status == 126:
        return ": found, but it cannot be executed"
    if status == 127:
        return ": command not found"
    if status > 128:
        with suppress(ValueError):
            return f": ended by {signal.Signals(status - 128).name}"
    return ""
