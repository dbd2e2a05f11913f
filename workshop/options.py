"""The options of the commands in a line of shell: `unshare --pid bash` uses `--pid` of `unshare`.

No shell is imitated: words are told apart, a command stands at the beginning, behind an operator, or behind
one that starts another (`sudo`, `unshare`, `chroot` …). What cannot be read is left out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Container, Iterator, Mapping, Sequence

from workshop.frozen import frozen

_WORDS = ("do", "elif", "else", "env", "exec", "if", "nohup", "then", "time", "until", "while", "!", "{")
_TOOLS = ("busybox", "nsenter", "runuser", "setpriv", "setsid", "strace", "sudo", "unshare")
STARTERS: Mapping[str, int] = {**dict.fromkeys((*_WORDS, *_TOOLS), 0), "chroot": 1, "timeout": 1}
"""Behind these, or behind their options, another command stands: after so many words of their own."""
WITH_VALUE: Mapping[str, frozenset[str]] = {
    "nsenter": frozenset({"-t", "--target", "-S", "--setuid", "-G", "--setgid"}),
    "runuser": frozenset({"-u"}),
    "setpriv": frozenset({"--reuid", "--regid", "--bounding-set", "--inh-caps", "--ambient-caps"}),
    "sudo": frozenset({"-u", "-g"}),
    "timeout": frozenset({"-s", "-k"}),
    "unshare": frozenset({"--propagation", "--setuid", "--setgid", "-S", "-G"}),
}
WHOLE = frozenset({"find", "ip", "kill", "route"})
"""Commands that do not take `-xf` for `-x -f`."""
OPERATOR = re.compile(r"[;&|()<>]+")
ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
INNER = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_VALUE = "\ufffc"
"""Stands for what `$(…)` gives."""
SHELLS = frozenset({"sh", "bash", "dash", "ash"})


@frozen
class Used:
    """An option of a command, as it was written: `-xf`, `--pid`."""

    command: str
    option: str


@frozen
class Explained:
    command: str
    option: str
    meaning: str


def used(line: str) -> Iterator[Used]:
    """What a line uses, in order; also what is in `$(…)`, and in the text that `sh -c` is given."""
    for found in INNER.finditer(line):
        yield from used(found[1] or found[2] or "")
    yield from _read(INNER.sub(_VALUE, line))


def _read(line: str) -> Iterator[Used]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return  # a quotation that goes on in the next line
    command, operands, value, text = "", 0, False, False
    for at, word in enumerate(words):
        if OPERATOR.fullmatch(word):
            redirects = word[0] in "<>"
            command, operands, value, text = (
                (command, -1, True, False) if redirects else ("", 0, False, False)
            )
        elif value:
            value = False
        elif text:
            text = False
            yield from used(word)
        elif word == "--":
            command = command if operands >= 0 else ""  # what follows are no options any more
        elif word.startswith("-") and len(word) > 1 and command:
            if _VALUE not in word:
                option = word.partition("=")[0] if word.startswith("--") else word.partition("/")[0]
                yield Used(command, option)
                value = option in WITH_VALUE.get(command, ()) and option == word
                text = command in SHELLS and word == "-c"
        elif words[at - 3 : at - 1] == ["ip", "netns"] and words[at - 1] == "exec":
            command, operands = "", 0  # the word is the namespace's name
        elif operands > 0:
            operands -= 1
        elif operands == 0 and not ASSIGNMENT.fullmatch(word):
            command = word.rpartition("/")[2]
            operands = STARTERS.get(command, -1)


def explain(lines: Sequence[str], table: Mapping[str, Mapping[str, str]]) -> tuple[Explained, ...]:
    """Each option once, with what it does; those that the table does not have are left out."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        for each in used(line):
            known = table.get(each.command, {})
            for option in _split(each.command, each.option, known):
                if option in known:
                    found[each.command, option] = known[option]
    return tuple(Explained(command, option, meaning) for (command, option), meaning in found.items())


def unknown(line: str, table: Mapping[str, Mapping[str, str]]) -> Iterator[Used]:
    """The options in a line that the table does not explain, of commands that it knows."""
    for each in used(line):
        known = table.get(each.command)
        if known is None:
            continue
        for option in _split(each.command, each.option, known):
            if option not in known:
                yield Used(each.command, option)


def _split(command: str, option: str, known: Container[str]) -> Sequence[str]:
    """`-xf` is `-x -f`, unless the table knows it whole; a number (`kill -9`) is one option."""
    whole = option in known or command in WHOLE or option.startswith("--")
    if whole or len(option) == 2 or option[1].isdigit():
        return (option,)
    return [f"-{letter}" for letter in option[1:] if letter.isalpha()]
