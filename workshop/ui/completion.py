"""Completion of commands and paths as the process in the foreground sees them.

Paths are walked by hand from `/proc/PID/root`, so that a symbolic link inside a container leads where it
leads inside, never out of it (path_resolution(7)).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from workshop.frozen import frozen
from workshop.ui.commands import COMMANDS, Command

BUILTINS = [
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "cd",
    "command",
    "compgen",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "local",
    "logout",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "test",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
    "if",
    "for",
    "while",
    "until",
    "case",
    "function",
]
STARTERS = frozenset(
    [
        "sudo",
        "exec",
        "time",
        "nohup",
        "env",
        "command",
        "builtin",
        "eval",
        "then",
        "do",
        "else",
        "if",
        "while",
        "until",
        "!",
        "{",
    ]
)
"""Words after which another command follows."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LINKS = 40
"""So many links in one path, then it is a loop (path_resolution(7))."""
SPECIAL = re.compile(r"([\s'\"\\$&|;<>()`*?\[\]{}!#~])")
SPLIT = re.compile(
    r"(?:\\.|[^\s'\"\\|&;<>()=:]|'[^']*'|\"(?:\\.|[^\"\\])*\")*(?:'[^']*|\"(?:\\.|[^\"\\])*)?\Z", re.DOTALL
)
"""The word before the cursor, with its quotes and escapes, an open quote included."""


@frozen
class Eyes:
    """The file tree as one process sees it."""

    proc: Path
    pid: int

    @property
    def root(self) -> Path:
        return self.proc / str(self.pid) / "root"

    def folder(self) -> str:
        """Its current folder, as a path below its own root."""
        with_root = _readlink(self.proc / str(self.pid) / "cwd") or "/"
        root = _readlink(self.proc / str(self.pid) / "root") or "/"
        if root != "/" and (with_root == root or with_root.startswith(f"{root}/")):
            return with_root[len(root) :] or "/"
        return with_root

    def environment(self) -> dict[str, str]:
        try:
            data = (self.proc / str(self.pid) / "environ").read_bytes()
        except OSError:
            return {}
        pairs = (item.partition("=") for item in data.decode(errors="replace").split("\0"))
        return {name: value for name, _, value in pairs}

    def real(self, path: str) -> Path | None:
        """Where `path` is from outside, every link resolved inside the root; None where there is no such
        thing."""
        todo = list(reversed(PurePosixPath(self.folder(), path).parts[1:]))
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                done[-1:] = []
                continue
            target = _readlink(self.root.joinpath(*done, part))
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > LINKS:
                return None
            if target.startswith("/"):
                done = []
            todo.extend(reversed([p for p in PurePosixPath(target).parts if p != "/"]))
        found = self.root.joinpath(*done)
        return found if os.path.lexists(found) else None

    def entries(self, path: str) -> Iterator[tuple[str, bool]]:
        """The names in a folder, and whether each is a folder, links followed inside the root."""
        real = self.real(path)
        if real is None:
            return
        try:
            with os.scandir(real) as found:
                names = sorted(
                    (entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False)) for entry in found
                )
        except OSError:
            return
        for name, link, folder in names:
            if link:
                target = self.real(f"{path}/{name}")
                folder = target is not None and target.is_dir()
            yield name, folder

    def commands(self) -> Iterator[str]:
        """What `PATH` offers."""
        for place in (self.environment().get("PATH") or DEFAULT_PATH).split(":"):
            real = self.real(place) if place.startswith("/") else None
            if real is None:
                continue
            try:
                with os.scandir(real) as found:
                    yield from (entry.name for entry in found if _is_program(entry))
            except OSError:
                continue


class ShellCompleter(Completer):
    """`eyes` is asked at each Tab: where the learner is may have changed. `steps` are the ids for `:goto`,
    `commands` the control commands that mean something here."""

    def __init__(
        self,
        eyes: Callable[[], Eyes | None],
        steps: Callable[[], Iterable[str]],
        choices: Callable[[], Iterable[str]],
        commands: Iterable[Command] = COMMANDS,
    ) -> None:
        self._commands = commands
        self._eyes = eyes
        self._steps = steps
        self._choices = choices

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if re.match(r"\s*:[A-Za-z]|\s*:\Z", before):
            return self._control(before.lstrip())
        eyes = self._eyes()
        return self._shell(before, eyes) if eyes is not None else ()

    def _control(self, before: str) -> Iterator[Completion]:
        name, space, argument = before[1:].partition(" ")
        if not space:
            for command in self._commands:
                if command.name.startswith(name):
                    yield Completion(f":{command.name}", -len(before), display_meta=command.about)
            return
        offers: dict[str, Callable[[], Iterable[str]]] = {
            "goto": self._steps,
            "answer": self._choices,
            "reset": lambda: ("step", "lesson"),
        }
        for offer in offers[name]() if name in offers else ():
            if offer.startswith(argument):
                yield Completion(offer, -len(argument))

    def _shell(self, before: str, eyes: Eyes) -> Iterator[Completion]:
        match = SPLIT.search(before)
        typed = match.group() if match else ""
        word = unquoted(typed)
        if starts_command(before[: len(before) - len(typed)]) and "/" not in word:
            if not word:
                return
            names = sorted({*eyes.commands(), *BUILTINS})
            yield from (
                Completion(f"{name} ", -len(typed), display=name) for name in names if name.startswith(word)
            )
            return
        yield from self._paths(word, typed, eyes)

    @staticmethod
    def _paths(word: str, typed: str, eyes: Eyes) -> Iterator[Completion]:
        head, slash, start = word.rpartition("/")
        shown = head + slash
        place = shown or "."
        if place == "~/" or place.startswith("~/"):
            place = (eyes.environment().get("HOME") or "/root") + place[1:]
        keep_tilde = shown.startswith("~/")
        for name, folder in eyes.entries(place):
            if name.startswith(start) and (start.startswith(".") or not name.startswith(".")):
                path = "~" + quoted(shown[1:] + name) if keep_tilde else quoted(shown + name)
                yield Completion(
                    path + ("/" if folder else " "), -len(typed), display=name + ("/" if folder else "")
                )


def starts_command(before: str) -> bool:
    """Does a command's name come next after this beginning of a line?"""
    part = re.split(r"(?:\|\|?|&&?|;|\(|`)", before)[-1].split()
    while part and (part[0] in STARTERS or re.match(r"\w+=", part[0])):
        part.pop(0)
    return not part and not before.rstrip().endswith((">", "<", "="))


def unquoted(word: str) -> str:
    """A word of the shell as the program gets it."""
    return re.sub(r"\\(.)|['\"]", lambda match: match.group(1) or "", word)


def quoted(word: str) -> str:
    return SPECIAL.sub(r"\\\1", word)


def _readlink(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _is_program(entry: os.DirEntry[str]) -> bool:
    """A link counts: where it leads cannot be told cheaply, and nearly all of them are programs."""
    if entry.is_symlink():
        return True
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)
