"""What the stage says in words: a program's output as plain text, a change in the kernel as a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workshop.stage.scene import Found

if TYPE_CHECKING:
    from workshop.events import Judged
    from workshop.kernel.diff import Change

MOST = 4000
"""Characters of an output that are kept."""
MOST_CHANGES = 5
"""More changes than these are counted, not told: a room reads five lines at the most."""
TAB = 8

_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\|$)"  # OSC and the like: titles, links
    r"|[ -/]*[0-Z\\^-~]|\[[0-?]*$|$)"  # the rest, and one that is cut off
)
_CLEAR = re.compile(rb"\x1b\[(?:H\x1b\[2?J|2J\x1b\[(?:1;1)?H)(?:\x1b\[3J)?|\x1b\[3J(?:\x1b\[H\x1b\[2?J)?")
_WHOLE = re.compile(rb"\x1b\[\?(?:1049|1047|47|1)h|\x1b\[[0-9;]*[Hf]|\x1b\[[0-3]?J|\x1b\[[0-9]*;[0-9]*r")
_GONE = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f"


def plain(output: bytes) -> str:
    """What is to be read of an output: no colours, no cursor; `\\r` and backspace as on a terminal."""
    text = _SEQUENCE.sub("", output.decode(errors="replace").replace("\r\n", "\n"))
    lines = [_overwritten(line) for line in text.split("\n")]
    return re.sub(f"[{_GONE}]", "", "\n".join(lines)).strip("\n")[-MOST:]


def _overwritten(line: str) -> str:
    if "\b" not in line and "\r" not in line:
        return line.expandtabs(TAB)
    cells: list[str] = []
    at = 0
    for letter in line:
        if letter == "\r":
            at = 0
        elif letter == "\b":
            at = max(0, at - 1)
        else:
            cells[at : at + 1] = [letter]
            at += 1
    return "".join(cells).expandtabs(TAB)


def cleared(output: bytes) -> bytes:
    """The output after the last time that the screen was cleared, as `clear` does it."""
    return _CLEAR.split(output)[-1]


def wants_screen(output: bytes) -> bool:
    """Does it draw the whole screen, as vim, less and top do? To clear it is not yet to draw it."""
    return _WHOLE.search(_CLEAR.sub(b"", output)) is not None


def sentences(changes: Sequence[Change], watch: Sequence[str] = ()) -> tuple[str, ...]:
    """What a line changed, a sentence each; only what the step is about, if there is such."""
    about = [change for change in changes if change.area in watch]
    order = {area: at for at, area in enumerate(watch)}
    told = sorted(about, key=lambda change: order[change.area]) if about else list(changes)
    said = tuple(dict.fromkeys(sentence(change) for change in told))
    if len(said) > MOST_CHANGES:
        return (*said[: MOST_CHANGES - 1], f"and {len(said) - MOST_CHANGES + 1} more changes")
    return said


def sentence(change: Change) -> str:
    """`new: sleep (6)`, `pid of bash (5): 4026532474 (the host's) → 4026532547`."""
    subject, before, after = change.subject, change.before, change.after
    if change.area == "processes":
        if change.verb == "removed":
            return f"{subject} has ended"
        if change.verb == "added":
            inside = (after or "").partition(", and ")[2]
            return f"new process {subject}" + (f", {inside}" if inside else "")
    if change.verb == "added":
        return f"new: {subject}" + (f", {after}" if after else "")
    if change.verb == "removed":
        return f"gone: {subject}" + (f", {before}" if before else "")
    if before is not None and after is not None:
        return f"{subject}: {before} → {after}"
    return f"{subject}: {after or before or 'changed'}"


def found(judged: Judged | None) -> tuple[Found, ...]:
    """A verdict of each check in one line."""
    return tuple(Found(v.state == "passed", v.expected, v.found) for v in judged.verdicts) if judged else ()


def miss(judged: Judged | None) -> str:
    """The first broken condition, and the name of the mistake if it is a known one."""
    if judged is None or judged.passed:
        return ""
    first = next((v for v in judged.verdicts if v.state != "passed"), None)
    if first is None:
        return ""
    name = f" ({judged.diagnoses[0].title})" if judged.diagnoses else ""
    return f"Expected {first.expected}; found {first.found or 'nothing of it'}{name}."
