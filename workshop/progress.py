"""What a learner has reached: one small JSON file, `$XDG_STATE_HOME/container-workshop/progress.json`.

It is keyed by step id, so that lessons can be reordered and reworded. It is replaced as a whole (fsync(2),
then rename(2)) under a lock on its folder, so that neither a crash nor a second workshop loses anything.
Under sudo it is the invoking user's. Progress is a comfort: when it cannot be kept, that is said, and the
course goes on.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from workshop.errors import UsageError
from workshop.lesson import Course, Step
from workshop.passed import FORMAT, LARGEST, Done, Line, State, Told, dump, goal, merged, parse, renamed

__all__ = ["FORMAT", "LARGEST", "Done", "Line", "Progress", "Told", "digest", "place"]

Owner = tuple[int, int]
NOTHING = Told()
_HALF = ".progress-"
"""How the name of a file begins that is being written."""


class Progress:
    """The file, read and kept. `messages` are what a learner should be told about it."""

    def __init__(
        self,
        path: Path,
        *,
        owner: Owner | None = None,
        course: str = "",
        clock: Callable[[], datetime] | None = None,
        steps: Sequence[Step] = (),
    ) -> None:
        self.path = path
        self.messages: list[str] = []
        self.lost = ""
        """Why the last change could not be kept, if so."""
        self._owner = owner
        self._course = course
        self._clock = clock or (lambda: datetime.now(UTC))
        self._known = {step.id: step for step in steps}
        self._state = self._followed(self._read())

    @classmethod
    def open(cls, course: Course, environ: Mapping[str, str] = os.environ) -> Progress:
        """The progress of the user who started the program."""
        path, owner = place(environ)
        steps = [step for lesson in course.lessons for step in lesson.steps]
        return cls(path, owner=owner, course=digest(course), steps=steps)

    @property
    def steps(self) -> Mapping[str, Done]:
        return self._state.steps

    @property
    def position(self) -> str | None:
        """The id of the step the learner was at last."""
        return self._state.last

    @property
    def course_changed(self) -> bool:
        """Was the file written with another course than this one?"""
        return bool(self._state.course and self._course and self._state.course != self._course)

    def passed(self, step_id: str) -> bool:
        return step_id in self._state.steps

    def at(self, step_id: str) -> None:
        """The learner is at this step now."""

        def change(state: State) -> State:
            typed = state.typed if state.last == step_id else ()
            return replace(state, last=step_id, course=self._course or state.course, typed=typed)

        self._change(change)

    @property
    def typed(self) -> tuple[Line, ...]:
        """What was typed at that step before the learner left it unfinished."""
        return self._state.typed

    def left(self, step_id: str, lines: Sequence[Line]) -> None:
        """The learner leaves, and had typed these lines at this step."""
        self._change(lambda state: replace(state, typed=tuple(lines)) if state.last == step_id else state)

    def changed(self, step: Step) -> bool:
        """Was the step passed when it had another goal?"""
        done = self._state.steps.get(step.id)
        return done is not None and bool(done.told.goal) and done.told.goal != goal(step)

    def pass_(self, step_id: str, lines: Sequence[Line], hints: int = 0, told: Told = NOTHING) -> None:
        """The step is passed, by these lines. The first time counts; the lines are those of the last time."""
        when = self._clock().astimezone(UTC).isoformat(timespec="seconds")

        def change(state: State) -> State:
            before = state.steps.get(step_id)
            done = Done(before.when if before else when, tuple(lines), hints, told)
            return replace(state, steps={**state.steps, step_id: done})

        self._change(change)

    def export(self) -> bytes:
        """All of it, for another machine."""
        return dump(self._state)

    def take(self, content: bytes) -> tuple[int, int]:
        """Add what another machine's file has to ours: how many steps were new, and how many it has.
        UsageError says why a file is none; then nothing was changed."""
        try:
            if len(content) > LARGEST:
                raise ValueError("it is too large")
            theirs = parse(content)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"That is no progress to import: {error}. Nothing was changed.",
                "`workshop progress export FILE` writes one.",
            ) from error
        new = len(theirs.steps.keys() - self._state.steps.keys())
        self._change(lambda state: self._followed(merged(state, theirs)))
        return new, len(theirs.steps)

    def _followed(self, state: State) -> State:
        """A step that another version of the course calls by another name was passed under that name too. The
        old name is kept: the next version may know it again."""
        names = renamed(state.steps, self._known) if self._known else {}
        for old, new in names.items():
            state = replace(state, steps={**state.steps, new: state.steps[old]})
        last = names.get(state.last or "")
        return replace(state, last=last) if last is not None and state.last not in self._known else state

    def _change(self, change: Callable[[State], State]) -> None:
        """Apply a change to what the file holds now, which may be more than we have read."""
        self._state = change(self._state)
        try:
            with self._locked():
                on_disk = self._read(locked=True)
                both = replace(on_disk, steps={**self._state.steps, **on_disk.steps})
                self._state = change(both)
                _sweep(self.path.parent)
                _write(self.path, dump(self._state), self._owner)
        except OSError as error:
            self.lost = error.strerror or str(error)
            self._say(f"Your progress cannot be kept in {self.path}: {error.strerror}. The course goes on.")

    def _say(self, message: str) -> None:
        if message not in self.messages:
            self.messages.append(message)

    def _read(self, *, locked: bool = False) -> State:
        """What is in the file. A file that cannot be used is set aside under another name, never deleted."""
        try:
            return parse(_content(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return State()
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
        try:
            if locked:
                aside = _set_aside(self.path)
            else:
                with self._locked():
                    aside = _set_aside(self.path)
        except OSError as error:
            self._say(f"Your progress in {self.path} cannot be used: {why}; nor moved: {error.strerror}.")
        else:
            kept = f"It is kept as {aside}; the course starts anew."
            self._say(f"Your progress could not be used: {why}. {kept}")
        return State()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The folder is the lock: a file of its own would be left over."""
        make_folder(self.path.parent, self._owner)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def digest(course: Course) -> str:
    """The goals of a course as one short text: it changes when a goal does, not when a wording does."""
    goals = [
        (step.id, [(call.name, sorted(call.params.items())) for call in step.checks])
        for lesson in course.lessons
        for step in lesson.steps
    ]
    return sha256(repr(goals).encode()).hexdigest()[:16]


def place(environ: Mapping[str, str], *, root: bool | None = None) -> tuple[Path, Owner | None]:
    """Where the file is, and whose it is if not the running user's: under sudo, the one's who called it."""
    user = _sudo_user(environ) if (os.geteuid() == 0 if root is None else root) else None
    owner = (user.pw_uid, user.pw_gid) if user is not None else None
    return state_home(environ, user) / "container-workshop" / "progress.json", owner


def state_home(environ: Mapping[str, str], user: pwd.struct_passwd | None = None) -> Path:
    """`$XDG_STATE_HOME`, of this user or of another one."""
    state = environ.get("XDG_STATE_HOME", "")
    # The XDG Base Directory Specification: a relative path is invalid and to be ignored.
    if state.startswith("/"):
        return Path(state)
    home = user.pw_dir if user is not None else environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
    return Path(home) / ".local" / "state"


def owner_of(environ: Mapping[str, str]) -> Owner:
    """Whose program this is: the running user's, or under sudo the one's who called it."""
    user = _sudo_user(environ) if os.geteuid() == 0 else None
    return (user.pw_uid, user.pw_gid) if user is not None else (os.geteuid(), os.getegid())


def _sudo_user(environ: Mapping[str, str]) -> pwd.struct_passwd | None:
    """sudo(8) names the invoking user in SUDO_UID."""
    uid = environ.get("SUDO_UID", "")
    if not (uid.isascii() and uid.isdigit() and int(uid)):
        return None
    try:
        return pwd.getpwuid(int(uid))
    except (KeyError, OverflowError):
        return None


def _content(path: Path) -> bytes:
    # Not blocking: a FIFO of that name must not hang the start.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no file")
        if status.st_size > LARGEST:
            raise ValueError("it is too large")
        return file.read(LARGEST)


def _sweep(folder: Path) -> None:
    """What a killed program, or a power cut, left half written. Nobody else writes under the lock."""
    for path in folder.glob(f"{_HALF}*"):
        with suppress(OSError):
            path.unlink()


def _write(path: Path, content: bytes, owner: Owner | None) -> None:
    """All or nothing: a new file, synced, takes the place of the old one, and the folder is synced."""
    handle, name = tempfile.mkstemp(prefix=_HALF, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(handle, *owner)
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _set_aside(path: Path) -> Path:
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.broken-{number}")):
        number += 1
    return path.rename(aside)


def make_folder(folder: Path, owner: Owner | None) -> None:
    """Make what is missing of the way; what is made belongs to the owner too."""
    for part in (*reversed(folder.parents), folder):
        try:
            part.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError:
            # On the way there may be folders that nobody can make, but that are there.
            if part.is_dir():
                continue
            raise
        if owner is not None:
            os.chown(part, *owner, follow_symlinks=False)
