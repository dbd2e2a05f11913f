"""Control commands: `:next`, `:hint` …. A line is one only if it is a colon directly followed by a letter;
all else is the shell's, its own builtin `:` included (`: > file`)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace

from workshop.errors import UsageError
from workshop.frozen import frozen

CONTROL = re.compile(r"\s*:([A-Za-z][\w-]*)(?:\s+(.*?))?\s*\Z", re.DOTALL)


@frozen
class Command:
    """A control command as the help lists it. `short` is the word in the toolbar, where it has one."""

    name: str
    about: str
    keys: tuple[str, ...] = ()
    argument: str = ""
    short: str = ""


COMMANDS = (
    Command("help", "these commands and keys", ("F1", "Alt-H"), short="help"),
    Command("keys", "which key does what, and where to change it"),
    Command("next", "go on to the next step, passed or not", ("Ctrl-N", "Alt-N"), short="next"),
    Command("back", "go back one step (the lab is made anew for it)", ("F9", "Alt-P")),
    Command("hint", "what is missing; again: a hint, the next, the solution", ("F2", "Alt-I"), short="hint"),
    Command(
        "check", "judge the step: expected, found, and where it was read", ("F5", "Alt-K"), short="check"
    ),
    Command("state", "namespaces, processes, mounts of where you are", ("F3", "Alt-S"), short="state"),
    Command(
        "inside", "the same questions inside and on the host, side by side", ("F12", "Alt-V"), short="inside"
    ),
    Command(
        "calls",
        "show or hide the system calls behind each line; `off`: do not watch",
        ("F4", "Alt-C"),
        "[off]",
        "calls",
    ),
    Command("solution", "a way to do it, its options explained; offers its next line", ("F7", "Alt-L")),
    Command(
        "map",
        "the course, where you are in it, what can be skipped",
        ("F6", "Alt-M"),
        "[all]",
        "map",
    ),
    Command("recap", "your own lines of this lesson, and what they changed"),
    Command("keep", "copy a file of the lab to this machine: your mydocker.sh", argument="[FILE [TO]]"),
    Command("shell", "the other shell: host or container", ("F8", "Alt-O"), short="other shell"),
    Command("host", "the host shell"),
    Command("container", "the container shell"),
    Command("answer", "answer the step's question", argument="TEXT"),
    Command("goto", "go to a step or lesson; its state is built for you", argument="STEP"),
    Command("text", "this step's text again", ("Alt-T",)),
    Command(
        "undo",
        "take back the last line, the step or the lesson; shows what goes, and asks",
        ("Alt-U",),
        "[line|step|lesson]",
        "undo",
    ),
    Command("redo", "type again what you had typed in this step when you left; asks first"),
    Command(
        "reset", "a new lab, at this step or the lesson's beginning; asks first", argument="[step|lesson]"
    ),
    Command("quit", "end; the lab goes, your progress stays", ("Ctrl-D",)),
)
NAMES = tuple(command.name for command in COMMANDS)
_bound: tuple[Command, ...] = COMMANDS


def table() -> tuple[Command, ...]:
    """The commands, with the keys that hold."""
    return _bound


def rebind(changes: Mapping[str, tuple[str, ...]]) -> None:
    """Give commands other keys, by name. A key that one of them takes is no other's any more."""
    global _bound
    taken = {key for keys in changes.values() for key in keys}
    _bound = tuple(
        replace(c, keys=changes[c.name] if c.name in changes else tuple(k for k in c.keys if k not in taken))
        for c in COMMANDS
    )


def key_of(name: str) -> str:
    """The first key of a command, or what to type instead."""
    keys = next((command.keys for command in _bound if command.name == name), ())
    return keys[0] if keys else f":{name}"


@frozen
class Control:
    """A control command that was given, with its argument."""

    name: str
    argument: str = ""


def is_control(line: str) -> bool:
    return CONTROL.match(line) is not None


def parse(line: str) -> Control | None:
    """The control command in `line`; None where the line is the shell's. Beginnings of names are enough."""
    match = CONTROL.match(line)
    if match is None:
        return None
    word, argument = match.group(1).lower(), (match.group(2) or "").strip()
    if word in NAMES:
        return Control(word, argument)
    fitting = [name for name in NAMES if name.startswith(word)]
    if len(fitting) == 1:
        return Control(fitting[0], argument)
    if fitting:
        raise UsageError(f"`:{word}` may mean {_either(fitting)}.", "Type one letter more.")
    near = difflib.get_close_matches(word, NAMES, n=2, cutoff=0.6)
    hint = f"Did you mean {_either(near)}?" if near else "`:help` lists them."
    raise UsageError(f"There is no `:{word}`.", hint)


def _either(names: list[str]) -> str:
    quoted = [f"`:{name}`" for name in names]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
