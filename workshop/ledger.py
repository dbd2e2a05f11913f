"""What the workshop made and the kernel does not take back by itself: written down before it is made.

Every running lab has a folder `HOME/ID` with a `ledger.json`, HOME being `/run/container-workshop` (for an
ordinary account below XDG_RUNTIME_DIR, or else in the XDG state folder). The program holds a flock(2) on
that folder while it lives, so a ledger whose lock is free belongs to a program that has died:
`Ledger.sweep` removes what it names.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from workshop.errors import LabError
from workshop.frozen import frozen

NAME = "container-workshop"
RUN = Path("/run")
_FILE = "ledger.json"
_BROKEN = ".broken"
STAGE = ".stage"
"""The door of a performance stands beside the ledgers (`workshop.stage.remote`)."""


@frozen
class Entry:
    """One thing: its kind (a name in `removal.REMOVERS`), its name, and what proves that it is ours."""

    kind: str
    name: str
    proof: Mapping[str, str] = field(default_factory=dict)


Remover = Callable[[Entry], str]
"""Removes what an entry names; idempotent. Returns why it could not, or an empty string."""


@frozen
class Swept:
    """What became of a dead program's ledger: what was removed, and what could not be, with the reason."""

    id: str
    removed: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()


def home() -> Path:
    """Where the ledgers are. /run forgets them at a reboot, just as the kernel forgets what they name."""
    for run in (RUN, Path(os.environ.get("XDG_RUNTIME_DIR") or RUN)):
        if os.access(run, os.W_OK):
            return run / NAME
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / NAME / "run"


class Ledger:
    """The open ledger of this program's lab: `with Ledger.open() as ledger`, or closed by hand."""

    def __init__(self, folder: Path, lock: int, removers: Mapping[str, Remover]) -> None:
        self.folder = folder
        self.id = folder.name
        self.entries: tuple[Entry, ...] = ()
        self._lock = lock
        self._removers = removers

    @classmethod
    def open(cls, where: Path | None = None, removers: Mapping[str, Remover] | None = None) -> Ledger:
        """A new ledger with an id of its own, locked."""
        where = where or home()
        try:
            with _locked(where) as top:
                if top is None:
                    raise LabError(f"{where} is being cleaned by another program.", "Try again in a moment.")
                folder = where / os.urandom(6).hex()
                folder.mkdir(mode=0o700)
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(lock, fcntl.LOCK_EX)
                ledger = cls(folder, lock, _removers(removers))
                ledger._write()
                return ledger
        except OSError as error:
            raise LabError(
                f"The ledger cannot be written: {error.strerror}: {error.filename or where}",
                "It notes what has to be removed again, so nothing is made without it. Is the disk full?",
            ) from error

    def add(self, entry: Entry) -> Entry:
        """Write an entry down; call it before the thing is made."""
        if entry not in self.entries:
            self.entries = (*self.entries, entry)
            self._write()
        return entry

    def drop(self, *entries: Entry) -> None:
        """Forget entries whose things are gone."""
        self.entries = tuple(entry for entry in self.entries if entry not in entries)
        self._write()

    def remove(self, *kinds: str) -> tuple[str, ...]:
        """Remove what stands in the ledger (of these kinds, or all of it); the problems met."""
        chosen = [e for e in self.entries if not kinds or e.kind in kinds]
        removed, problems = _remove(chosen, self._removers)
        if removed:
            self.drop(*removed)
        return problems

    def close(self) -> tuple[str, ...]:
        """Remove everything, and the ledger itself if nothing is left in it; unlock."""
        if self._lock < 0:
            return ()
        problems = self.remove()
        with _locked(self.folder.parent):
            if not problems:
                _discard(self.folder)
            os.close(self._lock)
            self._lock = -1
        _tidy(self.folder.parent)
        return problems

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self) -> None:
        try:
            replace(self.folder / _FILE, json.dumps([_plain(entry) for entry in self.entries], indent=1))
        except OSError as error:
            raise LabError(
                f"The ledger cannot be written: {error.strerror}: {self.folder}",
                "It notes what has to be removed again, so nothing is made without it. Is the disk full?",
            ) from error

    @staticmethod
    def sweep(where: Path | None = None, removers: Mapping[str, Remover] | None = None) -> tuple[Swept, ...]:
        """Remove what dead programs left. Ledgers of living ones are not touched."""
        where = where or home()
        removers = _removers(removers)
        found = []
        for folder in _folders(where):
            with _claimed(folder) as mine:
                if mine:
                    found.append(_sweep(folder, removers))
        _tidy(where)
        return tuple(found)


def alive(where: Path | None = None) -> tuple[str, ...]:
    """The ids of the labs whose programs live."""
    found = []
    for folder in _folders(where or home()):
        with _claimed(folder) as mine:
            if not mine and folder.is_dir():
                found.append(folder.name)
    return tuple(found)


def replace(path: Path, text: str) -> None:
    """Replace a file atomically, and be sure that it is on the disk."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a ledger; ValueError if it is not one."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
        entries = tuple(Entry(item["kind"], item["name"], item["proof"]) for item in items)
    except FileNotFoundError:
        return ()
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    for entry in entries:
        plain = isinstance(entry.proof, dict) and all(isinstance(v, str) for v in entry.proof.values())
        if not (isinstance(entry.kind, str) and isinstance(entry.name, str) and plain):
            raise ValueError("an entry is not made of texts")
    return entries


def _plain(entry: Entry) -> dict[str, object]:
    return {"kind": entry.kind, "name": entry.name, "proof": dict(entry.proof)}


def _folders(where: Path) -> list[Path]:
    try:
        return sorted(p for p in where.iterdir() if p.is_dir() and p.suffix not in (_BROKEN, STAGE))
    except OSError:
        return []


def _sweep(folder: Path, removers: Mapping[str, Remover]) -> Swept:
    path = folder / _FILE
    try:
        entries = read(path)
    except ValueError as error:
        aside = folder.with_suffix(_BROKEN)
        while aside.exists():
            aside = folder.with_name(f"{folder.name}-{os.urandom(2).hex()}{_BROKEN}")
        folder.rename(aside)
        return Swept(folder.name, (), (f"its ledger cannot be read ({error}); it was set aside as {aside}",))
    removed, problems = _remove(entries, removers)
    if problems:
        replace(path, json.dumps([_plain(e) for e in entries if e not in removed], indent=1))
    else:
        _discard(folder)
    return Swept(folder.name, tuple(removed), tuple(problems))


def _removers(given: Mapping[str, Remover] | None) -> Mapping[str, Remover]:
    if given is not None:
        return given
    from workshop.removal import REMOVERS

    return REMOVERS


def _remove(entries: Sequence[Entry], removers: Mapping[str, Remover]) -> tuple[list[Entry], tuple[str, ...]]:
    """In the order of the removers (processes before what they use), the newest first within a kind."""
    order = {kind: number for number, kind in enumerate(removers)}
    removed, problems = [], []
    newest_first = list(reversed(entries))
    for entry in sorted(newest_first, key=lambda e: order.get(e.kind, len(order))):
        remover = removers.get(entry.kind)
        problem = remover(entry) if remover else "this version of the workshop does not know how to remove it"
        if problem:
            problems.append(f"{entry.kind} {entry.name}: {problem}")
        else:
            removed.append(entry)
    return removed, tuple(problems)


@contextmanager
def _locked(where: Path) -> Iterator[int | None]:
    """Hold the lock of the folder of all ledgers, so that no one sees a ledger half made."""
    for _ in range(50):
        where.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if _still(fd, where):
                yield fd
                return
        finally:
            os.close(fd)
    yield None


@contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Lock a ledger if no living program holds it. The folder of all is locked only to find that out."""
    with _locked(folder.parent):
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            fd = -1
        mine = fd >= 0
        if mine:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = _still(fd, folder)
            except BlockingIOError:
                mine = False
    try:
        yield mine
    finally:
        if fd >= 0:
            os.close(fd)


def _still(fd: int, path: Path) -> bool:
    """Is the locked folder still the one at its path?"""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _discard(folder: Path) -> None:
    """Remove the folder of a ledger that names nothing any more."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _tidy(where: Path) -> None:
    """Remove the folder of all ledgers when it is empty."""
    try:
        fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _still(fd, where):
            where.rmdir()
    except OSError:
        pass  # not empty: other labs, or ledgers set aside
    finally:
        os.close(fd)
