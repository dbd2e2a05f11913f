"""A performance: a session, the plan of the talk and a clock. Takes lines and commands, gives scenes.

It knows no screen. A line or a command is done when the call returns; what happens meanwhile is seen in the
scenes. Whoever calls from several threads lets one after the other do so; only `blank`, `theme` and `pause`
may come at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from workshop.conditions import lacking
from workshop.errors import MachineError, UsageError, WorkshopError
from workshop.events import Ended, Entered, Event, Lost, Observed, Typed, Working
from workshop.lesson import SWITCHES, Step, Track
from workshop.session import PATIENCE, Session
from workshop.shell import Silent
from workshop.stage import pace, words
from workshop.stage.board import Board
from workshop.stage.lent import Heard, Stage, Takes, Unwatched
from workshop.stage.scene import AT_PROMPT, COMMANDS, FREE, Found, Mode, Ran, Scene, Standing
from workshop.stage.script import Script

FRAME = 0.05
"""Seconds between two scenes of an output that comes in many pieces."""
ANYTIME = ("blank", "theme", "pause")
"""Commands that do not touch the shells, and so can be given while a line runs."""


class Performance:
    def __init__(
        self,
        session: Session,
        track: Track,
        *,
        now: Callable[[], float] = time.time,
        stage: Stage | None = None,
        takes: Takes = lambda step: None,
        sleep: Callable[[float], bool] | None = None,
        typing: bool = False,
        theme: str = "dark",
    ) -> None:
        """`sleep` waits so many seconds and says whether somebody is in a hurry."""
        self.session = session
        self.track = track
        self._stage = stage or Unwatched()
        self._takes = takes
        self._sleep = sleep or _sleep
        self._typing = typing
        self._script = Script(session)
        self._waiting = False
        """A program was left with the guide's key, and has the shell."""
        playable = [s.id for s in session.steps if not self._lacking(s)]
        self._stops = pace.plan(session.course, track, playable)
        if not self._stops:
            raise MachineError(f"This machine can play no step of {track.id}.", "`workshop doctor` says why.")
        self._at = self._step(self._stops[0].id)
        """Where the talk is; where the session is too, unless a state could not be rebuilt."""
        self._board = Board(self._first_scene("light" if theme == "light" else "dark"), now)

    @property
    def scene(self) -> Scene:
        return self._board.scene

    def subscribe(self, callback: Callable[[Scene], None]) -> Callable[[], None]:
        """Call back with the scene of now, and with each that follows; the result ends that."""
        return self._board.subscribe(callback)

    # -- what front ends send ----------------------------------------------------------------------------

    def begin(self, step_id: str = "") -> None:
        """Make the state of the first step (or of another one) before anybody looks."""
        self._go(self._step(step_id) if step_id else self._at)

    def command(self, name: str, argument: str = "") -> None:
        """One of `scene.COMMANDS`. Harmless where it does not fit: the scene then says why."""
        if name not in COMMANDS:
            self._say(f"There is no command {name!r}.")
            return
        if name not in ANYTIME:
            if self.scene.mode not in FREE:
                self._say("Not now: the stage is busy.")
                return
            if self.scene.message:
                self._show(message="")
        try:
            act: Callable[[str], None] = getattr(self, f"_do_{name}")
            act(argument)
        except WorkshopError as error:
            self._trouble(error)

    def line(self, text: str) -> None:
        """Enter was pressed on this text."""
        if self.scene.mode == "away":
            self._back_into_program(text)
        elif self.scene.mode not in AT_PROMPT:
            self._say("Not now: the stage is busy.")
        elif not text.strip() and not self._unfinished:
            self._say(self._nothing_to_run())
        else:
            self._board.start_clock()
            try:
                self._run(text)
            except WorkshopError as error:
                self._trouble(error)

    def cancel(self) -> None:
        """Ctrl-C: an unfinished line is given up."""
        if self._unfinished:
            self.session.shells[self.session.active].interrupt()
            self.session.result = None
        self._show_prompt()

    # -- commands ----------------------------------------------------------------------------------------

    def _do_next(self, _: str) -> None:
        """What a clicker's key does: put the line there, run it, go on."""
        scene = self.scene
        if scene.mode == "over":
            self._say("The talk has ended. Back goes to its last step.")
        elif scene.mode == "away":
            self._say("A program has the shell: Enter goes back to it.")
        elif scene.next_line and scene.typed != scene.next_line:
            self._board.start_clock()
            self._type_out(scene.next_line)
        elif scene.next_line:
            self.line(scene.next_line)
        elif scene.mode == "passed":
            self._board.start_clock()
            self._leave("done")
        else:
            self._say("The step's goal is not met: heal, retry or skip.")

    def _do_run(self, _: str) -> None:
        if self.scene.next_line:
            self.line(self.scene.next_line)
        else:
            self._say(self._nothing_to_run())

    def _do_back(self, _: str) -> None:
        if self.scene.mode == "over":
            self._go(self._at)
            return
        at = self._index
        if at == 0:
            self._say("This is the first step.")
        else:
            self.session.forget()
            self._go(self._step(self._stops[at - 1].id))

    def _do_skip(self, _: str) -> None:
        if self.scene.mode == "over":
            self._say("The talk has ended.")
        else:
            self._leave("done" if self.scene.mode == "passed" else "skipped")

    def _do_jump(self, step_id: str) -> None:
        wanted = next((stop for stop in self._stops if stop.id == step_id), None)
        if wanted is None and step_id.isdigit() and 0 < int(step_id) <= len(self._stops):
            wanted = self._stops[int(step_id) - 1]
        if wanted is None:
            self._say(f"This talk has no step {step_id!r}.")
            return
        self._go(self._step(wanted.id))

    def _do_retry(self, _: str) -> None:
        self.session.forget()
        self._go(self._at)

    def _do_panic(self, _: str) -> None:
        """Everything anew, at the same step, whatever has happened."""
        self._waiting = False
        self.session.forget()
        self._go(self._at)
        if self.scene.mode == "ready":
            self._say("Everything was reset; this is the beginning of the step.")

    def _do_heal(self, _: str) -> None:
        self.session.forget()
        if self._go(self._at):
            self._play_answer()

    def _do_replay(self, _: str) -> None:
        take = self._takes(self._at.id)
        if take is None:
            self._say("There is no recording of this step: `workshop present --rehearse` makes them.")
            return
        before = self.scene.ran
        shown, total = "", len(take.pieces)
        for number, (wait, piece) in enumerate(take.pieces):
            if self._sleep(wait):
                shown, total = "".join(text for _, text in take.pieces), number
            else:
                shown += piece
            recorded = Ran(self._at.shell, f"(recorded {take.when})", words.plain(shown.encode()), None)
            self._show(mode="replay", ran=(*before, recorded), changes=(), found=(), share=number / total)
            if number == total:
                break
        self._do_heal("")

    def _do_pause(self, _: str) -> None:
        self._board.pause()

    def _do_blank(self, wanted: str) -> None:
        self._show(blank={"on": True, "off": False}.get(wanted, not self.scene.blank))

    def _do_theme(self, wanted: str) -> None:
        other = "light" if self.scene.theme == "dark" else "dark"
        self._show(theme=wanted if wanted in ("light", "dark") else other)

    # -- a line ------------------------------------------------------------------------------------------

    def _run(self, text: str) -> None:
        line = text.strip()
        command, _, argument = line.partition(" ")
        own = self._script.has(line)
        was_passed = self.scene.mode == "passed"
        if not self._unfinished and command in SWITCHES:
            self.session.switch("container" if command == ":container" else "host")
            self._show_prompt(mode=self.scene.mode)
            return
        self._show(mode="running", typed="", message="", changes=(), found=())
        if not self._unfinished and command == ":answer":
            self._follow(self.session.answer(argument), line, not own)
        elif not self._unfinished and _is_control(command):
            self._show_prompt(mode="passed" if was_passed else "ready")
            self._say(f"{command} is not for the stage: `:host`, `:container` and `:answer` are.")
            return
        else:
            heard = Heard(self._stage, self._hears(line, not own))
            try:
                self._follow(self.session.run(text, heard), line, not own)
            finally:
                heard.end()
        if own:
            self._script.done(line)
        self._after(own, was_passed)

    def _back_into_program(self, text: str) -> None:
        if text.strip():
            self._say("A program has the shell: Enter alone goes back to it.")
            return
        last = self.scene.ran[-1] if self.scene.ran else Ran(self.session.active, "", "", None, True)
        self._show(mode="running", message="", ran=self.scene.ran[:-1])
        heard = Heard(self._stage, self._hears(last.line, last.free))
        try:
            self._follow(self.session.resume(heard), last.line, last.free)
        finally:
            heard.end()
        self._after(not last.free, False)

    def _hears(self, line: str, free: bool) -> Callable[[bytes, bool], None]:
        """Show what a running line has printed so far; not more often than it can be read."""
        before, shell, last = self.scene.ran, self.session.active, [0.0]

        def hear(output: bytes, whole: bool) -> None:
            if whole or time.monotonic() - last[0] > FRAME:
                last[0] = time.monotonic()
                ran = Ran(shell, line, "" if whole else words.plain(output), None, free)
                self._show(mode="away" if whole else "running", ran=(*before, ran))

        self._show(ran=(*before, Ran(shell, line, "", None, free)))
        return hear

    def _follow(self, events: Iterable[Event], line: str, free: bool) -> None:
        """From the events of one line to what is seen of it."""
        before = self.scene.ran
        if before and before[-1].line == line and before[-1].status is None:
            before = before[:-1]
        status: int | None = None
        changes: tuple[str, ...] = ()
        lost = ""
        self.session.result = None
        for event in events:
            match event:
                case Ended():
                    status = event.status
                case Observed():
                    changes = words.sentences(event.changes, self._at.watch)
                case Lost():
                    lost = f"{event.what} {event.remedy}"
        result = self.session.result
        output = b"" if result is None else result.output
        whole = words.wants_screen(words.cleared(output))
        text = "" if whole else words.plain(words.cleared(output))
        ran = () if not whole and words.cleared(output) != output else before
        self._show(
            ran=(*ran, Ran(self.session.active, line, text, status, free)), changes=changes, message=lost
        )

    def _after(self, own: bool, was_passed: bool) -> None:
        """The line has ended: what stands in the prompt now, and is the goal met?"""
        result = self.session.result
        state = result.state if result is not None else "prompt"
        self._waiting = state == "away"
        if state == "away":
            self._show_prompt(mode="away", message="A program has the shell: Enter goes back to it.")
            return
        if state == "more":
            self._show_prompt(mode="ready")
            return
        judged = self.session.judged
        over = not self._script.left()
        if own and over and not (judged and judged.passed) and self.session.host.alive:
            self._check()
            judged = self.session.judged
        passed = judged is not None and judged.passed
        if passed:
            self._script.holds(self._at)
        here = self.session.host.alive and self.session.step is self._at
        broken = self._script.broken() if here and not own else ""
        message = self.scene.message
        mode: Mode = "ready"
        if not self.session.host.alive or broken:
            mode, message = "missed", message or broken
        elif passed:
            mode = "passed"
        elif own and over:
            mode, message = "missed", words.miss(judged)
        elif own:
            status = self.scene.ran[-1].status if self.scene.ran else 0
            message = f"The line ended with status {status}." if status else message
        elif not own:
            message = self._script.elsewhere()
        if own:
            self._script.is_here()
        shown: tuple[Found, ...] = words.found(judged) if mode in ("passed", "missed") else ()
        self._show_prompt(mode=mode, found=shown, message=message)

    def _check(self) -> None:
        """The last line may take a moment to come true."""
        for _ in self.session.check(PATIENCE):
            pass

    # -- going about -------------------------------------------------------------------------------------

    def _go(self, step: Step) -> bool:
        """Make the state of a step's beginning; False where it could not be made."""
        self._board.count()
        self._at, self._waiting = step, False
        self._script.forget()
        self._show(
            mode="working", step=step.id, title=step.title, shell=step.shell, key=self._fill(step.key),
            text=self._fill(step.text), notes=tuple(map(self._fill, step.notes)), ask=step.ask or "",
            next_line="", typed="", lines=(), ran=(), changes=(), found=(), message="", share=-1.0,
            step_started=self._board.step_begins(),
        )  # fmt: skip
        try:
            for event in self.session.enter(step.id):
                match event:
                    case Working():
                        share = -1.0 if event.share is None else event.share
                        self._show(message=event.what, share=share)
                    case Typed():
                        self._show(message=f"$ {event.line}")
                    case Entered():
                        self._settle(event.step)
        except WorkshopError as error:
            self._trouble(error)
            return False
        return True

    def _settle(self, step: Step) -> None:
        """At the beginning of a step, its state ready."""
        lines = self._script.begin(step, lambda earlier: not self._lacking(earlier))
        self._board.stands(step.id, "todo")
        self._show_prompt(
            mode="ready",
            lines=lines,
            key=self._fill(step.key), text=self._fill(step.text), notes=tuple(map(self._fill, step.notes)),
            message="", share=-1.0,
        )  # fmt: skip

    def _leave(self, standing: Standing) -> None:
        """On to the next step of the talk."""
        self._board.stands(self._at.id, standing)
        at = self._index
        if at + 1 < len(self._stops):
            self._go(self._step(self._stops[at + 1].id))
        else:
            self._board.count()
            self._show(mode="over", next_line="", typed="", message="That was the last step.")

    def _play_answer(self) -> None:
        """The step's own lines, typed by the program."""
        self._show(mode="working", message="Rebuilding: this step", share=-1.0)
        for line in self._script.take_all():
            heard = Silent(self._stage.size())
            if line.strip().partition(" ")[0] in SWITCHES:
                for _ in self.session.play([line], heard):
                    pass
                continue
            self._show(message=f"$ {line}")
            self._follow(self.session.play([line], heard), line, False)
            self._show(mode="working")
        judged = self.session.judged
        if judged is None or not judged.passed:
            self._check()
            judged = self.session.judged
        passed = judged is not None and judged.passed
        if passed:
            self._script.holds(self._at)
        self._script.is_here()
        message = "The state was rebuilt by the model answer." if passed else words.miss(judged)
        self._show_prompt(
            mode="passed" if passed else "missed", found=words.found(judged), message=message, share=-1.0
        )

    def _type_out(self, line: str) -> None:
        """What is typed is what runs, and nothing else."""
        if self._typing:
            for at, wait in enumerate(pace.keystroke_delays(line)):
                if self._sleep(wait):
                    break
                self._show(mode="typing", typed=line[: at + 1])
        mode: Mode = "passed" if self._passed else "ready"
        self._show(mode=mode, typed=line)

    # -- small things ------------------------------------------------------------------------------------

    @property
    def _passed(self) -> bool:
        judged = self.session.judged
        return self.session.step is self._at and judged is not None and judged.passed

    @property
    def _unfinished(self) -> bool:
        """The shell waits for the rest of a line: a quotation or a heredoc is open."""
        result = self.session.result
        return result is not None and result.state == "more"

    @property
    def _index(self) -> int:
        return next(at for at, stop in enumerate(self._stops) if stop.id == self._at.id)

    def _nothing_to_run(self) -> str:
        if self.scene.mode == "passed":
            return "All of the step has run: Next goes on."
        return "The step has no more lines: heal, retry or skip." if not self.scene.next_line else ""

    def _fill(self, text: str) -> str:
        return self.session.text(text)

    def _step(self, step_id: str) -> Step:
        step = self.session.course.step(step_id)
        if step is None or all(stop.id != step_id for stop in self._stops):
            raise UsageError(f"This talk has no step {step_id!r} here.", "`workshop lessons` lists them.")
        return step

    def _lacking(self, step: Step) -> Sequence[str]:
        wanted = (*self.session.course.lesson_of(step).requires, *step.when)
        return lacking(wanted, self.session.machine.capabilities)

    def _trouble(self, error: WorkshopError) -> None:
        if self.session.step is not self._at:
            self._script.forget()
        mode: Mode = "passed" if self._passed else "missed"
        self._show_prompt(mode=mode, message=f"{error.message} {error.hint}".strip(), share=-1.0)

    def _say(self, message: str) -> None:
        self._show(message=message)

    def _show_prompt(self, **changed: object) -> None:
        """A scene in which the shell is at its prompt."""
        here = self.session.where() if self.session.now is not None else None
        rest = self._script.left()
        place: dict[str, object] = {}
        if here is not None:
            inside = bool(here.differs) or here.root != "/"
            kinds = " ".join(here.differs) or "own root"
            place = {
                "where": f"container: {kinds}" if inside else "host",
                "cwd": here.cwd,
                "user": ">" if self._unfinished else here.user,
                "shell": here.shell,
            }
        self._show(**{**place, "next_line": rest[0] if rest else "", "typed": "", **changed})

    def _show(self, **changed: object) -> None:
        """The next scene, to all who want to see it."""
        self._board.show(**changed)

    def _first_scene(self, theme: str) -> Scene:
        step = self._at
        return Scene(
            number=0, talk=self.track.title, step=step.id, title=step.title, key="", text="",
            shell=step.shell, where="host", mode="working", next_line="", lines=(),
            stops=self._stops, minutes=sum(stop.minutes for stop in self._stops),
            theme="light" if theme == "light" else "dark",
        )  # fmt: skip


def _is_control(command: str) -> bool:
    return len(command) > 1 and command[0] == ":" and (command[1].isalpha() or command[1] == "?")


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
