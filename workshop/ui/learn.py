"""The guided shell: prompt, run, tell. A calm transcript in the main screen; the terminal's scrollback keeps
it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from workshop.console import Console
from workshop.errors import LabError, UsageError, WorkshopError
from workshop.events import Event, Judged, Passed, Typed, Working
from workshop.kernel.subject import differs
from workshop.language import tr
from workshop.lesson import ShellName, Step
from workshop.render import lesson, where
from workshop.render import map as course_map
from workshop.render.layout import readable
from workshop.render.theme import counted
from workshop.render.where import Fragments
from workshop.trail import ANSWER
from workshop.ui import commands, keys
from workshop.ui.commands import Control
from workshop.ui.completion import Eyes, ShellCompleter
from workshop.ui.console import console, is_dumb, signs_of
from workshop.ui.narrate import Narrator
from workshop.ui.prompt import Asked, Eof, Interrupted, Left, Line, Pressed, Prompt, open_history
from workshop.ui.terminal import quiet, tidy

if TYPE_CHECKING:
    from workshop.session import Session
    from workshop.shell import State

BACKLOG = 64 * 1024
"""So much of what the other shell printed is kept until it is switched to."""


def learn(session: Session, first: str) -> int:
    """Play `session` with a learner, from the step `first` on; the exit status."""
    from workshop.ui import keymap

    commands.rebind(keymap.load(keymap.file()))
    with quiet(sys.stdin.fileno()):
        return Guide(session, Console()).play(first)


class Guide:
    """One learner at one terminal."""

    def __init__(self, session: Session, terminal: Console) -> None:
        self.session = session
        self.terminal = terminal
        self.console = console()
        self.signs = signs_of()
        self.narrator = Narrator(session, self.console, self.signs)
        self.say = self.narrator.say
        self.prompt = Prompt(
            ghost=self._ghost,
            toolbar=self._toolbar,
            completer=ShellCompleter(
                self._eyes,
                lambda: [step.id for step in session.steps],
                lambda: session.step.choices,
            ),
            history=open_history(),
        )
        self._states: dict[ShellName, State] = {}
        self._backlog: dict[ShellName, bytes] = {}
        self._start = ""
        """What stands in the line when the prompt comes next."""
        self._place = 0
        """The process that had the terminal at the last prompt."""
        self._here = 0
        """The process that the prompt which is shown belongs to."""
        self._over = False

    def play(self, first: str) -> int:
        self.session.watch_calls = True
        self._welcome()
        self._travel(lambda: self.session.enter(first), moved=False)
        for problem in self.session.host.problems:
            self.narrator.trouble(f"This lab goes without something: {problem}", "")
        if left := len(self.session.left_over):
            self.say(
                f"You left this step after {counted(left, 'line')}. ", (":redo", "command"), " types again."
            )
        gc.freeze()
        gc.enable()
        try:
            while not self._over:
                self._turn()
        finally:
            self.session.leave()
        return 0

    # -- a turn -----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        try:
            self._handle(self._ask())
        except WorkshopError as error:
            self.narrator.trouble(error.message, error.hint)
        except KeyboardInterrupt:
            self.narrator.trouble("Interrupted.", "")

    def _ask(self) -> Asked:
        start, self._start = self._start, ""
        watch = {
            shell.fd: (lambda name=name: self._background(name))
            for name, shell in self.session.shells.items()
            if shell.alive
        }
        shell = self.session.shells[self.session.active]
        front, self._here = shell.foreground() if shell.alive else None, self.session.where().pid
        return self.prompt.ask(
            self._message(),
            start=start,
            watch=watch,
            left=lambda: self._state == "prompt" and (not shell.alive or shell.foreground() != front),
        )

    def _handle(self, asked: Asked) -> None:
        match asked:
            case Line(text):
                for line in text.split("\n"):
                    self._line(line)
            case Pressed(control, text):
                self._start = text
                self._control(control)
            case Left(text):
                self._start = text
                for event in self.session.left(self._here):
                    self.narrator.line(event, None, moved=True)
            case Interrupted():
                if self._state == "more":
                    self.session.interrupt()
                    self._states[self.session.active] = "prompt"
            case Eof():
                self._end_of_input()

    def _line(self, line: str) -> None:
        if self._state != "more" and (control := commands.parse(line)) is not None:
            self._control(control)
        elif self._state == "away":
            if line.strip():
                self.say("A program has this shell. Enter alone goes back to it.")
            else:
                self._run(lambda: self.session.resume(self.terminal))
        elif line.strip() or self._state == "more":
            self._run(lambda: self.session.run(line, self.terminal))

    def _run(self, act: Callable[[], Iterable[Event]]) -> None:
        """Let the shell have the terminal until its next prompt, then tell what happened."""
        name, before = self.session.active, self.session.now
        if self._state == "prompt":
            self._place = self.session.where().pid
        events = iter(act())
        event = next(events, None)
        result = self.session.result
        self._states[name] = result.state if result is not None else "prompt"
        if self._states[name] not in ("more", "away"):
            self._states[name] = "prompt"
        if result is not None:
            self.terminal.write(tidy(result.output, result.state == "away"))
        shell = self.session.shells[name]
        within = shell.alive and shell.foreground() != shell.pid
        moved = within and self.session.where().pid != self._place
        while event is not None:
            if not (
                self._states[name] == "more" or (self._states[name] == "away" and isinstance(event, Judged))
            ):
                self.narrator.line(event, before, moved)
            event = next(events, None)

    def _travel(self, act: Callable[[], Iterable[Event]], *, moved: bool = True) -> None:
        """To another step. Errors on the way are told; the learner then is where the session is. `moved`:
        from one, and so perhaps to another shell without a key for it."""
        step, shell = self.session.step, self.session.active
        try:
            for event in act():
                self.narrator.travel(event)
            if moved and self.session.active != shell:
                self.narrator.here()
        except LabError as error:
            self.narrator.trouble(error.message, error.hint)
            if self.session.step is not step:
                self.narrator.entered(self.session.step)
        finally:
            self.narrator.done_working()
        self._states.clear()
        self._start = ""

    def _end_of_input(self) -> None:
        shell = self.session.shells[self.session.active]
        if self._state == "prompt" and shell.foreground() not in (None, shell.pid):
            self._run(lambda: self.session.send_eof(self.terminal))
        elif self._state == "prompt":
            self._over = self.prompt.confirm("This is the outermost shell. End the workshop?")
        else:
            self._run(lambda: self.session.send_eof(self.terminal))

    # -- what the prompt shows --------------------------------------------------------------------------

    @property
    def _state(self) -> State:
        return self._states.get(self.session.active, "prompt")

    def _message(self) -> Callable[[], Fragments]:
        state, here = self._state, self.session.where()
        if state == "more":
            return where.more_prompt
        if state == "away":
            return lambda: where.away_prompt(here.comm, self.signs)
        return lambda: where.prompt(here, self.signs, self.console.width)

    def _ghost(self) -> str | None:
        """The next line of the solution. Within a heredoc or an open quotation only if the solution opened
        it."""
        if self._state == "away" or (self._state == "more" and not self.session.half_way):
            return None
        line = self.session.next_line()
        if line is not None and line.startswith(ANSWER) and not self.session.revealed:
            return ANSWER  # the guess is the learner's
        return line

    def _toolbar(self, width: int) -> Fragments:
        judged = self.session.judged
        found = keys.items(
            passed=judged is not None and judged.passed,
            ghost=self.prompt.ghost_shown,
            away=self._state == "away",
        )
        return keys.toolbar(found, width)

    def _eyes(self) -> Eyes | None:
        pid = self.session.where().pid
        return Eyes(Path(self.session.host.proc), pid) if pid else None

    def _background(self, name: ShellName) -> bytes | None:
        """What a shell printed while nobody typed into it. The other shell's is kept until it is switched
        to."""
        shell = self.session.shells[name]
        data = shell.drain()
        if name == self.session.active:
            return data if data or shell.alive else None
        self._backlog[name] = (self._backlog.get(name, b"") + data)[-BACKLOG:]
        return b"" if shell.alive else None

    # -- control commands -------------------------------------------------------------------------------

    def _control(self, control: Control) -> None:
        act: Callable[[str], None] = getattr(self, f"_do_{control.name}")
        act(control.argument)

    def _do_help(self, _: str) -> None:
        from workshop.render.help import guide

        rows = [(c.name, c.argument, c.keys, tr(c.about)) for c in commands.table()]
        self.say(guide(rows, 0 if self.signs.plain else self.console.width))

    def _do_keys(self, _: str) -> None:
        from workshop.render.help import keys as shown
        from workshop.ui import keymap

        self.say(shown([(c.name, c.keys) for c in commands.table()], str(keymap.file())))

    def _do_next(self, _: str) -> None:
        self._travel(self.session.next)

    def _do_back(self, _: str) -> None:
        self._travel(self.session.back)

    def _do_goto(self, word: str) -> None:
        from workshop.selection import named

        if not word:
            raise UsageError("`:goto` needs a step or a lesson.", "`:map` lists them; Tab completes.")
        lesson = self.session.course.lesson(word)  # before a step of another lesson that is called so
        wanted = (lesson.steps if lesson else self._named_steps(word)) or named(self.session.course, word)
        playable = [step for step in wanted if step in self.session.steps] or wanted
        self._travel(lambda: self.session.enter(playable[0].id))

    def _named_steps(self, slug: str) -> tuple[Step, ...]:
        return tuple(step for step in self.session.steps if step.slug == slug)

    def _do_text(self, _: str) -> None:
        self.narrator.entered(self.session.step)

    def _do_hint(self, _: str) -> None:
        """First what is missing, told by the kernel; then the lesson's hints; then the solution."""
        for event in self.session.check():
            self.narrator.quietly(event)
        judged = self.session.judged
        if judged is not None and judged.passed:
            self.say("Nothing is missing: the goal is met. ", (":next", "command"), " goes on.")
            return
        if judged is not None and self.narrator.missing(judged):
            return
        hint = self.session.hint()
        if hint is not None:
            self.say(lesson.hint(hint, self.signs, self.session.hints_left == 0))
        else:
            self._do_solution("")

    def _do_solution(self, _: str) -> None:
        from workshop.options import explain

        scripts = self.session.reveal()
        self.say(readable(lesson.solutions(scripts, self.signs)))
        explained = explain([line for lines in scripts for line in lines], self.session.course.options)
        if explained:
            self.say(readable(lesson.options(explained)))
        following = self.session.next_line()
        if following is None:
            return
        if is_dumb():
            self._start = self._start or following
        else:
            self.say(
                "Right or Ctrl-E takes the next line into the prompt; nothing runs before you press Enter."
            )

    def _do_check(self, _: str) -> None:
        news = False
        for event in self.session.check():
            self.narrator.checked(event)
            news |= isinstance(event, Passed)
        judged = self.session.judged
        if judged is not None and judged.passed and not news:
            from workshop.render.verdicts import checks

            self.say(readable(checks(judged, self.signs)))

    def _do_answer(self, text: str) -> None:
        choices = {choice.casefold(): choice for choice in self.session.step.choices}
        for event in self.session.answer(choices.get(text.casefold(), text)):
            self.narrator.answered(event)

    def _do_state(self, _: str) -> None:
        for event in self.session.check():
            self.narrator.quietly(event)
        if self.session.now is not None:
            self.say(where.state(self.session.now, self.session.where().pid, self.signs))

    def _do_inside(self, _: str) -> None:
        from workshop.kernel.sides import sides
        from workshop.render.sides import sides as beside

        for event in self.session.check():
            self.narrator.quietly(event)
        now = self.session.now
        pid = self.session.subject()
        process = now.processes.get(pid) if now is not None else None
        if now is None or process is None:
            return
        if not differs(process, now.processes[now.host]):
            self.say("There is no container yet: where you are is the host, so all is the same.")
        self.say(beside(sides(now, pid), f"{process.comm} ({pid})", self.signs))

    def _do_calls(self, word: str) -> None:
        """Show or hide; `off` lets go of the shells too, for a learner with an strace of their own."""
        narrator = self.narrator
        if word not in ("", "on", "off"):
            raise UsageError(f"`:calls {word}` is not known.", "`:calls`, `:calls on` or `:calls off`.")
        narrator.calls_shown = word == "on" or (not word and not narrator.calls_shown)
        self.session.watch_calls = word != "off"
        if word == "off":
            self.say("System calls are not watched any more; `:calls` watches again.")
        elif narrator.calls_shown:
            from workshop.render.calls import calls

            if self.session.calls is not None:
                self.say(calls(self.session.calls, "", self.signs))
            self.say("System calls are shown after each line from now on. `:calls` hides them.")
        else:
            self.say("System calls are hidden.")

    def _do_map(self, word: str) -> None:
        from workshop.selection import why_not

        if word not in ("", "all"):
            raise UsageError(
                f"`:map {word}` is not known.", "`:map`, or `:map all` with the steps of all lessons."
            )

        session = self.session
        ids = {step.id for step in session.steps}
        lessons = [
            (each, each.steps) for each in session.course.lessons if any(s.id in ids for s in each.steps)
        ]
        self.say(
            course_map.course(
                lessons or [(each, each.steps) for each in session.course.lessons],
                session.step,
                session.done,
                lambda _, step: why_not(session.course, step, session.machine.capabilities),
                self.signs,
                course_map.Standing(session.how, session.track),
                whole=word == "all",
            )
        )

    def _do_recap(self, _: str) -> None:
        from workshop.render.recap import recap

        session = self.session
        here = [step for step in session.lesson.steps if step in session.steps]
        self.say(readable(recap(session.lesson, session.how, self.signs, here)))

    def _do_keep(self, words: str) -> None:
        from workshop.carried import read
        from workshop.progress import place
        from workshop.written import write

        name, _, to = words.partition(" ")
        host = self.session.now.host if self.session.now is not None else 1
        content = read(self.session.host.proc, host, name or "mydocker.sh")
        path = Path(to.strip() or Path(name or "mydocker.sh").name).expanduser()
        write(path, content, owner=place(os.environ)[1], mode=0o755 if content.startswith(b"#!") else 0o644)
        self.say(f"Kept as {path.absolute()}: it stays when the lab goes.")

    def _do_shell(self, _: str) -> None:
        self._switch("container" if self.session.active == "host" else "host")

    def _do_host(self, _: str) -> None:
        self._switch("host")

    def _do_container(self, _: str) -> None:
        self._switch("container")

    def _switch(self, name: ShellName) -> None:
        self.session.switch(name)
        self.narrator.here()
        waiting = self._backlog.pop(name, b"")
        if waiting:
            self.terminal.write(waiting if waiting.endswith(b"\n") else waiting + b"\r\n")

    def _do_undo(self, scope: str) -> None:
        if scope in ("step", "lesson"):
            self._do_reset(scope)
            return
        if scope not in ("", "line"):
            raise UsageError(f"`:undo {scope}`: take back what?", "`:undo`, `:undo step` or `:undo lesson`.")
        if self._state == "more":
            self.session.interrupt()
            self._states[self.session.active] = "prompt"
            self.say("The unfinished line is given up; nothing was run.")
            return
        if not self.session.trail:
            raise UsageError(
                "Nothing was typed in this step yet.",
                "`:back` goes back a step, `:reset lesson` begins anew.",
            )
        from workshop.render.undo import plan

        self.say(readable(plan(self.session.trail, self.signs)))
        if not self.prompt.confirm("Take it back?"):
            self.say("Nothing was changed.")
            return
        start = self._start
        self._travel(self.session.undo)
        self._start = start

    def _do_redo(self, _: str) -> None:
        lines = self.session.left_over
        if not lines:
            raise UsageError("Nothing is left over from the last time in this step.", "Up brings back lines.")
        self.say("These lines are typed again, one after the other:")
        for _shell, line in lines:
            self.say(Text(f"  $ {line.partition(chr(10))[0]}", style="command", overflow="fold"))
        if not self.prompt.confirm("Go ahead?"):
            self.say("Nothing was changed.")
            return
        try:
            for event in self.session.redo():
                if isinstance(event, Working | Typed):
                    self.narrator.travel(event)
                else:
                    self.narrator.done_working()
                    self.narrator.quietly(event)
        finally:
            self.narrator.done_working()

    def _do_reset(self, scope: str) -> None:
        scope = scope or "step"
        if scope not in ("step", "lesson"):
            raise UsageError(f"`:reset {scope}`: reset what?", "`:reset step` or `:reset lesson`.")
        steps = self.session.lesson.steps
        earlier = steps[: steps.index(self.session.step)] if scope == "step" else ()
        self.say("This makes a new lab: what you typed and built in this one is gone; your progress stays.")
        if earlier:
            self.say("Then these steps are done again for you:")
            for step in earlier:
                self.say(Text(f"  {self.signs.bullet} {step.title}", overflow="fold"))
        if self.prompt.confirm("Go ahead?"):
            self._travel(lambda: self.session.reset("step" if scope == "step" else "lesson"))
        else:
            self.say("Nothing was changed.")

    def _do_quit(self, _: str) -> None:
        self.say("The lab and all that was built in it go; your progress is kept.")
        self._over = True

    def _welcome(self) -> None:
        self.say(
            "Every line you type really runs, on a host of your own that goes when you leave. ",
            (commands.key_of("help"), "key"),
            " or ",
            (":help", "command"),
            " lists the keys.",
        )
