"""The engine: run a line, observe, judge, advance. Front ends send lines and consume frozen events.

It knows neither lesson files nor terminals: a `Course` comes in, events go out, and what a program prints
goes straight to the `Terminal` that a front end lends.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from workshop.conditions import lacking
from workshop.errors import LabError, UsageError
from workshop.events import (
    Advanced,
    Ended,
    Entered,
    Event,
    Gone,
    Judged,
    Lost,
    Observed,
    Passed,
    Rebuilt,
    Typed,
    Undone,
    Working,
)
from workshop.ground import taken_away
from workshop.host import START, Host
from workshop.kernel.answers import choice
from workshop.kernel.model import Process, Snapshot
from workshop.kernel.subject import differs, subject, typed_to
from workshop.kernel.verdict import End, Verdict, View
from workshop.lesson import SHELLS, SWITCHES, Course, Diagnosis, Lesson, Script, ShellName, Step, Track
from workshop.machine import Machine
from workshop.passed import Done, Line, Told, goal
from workshop.printed import best, errors
from workshop.progress import Progress
from workshop.selection import why_not
from workshop.settling import ending, freezing, running, starting
from workshop.shell import Result, Shell, Silent, Terminal
from workshop.trail import ANSWER, Did, Trail
from workshop.variables import fill, fill_params
from workshop.whereabouts import Where, where

if TYPE_CHECKING:
    from workshop.kernel.syscalls import Call

SCRIPT_SECONDS = 120.0
"""How long a line that nobody watches may take before it is interrupted: only one that hangs ever does."""
SETTLING = 20
"""Looks that a process in the background gets to become what it was started for: a fifth of a second, or more
on a slow machine."""
FRESH = 4
"""Looks that it gets to complain of its arguments and end, as `sleep infinite` does."""
OWN_SECONDS = 10.0
"""How long a line of the learner's own may take when it is typed again for them."""
MOST_CHANGES = 12
"""More changes of one line than this are counted in what is kept."""
MOMENT = 0.3
"""Seconds that the learner's own lines get, when they are typed again."""
PATIENCE = 2.0
"""Seconds that a model answer gets to come true, on a busy machine."""
LOOKS = 50
"""Looks that it gets besides: on a slow machine the seconds are over before much has happened."""
Act = Callable[[Shell, Terminal], Result]
"""What is done with a shell and the terminal it is lent."""


class Session:
    """One learner (or script) on one host (the lab, or the machine itself), somewhere in a course."""

    def __init__(
        self,
        course: Course,
        steps: Sequence[Step],
        host: Host,
        progress: Progress | None = None,
        track: Track | None = None,
    ) -> None:
        if not steps:
            raise UsageError("There is no step to play.", "`workshop lessons` lists them.")
        self.course = course
        self.steps = tuple(steps)
        self.host = host
        self.machine: Machine = host.machine
        self.progress = progress
        self.track = track
        """Of which `steps` are, if they are not the whole course."""
        self.step: Step = self.steps[0]
        self.active: ShellName = "host"
        self.judged: Judged | None = None
        self.result: Result | None = None
        self.calls: tuple[Call, ...] | None = None
        self.now: Snapshot | None = None
        self._before: Snapshot | None = None
        self._answer: str | None = None
        self._ends: list[End] = []
        self._adopted: list[Process] = []
        self._hints = 0
        self._solution = False
        self._told = False
        self._kept: tuple[Did, ...] = ()
        """The lines by which the step is kept as passed."""
        self._helped = 0, False
        """How many hints it took, and was the solution asked for?"""
        self._trail = Trail()
        self._passed: dict[str, Done] = {}
        self._by_model: dict[str, str] = {}
        """The steps whose state in this lab was made by model answers, with what the own lines lack."""
        left = (progress.position, progress.typed) if progress is not None else (None, ())
        self._left: tuple[str | None, tuple[Line, ...]] = left
        """The step that was left unfinished the last time, and what was typed in it."""
        self._rebuilding = False
        """Are lines typed that were typed before?"""
        self._live: str | None = None
        """The step whose state the host is in: the steps before it are played, it itself perhaps."""

    # -- what a front end asks ------------------------------------------------------------------------------

    @property
    def lesson(self) -> Lesson:
        return self.course.lesson_of(self.step)

    @property
    def shells(self) -> Mapping[ShellName, Shell]:
        return self.host.shells

    @property
    def watch_calls(self) -> bool:
        return self.host.watch_calls

    @watch_calls.setter
    def watch_calls(self, on: bool) -> None:
        self.host.watch_calls = on

    def done(self, step_id: str) -> bool:
        return self.how(step_id) is not None

    def how(self, step_id: str) -> Done | None:
        """How a step was passed: now, or as the progress file has it."""
        kept = self.progress.steps.get(step_id) if self.progress is not None else None
        return self._passed.get(step_id, kept)

    @property
    def trail(self) -> tuple[Did, ...]:
        """What was typed in this step, and what it changed."""
        return tuple(self._trail.entries)

    def text(self, markdown: str) -> str:
        return fill(markdown, self.host.variables)

    def solutions(self, step: Step | None = None) -> tuple[tuple[str, ...], ...]:
        """The model answers that fit this machine, their variables filled in."""
        return tuple(self.filled(script) for script in self._fitting((step or self.step).solutions))

    def next_line(self) -> str | None:
        """The line that the first solution would type next: the first one that was not typed already."""
        if self.judged is not None and self.judged.passed:
            return None
        typed = Counter(_bare(line) for line in self._trail.lines)
        rest: list[tuple[str, ShellName]] = []
        place = self.step.shell
        for line in next(iter(self.solutions()), ()):
            if line in SWITCHES:
                place = SWITCHES[line]
            elif typed[_bare(line)]:
                typed[_bare(line)] -= 1
                rest = [(earlier, there) for earlier, there in rest if earlier != "exit"]  # it was not needed
            else:
                rest.append((line, place))
        while rest and rest[0][0] == "exit" and self._at_bottom(rest[0][1]):
            rest.pop(0)  # where there is nothing to leave it would end the shell
        if not rest:
            return None
        line, place = rest[0]
        return line if place == self.active or line.startswith(ANSWER) else f":{place}"

    def _at_bottom(self, name: ShellName) -> bool:
        """Is a shell the one that began there, with none inside it, and on the host?"""
        shell = self.shells[name]
        if shell.foreground() not in (None, shell.pid):
            return False
        now = self.now
        here = now.processes.get(self.host.foreground(name)) if now is not None else None
        return now is None or here is None or not differs(here, now.processes[now.host])

    @property
    def half_way(self) -> bool:
        """Was the last line one of the first solution's, with more of them to come?"""
        lines = {_bare(line) for line in next(iter(self.solutions()), ())}
        last = [*self._trail.lines][-1:]
        return bool(last) and _bare(last[0]) in lines and self.next_line() is not None

    def reveal(self) -> tuple[tuple[str, ...], ...]:
        """The solutions, for a learner who asks for them: that is remembered."""
        self._solution = True
        return self.solutions()

    @property
    def revealed(self) -> bool:
        """Was the solution of this step asked for?"""
        return self._solution

    def hint(self) -> str | None:
        """The next hint of the step; None when there are no more."""
        if self._hints >= len(self.step.hints):
            return None
        self._hints += 1
        return self.text(self.step.hints[self._hints - 1])

    @property
    def hints_left(self) -> int:
        return len(self.step.hints) - self._hints

    def where(self) -> Where:
        """Where the foreground process of the active shell is, as of the last look at the kernel."""
        return where(self.now, self.host.foreground(self.active), self.active)

    # -- moving about ---------------------------------------------------------------------------------------

    def enter(self, step_id: str) -> Iterator[Event]:
        """Go to a step: what it stands on is there already, or the host is made anew and the way replayed."""
        step = next((step for step in self.steps if step.id == step_id), None) or self.course.step(step_id)
        if step is None:
            raise UsageError(f"There is no step {step_id!r} in this course.", "`:map` lists the steps.")
        why = why_not(self.course, step, self.machine.capabilities)
        if why:
            raise UsageError(f"This machine cannot play {step.id}: {why}", "`workshop doctor` says more.")
        fresh = yield from self._arrive(step)
        self._announce()
        yield Entered(self.course.lesson_of(step), step, fresh)

    def next(self) -> Iterator[Event]:
        """The learner goes on, with the step passed or not."""
        following = self._neighbour(1)
        yield Advanced(self.step, following)
        if following is not None:
            yield from self.enter(following.id)

    def back(self) -> Iterator[Event]:
        earlier = self._neighbour(-1)
        if earlier is None:
            raise UsageError("This is the first step.", "`:next` goes on.")
        self._live = None
        yield Advanced(self.step, earlier)
        yield from self.enter(earlier.id)

    def reset(self, scope: Literal["step", "lesson"] = "step") -> Iterator[Event]:
        """Make the host anew, at the beginning of the step or of the lesson."""
        self._live = None
        first = next(step for step in self.lesson.steps if self._playable(step))
        yield from self.enter(self.step.id if scope == "step" else first.id)

    def undo(self) -> Iterator[Event]:
        """Take back the last line of this step: the lines before it are typed again, in a lab made anew. An
        answer is only forgotten."""
        if not self._trail:
            raise UsageError(
                "Nothing was typed in this step yet.",
                "`:back` goes back a step, `:reset lesson` begins anew.",
            )
        kept, last = self._trail.entries[:-1], self._trail.entries[-1]
        if last.is_answer:
            self._trail = Trail(kept)
            self._answer = next((a.line.partition(" ")[2] for a in reversed(kept) if a.is_answer), None)
        else:
            hints, solution, told = self._hints, self._solution, self._told
            self._live = None
            yield from self._arrive(self.step)
            again = [did for did in kept if not did.attended]
            for number, did in enumerate(again, 1):
                yield Working(f"$ {did.line}", number / (len(again) + 1))
                yield from self._again((did.shell, did.line))
            self._hints, self._solution, self._told = hints, solution, told
            self.switch(last.shell)
            self._announce()
        self.judged = self.judge_now(MOMENT)
        if self.judged.passed and self._told:
            self._keep()
        yield Undone(last.line, tuple(did.line for did in kept if did.attended))

    @property
    def left_over(self) -> tuple[Line, ...]:
        """What was typed in this step the last time, before the learner left; until something new is."""
        step, lines = self._left
        return lines if step == self.step.id and not self._trail else ()

    def redo(self) -> Iterator[Event]:
        """Type what is left over from the last time again."""
        lines, self._left = self.left_over, (None, ())
        for number, (shell, line) in enumerate(lines, 1):
            yield Working(f"$ {line}", number / (len(lines) + 1))
            yield from self._again((shell, line))
        yield from self.check(MOMENT)

    def leave(self) -> None:
        """The learner goes: what was typed in a step that is not passed can be typed again the next time."""
        if self.progress is not None and not self._told:
            typed = tuple((did.shell, did.line) for did in self.trail if not did.attended)
            self.progress.left(self.step.id, typed or self.left_over)

    def interrupt(self) -> None:
        """Ctrl-C where the shell waits for the rest of a line: it is given up."""
        self.shells[self.active].interrupt()
        self._trail.dropped()

    def switch(self, shell: ShellName) -> None:
        self.active = shell

    # -- the way of a line ----------------------------------------------------------------------------------

    def run(self, line: str, terminal: Terminal) -> Iterator[Event]:
        """Type a line into the active shell, wait for its end, look at what it did, judge."""
        self._trail.typed(self.active, line)
        yield from self._run(line, terminal, lambda shell, lent: shell.run(line, lent))

    def resume(self, terminal: Terminal) -> Iterator[Event]:
        """Back into the program that was left with the guide's key."""
        yield from self._run("", terminal, lambda shell, lent: shell.resume(lent))

    def send_eof(self, terminal: Terminal) -> Iterator[Event]:
        """Ctrl-D: the end of input for the shell that is in the foreground."""
        self._trail.typed(self.active, "exit")
        yield from self._run("exit", terminal, lambda shell, lent: shell.send_eof(lent))

    def check(self, within: float = 0.0) -> Iterator[Event]:
        """Look again and judge, without a line; keep looking for so many seconds while it misses."""
        if not self.host.alive:
            yield self._lost()
            return
        self.judge_now(within)
        yield from self._judge()

    def left(self, pid: int) -> Iterator[Event]:
        """The process `pid`, in which the learner was at the active shell's prompt, has ended, and no line
        ended it: somebody killed it, from the other shell or from another terminal."""
        if not self.host.alive:
            yield self._lost()
            return
        before, name = self.now, self.active
        if not self.shells[name].alive:
            self.host.reopen(name)
        now = self._look()
        gone = before.processes.get(pid) if before is not None else None
        if before is not None:
            from workshop.kernel.diff import diff

            yield Observed(diff(before, now, self._subject(name)), (), "")
        what = f"{gone.comm} ({pid})" if gone else "The shell"
        yield Lost(
            f"{what}, which you were in, has ended, and not by your line.",
            "You are where the prompt says. If that was your container: `:reset` builds it again.",
        )
        yield from self._judge()

    def answer(self, text: str) -> Iterator[Event]:
        """An answer to the step's question; the kernel knows whether it is right."""
        if self.step.ask is None:
            raise UsageError("This step asks no question.", "`:check` judges what you have built.")
        choices = self.step.choices
        if not text.strip():
            raise UsageError("`:answer` wants an answer.", f"For example `:answer {(*choices, '3')[0]}`.")
        meant = choice(text, choices)
        if choices and meant is None:
            raise UsageError(f"{text!r} is not one of the answers.", f"Try one of: {', '.join(choices)}.")
        self._answer = meant or text.strip()
        self._trail.answered(self.active, self._answer)
        yield from self.check()

    def play(self, lines: Sequence[str], terminal: Terminal) -> Iterator[Event]:
        """Type lines as a learner would, `:host`, `:container` and `:answer` among them, and judge each."""
        yield from self._play(tuple(lines), terminal, judge=True)

    # -- what the gate asks besides -------------------------------------------------------------------------

    def forget(self) -> None:
        """Trust nothing of the host's present state: the next `enter` makes it anew."""
        self._live = None

    def judge_now(self, within: float = 0.0) -> Judged:
        """Look and judge, without an event and without progress. What a line has begun may take a moment to
        come true (a signal on its way, a process in the background): keep looking for `within` seconds, and
        LOOKS times at least."""
        deadline = time.monotonic() + within
        looks = 0
        while True:
            self._look()
            judged = self._judgement()
            looks += 1
            if judged.passed or not within or (looks >= LOOKS and time.monotonic() >= deadline):
                return judged
            time.sleep(0.01)  # the kernel tells nobody when a check would pass

    def judge(self, step: Step) -> Judged:
        """Judge another step on what was seen last: does it still hold?"""
        return self._judgement(step)

    def subject(self) -> int:
        """The process in question, in the active shell."""
        return self._subject(self.active)

    def fits(self, script: Script) -> bool:
        """Can this machine play the script?"""
        return not lacking(script.when, self.machine.capabilities)

    def filled(self, script: Script) -> tuple[str, ...]:
        return tuple(fill(line, self.host.variables) for line in script.lines)

    # -- inside ---------------------------------------------------------------------------------------------

    def _run(self, line: str, terminal: Terminal, act: Act) -> Iterator[Event]:
        before = self.now
        yield from self._act(line, terminal, act)
        if self.now is not None and self.host.alive:
            yield from self._judge(None if line.strip() == "exit" else before)

    def _act(self, line: str, terminal: Terminal, act: Act) -> Iterator[Event]:
        shell = self.shells[self.active]
        read = shell.alive
        before = self.now
        who = self._at_the_keys(before)
        started = time.monotonic()
        result = act(shell, self.host.attend(self.active, terminal))
        self.result = result
        self._trail.ended(result.state, result.status)
        seconds = time.monotonic() - started
        if not self.host.alive:
            yield self._lost()
            return
        if result.state == "closed":
            self.host.reopen(self.active)
            ended = "has ended" if read else "had ended before it could read this line"
            if not self._rebuilding:  # an `exit` that is typed again is no news
                yield Lost(f"The {self.active} shell {ended}.", f"A new one begins in {START}.")
        self.now = self._settled(before)
        self._remember(before, self.now, who)
        self.calls, why = self.host.calls(self.active)
        yield Ended(self.active, line, result.status, seconds)
        if before is not None:
            from workshop.kernel.diff import diff  # not before the first line: a start is felt
            from workshop.kernel.told import sentence

            changes = diff(before, self.now, self._subject(self.active))
            self._trail.changed([sentence(change) for change in changes[:MOST_CHANGES]])
            if len(changes) > MOST_CHANGES:
                self._trail.changed([f"… and {len(changes) - MOST_CHANGES} more"])
            yield Observed(changes, self.calls, why)

    def _at_the_keys(self, then: Snapshot | None) -> Process | None:
        return typed_to(then, self.host.foreground(self.active)) if then is not None else None

    def _look(self) -> Snapshot:
        """A look without a line: what ended since the last one did so by a line before."""
        before, who = self.now, self._at_the_keys(self.now)
        self.now = now = self.host.look()
        self._remember(before, now, who)
        return now

    def _remember(self, before: Snapshot | None, now: Snapshot, who: Process | None) -> None:
        """Who has ended, and who lost a parent: of that the kernel keeps nothing afterwards. `who` was at the
        keys."""
        if before is None or who is None:
            return
        for one in before.processes.values():
            then = now.processes.get(one.pid)
            if then is None or then.key != one.key or then.state in ("Z", "X"):
                self._ends.append(End(one, who))
            elif then.ppid != one.ppid:
                self._adopted.append(one)

    def _settled(self, before: Snapshot | None) -> Snapshot:
        """A look at the host. A line `unshare … sleep &` gives its prompt back before the child has come to
        `sleep`, `echo 1 > cgroup.freeze` before all have stopped, and `kill` before all have ended; such a
        one is waited for, a moment at most."""
        now, looks = self.host.look(), 1
        while looks < SETTLING and before is not None:
            fresh = looks < FRESH and running(now, before)
            if not (fresh or starting(now, before) or freezing(now) or ending(now)):
                break
            time.sleep(0.005)  # nothing tells when another process calls execve(2), short of tracing it
            now, looks = self.host.look(), looks + 1
        return now

    def _play(self, lines: Sequence[str], terminal: Terminal, *, judge: bool = False) -> Iterator[Event]:
        for line in lines:
            command, _, argument = line.partition(" ")
            if command in SWITCHES:
                self.switch(SWITCHES[command])
            elif command == ":answer":
                self._answer = argument.strip()
                self._trail.answered(self.active, self._answer)
                if judge:
                    yield from self.check()
            else:
                yield Typed(self.active, line)
                self._trail.typed(self.active, line)
                run = self._run if judge else self._act
                yield from run(line, terminal, _typing(line, SCRIPT_SECONDS))
                if self.result is not None and self.result.state == "closed" and not self.host.alive:
                    return

    # -- to a step ------------------------------------------------------------------------------------------

    def _arrive(self, step: Step) -> Generator[Event, None, bool]:
        self._rebuilding = True
        try:
            return (yield from self._rebuild(step))
        finally:
            self._rebuilding = False

    def _rebuild(self, step: Step) -> Generator[Event, None, bool]:
        """Bring the host to the beginning of a step; was it made anew for that?

        The steps before it are played by the learner's own lines, as far as these still lead to the goals. If
        a step's own lines do not, nothing is known of the state they leave: all begins anew, and that step is
        played by its model answer. If that one does not work on what the learner's own lines made (it may
        name other folders), the whole way is played by model answers.
        """
        way = [s for s in self.course.lesson_of(step).steps if self._playable(s)]
        at = way.index(step)
        fresh = not self._continues(way, at)
        first = 0 if fresh else self._index(way, self._live) + 1
        refused: dict[str, str] = {}
        while True:
            if fresh:
                yield from self._renew(self.course.lesson_of(step))
            own = [step.id for step in way[first:at] if step.id not in refused and self._own(step)]
            wrong = None
            for number, earlier in enumerate(way[first:at], 1):
                yield Working(f"Rebuilding: {earlier.title}", number / (at - first + 1))
                wrong = yield from self._replay(earlier, earlier.id in own)
                if wrong is not None:
                    break
                if earlier.id not in own:
                    self._by_model[earlier.id] = refused.get(earlier.id, "")
            if wrong is None:
                break
            if earlier.id in own:
                refused[earlier.id] = wrong.found or wrong.expected
            elif own:
                why = f"{earlier.title} cannot be built on what they make; is a pid of the old lab in them?"
                refused |= dict.fromkeys(own, why)
            else:
                raise LabError(
                    f"The step {earlier.id} could not be rebuilt: "
                    f"expected {wrong.expected}, found {wrong.found}",
                    "You are at that step now: do it by hand, or `:reset lesson`.",
                )
            fresh, first = True, 0
        for earlier in way[first:at]:
            yield Rebuilt(earlier, earlier.id in own, refused.get(earlier.id, ""))
        if fresh:
            for shell in self.shells.values():
                if shell.alive:
                    shell.drain()  # "Killed", say: a late word of the rebuilding is not the learner's to read
        self._begin(step, seen=None if fresh or way[first:at] else self.now)
        return fresh

    def _announce(self) -> None:
        self.host.tell(f"{self.lesson.number} {self.lesson.title} · {self.step.title}", self.step.id)

    def _renew(self, lesson: Lesson) -> Iterator[Event]:
        yield Working(f"A fresh lab for lesson {lesson.number}, {lesson.title}")
        self._live = None
        self._by_model = {}
        self.host.renew(lesson.needs)
        self.now = None  # what there was is no measure for this one
        self.switch("host")  # wherever the learner was
        for script in self._fitting(lesson.setup):
            yield from self._play(self.filled(script), Silent())

    def _replay(self, step: Step, own: bool) -> Generator[Event, None, Verdict | None]:
        """Bring the host to the end of a step by the learner's own lines or by its first model answer, and
        judge: a lie is found here. What is missing, if anything is."""
        self._begin(step)
        if own:
            for line in self._own(step):
                yield from self._again(line)
        else:
            solutions = self.solutions(step)
            yield from self._play(solutions[0] if solutions else (), Silent())
        judged = self._judgement()
        if not judged.passed:
            judged = self.judge_now(PATIENCE)
        return None if judged.passed else next(v for v in judged.verdicts if not v.passed)

    def _own(self, step: Step) -> tuple[Line, ...]:
        """The learner's own lines that passed a step, but for those that wanted somebody at the keys."""
        done = self.how(step.id) if self.progress is not None else None
        if done is None:
            return ()
        return tuple(line for at, line in enumerate(done.lines) if at not in done.told.attended)

    def _again(self, typed: Line) -> Iterator[Event]:
        """Type a line of the learner's own once more, where nobody sees it."""
        before, self._rebuilding = self._rebuilding, True
        try:
            yield from self._type_again(*typed)
        finally:
            self._rebuilding = before

    def _type_again(self, shell: ShellName, line: str) -> Iterator[Event]:
        self.switch(shell)
        if line.startswith(ANSWER):
            yield from self._play((line,), Silent())
            return
        yield Typed(shell, line)
        self._trail.typed(shell, line)
        yield from self._act(line, Silent(), _typing(line, OWN_SECONDS))

    def _begin(self, step: Step, seen: Snapshot | None = None) -> None:
        """`seen`: what was looked at a moment ago, with nothing typed since."""
        self.step = step
        self.active = step.shell
        self.now = self._before = seen or self.host.look()
        self.judged = None
        self.result = None
        self._answer = None
        self._ends, self._adopted = [], []
        self._hints = 0
        self._told = False
        self._solution = False
        self._trail = Trail()
        self._live = step.id
        if self.progress is not None and step in self.steps:
            self.progress.at(step.id)

    def _continues(self, way: Sequence[Step], at: int) -> bool:
        """Is the host in a state from which this step is reached by going forward?"""
        live = self._index(way, self._live)
        if live < 0 or live >= at or not self.host.alive:
            return False
        self._look()
        return self._judgement().passed

    @staticmethod
    def _index(way: Sequence[Step], step_id: str | None) -> int:
        return next((i for i, step in enumerate(way) if step.id == step_id), -1)

    def _neighbour(self, by: int) -> Step | None:
        at = self._index(self.steps, self.step.id) + by
        return self.steps[at] if 0 <= at < len(self.steps) else None

    def _judge(self, before: Snapshot | None = None) -> Iterator[Event]:
        """Judge; and say what has gone since `before` of that which the step stands on."""
        last, self.judged = self.judged, self._judgement()
        aimed = self.judged.passed or self._told or self.half_way or _nearer(last, self.judged)
        if before is not None and not aimed:
            assert self.now is not None and self._before is not None
            if gone := taken_away(self._before, before, self.now):
                yield Gone(gone)
        yield self.judged
        if not self.judged.passed:
            return
        self._keep()
        if not self._told:
            self._told = True
            yield Passed(self.step)

    def _keep(self) -> None:
        """The step is passed: remember how. What is typed after that, and leaves it passed, belongs to it as
        well: what comes later may stand on it."""
        assert self.judged is not None
        entries = self._trail.whole
        if self._told and entries == self._kept:
            return
        if not self._told:
            self._helped = self._hints, self._solution
        self._kept = entries
        told = Told(
            changes=tuple(did.changes for did in entries),
            verdicts=tuple(verdict.found or verdict.expected for verdict in self.judged.verdicts),
            solution=self._helped[1],
            rebuilt=tuple(self._by_model),
            attended=tuple(at for at, did in enumerate(entries) if did.attended),
            goal=goal(self.step),
        )
        lines = [(did.shell, did.line) for did in entries]
        self._passed[self.step.id] = Done("", tuple(lines), self._helped[0], told)
        if self.progress is not None:
            self.progress.pass_(self.step.id, lines, self._helped[0], told)
            self._passed.pop(self.step.id)

    def _judgement(self, step: Step | None = None) -> Judged:
        """Judge each process that may be meant. One that passes everything counts, else the likeliest."""
        from workshop import registry  # the checks, not before they are needed

        step = step or self.step
        assert self.now is not None and self._before is not None
        values = self.host.variables
        subjects = dict.fromkeys(self._subject(name) for name in (self.active, step.shell, *SHELLS))
        tried = any(not did.is_answer for did in self._trail.entries)
        first: tuple[Verdict, ...] | None = None
        for pid in subjects:
            view = View(
                self.now, self._before, pid, self._answer, tuple(self._ends), tuple(self._adopted), tried
            )
            verdicts = tuple(
                replace(registry.check(call.name)(view, **fill_params(call.params, values)), check=call.name)
                for call in step.checks
            )
            first = verdicts if first is None else first
            if all(verdict.passed for verdict in verdicts):
                return self._diagnosed(step, verdicts)
        assert first is not None
        return self._diagnosed(step, first)

    def _diagnosed(self, step: Step, verdicts: tuple[Verdict, ...]) -> Judged:
        """What the checks found out comes first; then what was printed."""
        known = self.course.diagnoses
        ids = [verdict.diagnosis for verdict in verdicts if verdict.diagnosis and not verdict.passed]
        printed = self._printed()
        diagnoses = best([*(known[each] for each in ids if each in known), *printed])
        said = {name for each in printed for name in (each.id, *each.unless)}
        return Judged(
            step,
            verdicts,
            tuple(self._written_out(each) for each in diagnoses),
            tuple(each.id for each in diagnoses if each.id in said),
        )

    def _printed(self) -> tuple[Diagnosis, ...]:
        if self.result is None or not self._trail:
            return ()
        output = self.result.output.decode(errors="replace")
        return errors(
            self.course.diagnoses.values(), self._trail.entries[-1].line, output, self.result.status
        )

    def _written_out(self, diagnosis: Diagnosis) -> Diagnosis:
        return replace(diagnosis, cause=self.text(diagnosis.cause), remedy=self.text(diagnosis.remedy))

    def _subject(self, name: ShellName) -> int:
        return subject(self.now, self.host.foreground(name)) if self.now is not None else 0

    def _playable(self, step: Step) -> bool:
        return not why_not(self.course, step, self.machine.capabilities)

    def _fitting(self, scripts: Sequence[Script]) -> tuple[Script, ...]:
        return tuple(script for script in scripts if self.fits(script))

    def _lost(self) -> Lost:
        self._live = None
        return Lost(
            "The lab is gone: its first process has ended.", "`:reset` makes a new one, at this step."
        )


def _nearer(last: Judged | None, now: Judged) -> bool:
    """Is something of the goal met that was not? What went by the same line was then meant to go."""
    was = {verdict.check for verdict in last.verdicts if verdict.passed} if last is not None else None
    return was is not None and any(v.passed and v.check not in was for v in now.verdicts)


def _bare(line: str) -> str:
    """A line of the solution is typed with `sudo` before it as well, and with more blanks."""
    return " ".join(line.split()).removeprefix("sudo ")


def _typing(line: str, seconds: float) -> Act:
    """A line that nobody watches, and for which nobody waits for ever."""
    return lambda shell, lent: shell.run(line, lent, seconds)
