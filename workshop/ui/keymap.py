"""Other keys: `$XDG_CONFIG_HOME/container-workshop/keys.toml`, a line `action = "key"` for each.

Under sudo it is the invoking user's. A file with a mistake is refused as a whole, with all its mistakes.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from workshop import tomltext
from workshop.errors import UsageError
from workshop.ledger import NAME
from workshop.lesson import Place
from workshop.problems import Problem, Report, in_order, suggest
from workshop.ui.commands import NAMES

FILE = "keys.toml"
KEY = re.compile(r"F([1-9]|1[0-9]|2[0-4])|(Ctrl|Alt)-[A-Z]")
TAKEN: Mapping[str, str] = {
    "Ctrl-C": "interrupts",
    "Ctrl-D": "ends the input",
    "Ctrl-H": "is Backspace",
    "Ctrl-I": "is Tab",
    "Ctrl-J": "is Enter",
    "Ctrl-M": "is Enter",
    "Ctrl-Z": "stops a program",
}
"""Keys that mean something to the terminal or the line editor."""

Keys = Mapping[str, tuple[str, ...]]


def file(environ: Mapping[str, str] = os.environ) -> Path:
    config = environ.get("XDG_CONFIG_HOME", "")
    if config.startswith("/"):
        return Path(config) / NAME / FILE
    home = environ.get("HOME") or "/root"
    if os.geteuid() == 0 and environ.get("SUDO_UID", "").isdigit():
        with suppress(KeyError):
            home = pwd.getpwuid(int(environ["SUDO_UID"])).pw_dir
    return Path(home) / ".config" / NAME / FILE


def load(path: Path) -> Keys:
    """What is changed; nothing without a file. UsageError with all that is wrong in it."""
    if not path.is_file():
        return {}
    keys, problems = read(path)
    if problems:
        said = "\n          ".join(map(str, problems))
        raise UsageError(
            f"The keys cannot be understood:\n          {said}", "`workshop lint FILE` says the same."
        )
    return keys


def read(path: Path) -> tuple[Keys, tuple[Problem, ...]]:
    report = Report(str(path))
    found: dict[str, tuple[str, ...]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return {}, (Problem(Place(str(path), 1), f"it cannot be read: {error}", "make it a text file"),)
    fields = tomltext.read(text, report, 1)
    if fields is None:
        return {}, tuple(report.problems)
    owner: dict[str, str] = {}
    for name in NAMES:
        keys = fields.one_or_more(name)
        if keys is None:
            continue
        for key in keys:
            wrong, write = _wrong(key, owner.get(key))
            if wrong:
                fields.wrong(name, wrong, write)
            owner.setdefault(key, name)
        found[name] = keys
    fields.close("the table of keys")
    return found, in_order(report.problems)


def _wrong(key: str, owner: str | None) -> tuple[str, str]:
    if key in TAKEN:
        return f"{key} {TAKEN[key]}", "take another key"
    if not KEY.fullmatch(key):
        return f"{key!r} is no key", f"{suggest(key, ('F2', 'Ctrl-G', 'Alt-G'))}, or F1 to F24, Ctrl-A, Alt-A"
    if owner is not None:
        return f"{key} is given to {owner} already", "take another key"
    return "", ""
