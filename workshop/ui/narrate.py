"""Events → the transcript: what the learner reads after a line, and on the way to a step.

Free typing is not nagged: a miss is named once, when something that the step is about has changed, or when an
error that is known shows; the same miss is not named again.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from workshop import events
from workshop.events import Event
from workshop.kernel.model import Snapshot
from workshop.language import tr
from workshop.lesson import SWITCHES, Diagnosis, Step
from workshop.render import lesson
from workshop.render.layout import indented, readable
from workshop.render.theme import Signs
from workshop.selection import left_out
from workshop.trail import ANSWER
from workshop.ui import commands

if TYPE_CHECKING:
    from workshop.session import Session


OFFER_LINES = 6
OFFER_SECONDS = 180.0
"""After so many lines, or so long, without the goal the learner is told once that there is help."""

PREDICTION = "predict_"
"""So begin the names of the checks that judge an answer."""


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
        self._guessed = False
        """Was the step's question answered before anything was tried?"""
        self._place_told = False
        """Was the learner told that this is the other shell?"""
        self._gone = False
        """Has it just been said that something is gone? What misses then is no news."""
        self._missing: str | None = None
        """What the learner was told when they asked for a hint."""
        self._offered = False
        self._since = time.monotonic()
        self._changed: tuple[events.Observed, ...] = ()
        self.calls_shown = False
        self._rebuilt: list[events.Rebuilt] = []
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
            case events.Gone():
                self._taken_away(event)
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

    def answered(self, event: Event) -> None:
        """One event of `:answer`. It is a guess as long as nothing was tried, or too little to tell: whether
        it was right is said later, and now only if all is there already."""
        if not isinstance(event, events.Judged) or event.passed or not self._is_guess(event):
            self._guessed = False
            self.checked(event)
            return
        self._guessed = True
        said = self.session.trail[-1].line.removeprefix(ANSWER)
        self.say("Noted: ", (said, "title"), ". Now try it, and the kernel says whether it is so.")

    def _is_guess(self, event: events.Judged) -> bool:
        asked = [v for v in event.verdicts if v.check.startswith(PREDICTION) and not v.passed]
        tried = any(not did.is_answer for did in self.session.trail)
        built = all(v.passed for v in event.verdicts if not v.check.startswith(PREDICTION))
        return not (tried and built) or any(not verdict.found.startswith("you said") for verdict in asked)

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
            case events.Rebuilt():
                self._rebuilt.append(event)
            case events.Entered():
                self.done_working()
                self._renewed(event)
                self.entered(event.step)
            case events.Undone():
                self.done_working()
                self._rebuilt.clear()
                self.say("Taken back: ", (event.line.splitlines()[0], "command"))
            case events.Advanced(step, following):
                self.done_working()
                if self._lesson_is_over(event):
                    self._recap(step)
                if following is None:
                    self._end()
                else:
                    self._left_out(step, following)
            case events.Lost():
                self.lost(event)
            case _:
                pass

    def _lesson_is_over(self, event: events.Advanced) -> bool:
        """Was that the last step of a lesson, of which something was passed?"""
        lesson, following = self.session.course.lesson_of(event.step), event.next
        over = following is None or self.session.course.lesson_of(following) is not lesson
        return over and any(self.session.done(step.id) for step in lesson.steps)

    def _recap(self, step: Step) -> None:
        from workshop.render.recap import recap

        lesson = self.session.course.lesson_of(step)
        here = [each for each in lesson.steps if each in self.session.steps]
        self.console.print()
        self.say(readable(recap(lesson, self.session.how, self.signs, here)))

    def _left_out(self, step: Step, following: Step) -> None:
        session = self.session
        found = left_out(session.course, session.track, step, following, session.machine.capabilities)
        for reason in dict.fromkeys(why for _, why in found):
            titles = "; ".join(one.title for one, why in found if why == reason)
            self.say("Left out, since this machine cannot play it: ", (titles, "title"))
            self.say(reason)

    def _end(self) -> None:
        built = all(self.session.done(step.id) for step in self.session.steps)
        self.say("That was the last step. ", ("You have built it all." if built else "", "title"))
        self.say((":map", "command"), " shows the course, ", (":quit", "command"), " ends. ")
        self.say(("workshop report", "command"), " writes down all that you did.")

    def _renewed(self, event: events.Entered) -> None:
        """Say that what was there is gone, unless nothing was, and how the steps before came about."""
        found, begun = tuple(self._rebuilt), self._begun
        self._rebuilt.clear()
        self._begun = True
        if event.fresh and begun and not found:
            self.say("A new lab for this lesson: nothing of the old one is left.")
        if found:
            from workshop.render.rebuilt import rebuilt

            if event.fresh and begun:
                self.say("A new lab.")
            self.say(readable(rebuilt(found, self.signs)))

    def entered(self, step: Step) -> None:
        """The step's text. What was said about the step before no longer counts."""
        self._named = None
        self._diagnosed = set()
        self._done = self._offered = self._guessed = self._place_told = False
        self._missing, self._since = None, time.monotonic()
        session = self.session
        first = session.lesson.steps[:1] == (step,)
        intro = session.text(session.lesson.text) if first else ""
        self.console.print()
        text = session.text(step.text)
        self.say(lesson.step(session.lesson, step, text, self.signs, intro=intro, track=session.track))
        self.console.print()

    def here(self) -> None:
        """In which shell the learner is now."""
        self.say(f"{self.signs.here} ", (f"the {self.session.active} shell", "title"))

    def lost(self, event: events.Lost) -> None:
        self.done_working()
        from workshop.render.markdown import inline

        text = Text(f"{self.signs.bad} {event.what}", style="bad", overflow="fold")
        self.say(Text(overflow="fold").append_text(text).append(" ").append_text(inline(event.remedy)))

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
        said = inline(f"{sentence} {hint}".strip(), self.signs)
        self.say(Text(f"{self.signs.bad} ", style="bad").append_text(said))

    # -- inside -----------------------------------------------------------------------------------------

    def _status(self, status: int | None) -> None:
        if status:
            self.say(f"Exit status {status}{meaning(status)}.")

    def missing(self, judged: events.Judged) -> bool:
        """Tell the first condition that is not met, and why; was it the first time that this was asked for?

        Later the lesson's own hints are wanted, and only another condition is worth a line."""
        from workshop.render import verdicts

        missed = verdicts.first_missed(judged.verdicts)
        first, news = self._missing is None, missed is not None and missed.found != self._missing
        if missed is None or not news:
            return False
        self._missing = self._named = missed.found
        self.say(readable(verdicts.verdict(missed, self.signs)))
        for each in judged.diagnoses[:1]:
            self._diagnose(each)
        if first:
            self.say((":hint", "command"), " again gives a hint.")
        return first

    def _judged(self, event: events.Judged, moved: bool) -> None:
        self._miss(event, moved)
        if not event.passed and not self._done:
            self._offer()

    def _offer(self) -> None:
        """Once a step, after a while: there is help."""
        lines = len(self.session.trail)
        waited = time.monotonic() - self._since > OFFER_SECONDS
        if not self._offered and (lines >= OFFER_LINES or (waited and lines >= 2)):
            self._offered = True
            self.say("If you like: ", ("F2", "key"), " or ", (":hint", "command"), " tells what is missing.")

    def _miss(self, event: events.Judged, moved: bool) -> None:
        from workshop.render import verdicts

        if event.passed:
            self._named = None
            if self._done:  # all is play now, and errors happen in play too
                self._printed(event)
            return
        gone, self._gone = self._gone, False
        if self._printed(event) or gone:
            return
        changed = {
            change.area
            for seen in self._changed
            for change in seen.changes
            if (change.area, change.verb) != ("processes", "removed")
        }
        if self._guessed and self._guess_was_wrong(event):
            return
        closed = self.session.result is not None and self.session.result.state == "closed"
        relevant = self._relevant(event.step, changed, moved) and not (closed or self.session.half_way)
        missed = verdicts.first_missed(event.verdicts)
        for each in event.diagnoses:
            if relevant and each.id not in self._diagnosed:
                self._diagnose(each)
                self._named = missed.found if missed else self._named
                self._other_shell(event.step)
                return
        if missed is not None and relevant and missed.found != self._named:
            self._named = missed.found
            self.say(readable(verdicts.miss(missed, self.signs)))
            self._other_shell(event.step)

    def _other_shell(self, step: Step) -> None:
        """What misses may miss only here: once a step it is said that the step is about the other shell."""
        here = self.session.active
        if here == step.shell or self._place_told:
            return
        self._place_told = True
        if not any(line in SWITCHES for lines in self.session.solutions() for line in lines):  # about both
            self.say(
                f"This is the {here} shell; the step is about the other one: ", (f":{step.shell}", "command")
            )

    def _guess_was_wrong(self, event: events.Judged) -> bool:
        """All is there that the question was about, so the guess can be told from the truth: say it once."""
        from workshop.render import verdicts

        missed = [verdict for verdict in event.verdicts if not verdict.passed]
        if not missed or not all(verdict.check.startswith(PREDICTION) for verdict in missed):
            return False
        self._guessed = False
        self._named = missed[0].found
        self.say(readable(verdicts.miss(missed[0], self.signs)))
        for each in event.diagnoses[:1]:
            self._diagnose(each)
        return True

    def _printed(self, event: events.Judged) -> bool:
        """The error that the line printed, if it is known: it is of this moment, and so it goes first."""
        for each in event.diagnoses:
            if each.id in event.printed:
                self._diagnose(each)
                return True
        return False

    def _relevant(self, step: Step, changed: Collection[str], moved: bool) -> bool:
        """Was that an attempt at the step? A program that merely runs is none, unless processes are all that
        the step is about, or the learner is in another one now. After the step is passed, all is play; and a
        step that watches nothing says nothing unasked."""
        if self._done:
            return False
        seen = set(changed) & set(step.watch)
        return bool(seen) and (moved or seen != {"processes"} or step.watch == ("processes",))

    def _taken_away(self, event: events.Gone) -> None:
        self._gone = True
        first, *more = event.what
        several = f" (and {len(more)} more)" if more else ""
        self.say(
            (f"{self.signs.todo} Gone", "label"),
            f": {first}{several}. This step began with it. If you still need it: ",
            (":reset", "command"),
            " builds it again.",
        )

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
        self._card(step)
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

    def _card(self, step: Step) -> None:
        """All containers side by side, where that is what the step was about; the host itself at the end."""
        now = self.session.now
        if "card" not in step.watch or now is None:
            return
        from workshop.kernel.subject import containers
        from workshop.render import scorecard
        from workshop.scorecard import score

        found = containers(now)
        full = self.session.host.detailed(now, [process.pid for process in found])
        cards = [
            (f"{' '.join(process.args) or process.comm} ({process.pid})", score(full, process.pid))
            for process in found
        ]
        outside = self.session.host.from_outside() if "lab" in step.watch else None
        if outside is not None:
            cards.append(("the lab", score(*outside)))
        if cards:
            self.say(Text("The score card", style="label"))
            self.say(indented(scorecard.beside(cards, self.signs)))

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
