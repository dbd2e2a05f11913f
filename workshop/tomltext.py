"""TOML inside other files: every value with its type, every problem with its line in the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workshop import conditions
from workshop.problems import Report, suggest

Path = tuple[str | int, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")
_HEADER = re.compile(rf"\s*\[(\[?)\s*({_DOTTED})\s*\]")
_WORD = re.compile(_KEY)
_AT_LINE = re.compile(r" *\(at line (\d+), column \d+\)| *\(at end of document\)")


class Fields:
    """The keys of one TOML table. They are taken one by one; `close` reports those that nobody took."""

    def __init__(
        self, data: Mapping[str, Any], lines: Mapping[Path, int], report: Report, line: int, path: Path = ()
    ) -> None:
        self._data = dict(data)
        self._lines = lines
        self._report = report
        self._line = line
        self._path = path
        self._known: list[str] = []

    def line(self, *keys: str | int) -> int:
        """The line of a key, or else of the table."""
        path = (*self._path, *keys)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, self._line)

    def text(self, key: str, *, required: bool = False) -> str:
        value = self._take(key)
        if value is None:
            if required:
                self.wrong(key, f"{key} is missing", f'write {key} = "…"')
            return ""
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, f"{key} is not a text", f'write {key} = "…"')
            return ""
        return value.strip()

    def number(self, key: str, *, required: bool = False, whole: bool = False) -> float | None:
        value = self._take(key)
        if value is None and not required:
            return None
        kinds = int if whole else int | float
        if isinstance(value, kinds) and not isinstance(value, bool) and 0 < value < 10_000:
            return value
        wrong = "is missing" if value is None else f"is not a {'whole ' if whole else ''}number above 0"
        self.wrong(key, f"{key} {wrong}", f"write {key} = 5")
        return None

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            self.wrong(key, f"{key} is neither true nor false", f"write {key} = true")
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.wrong(key, f"{key} is not a list of texts", f'write {key} = ["…", "…"]')
            return ()
        return tuple(item.strip() for item in value)

    def one_or_more(self, key: str) -> tuple[str, ...] | None:
        """A text, or a list of texts (which may be empty); None where there is nothing."""
        if isinstance(self._data.get(key), str):
            self._data[key] = [self._data[key]]
        return self.texts(key) if key in self._data else self._take(key)

    def words(self, key: str, known: Sequence[str]) -> tuple[str, ...]:
        """A list of texts out of a fixed list."""
        found = self.texts(key)
        for word in found:
            if word not in known:
                self.wrong(key, f"{key} has {word!r}, which does not exist", suggest(word, known))
        return tuple(word for word in found if word in known)

    def conditions(self, key: str) -> tuple[str, ...]:
        """Conditions on the machine: one text, or a list of them."""
        if isinstance(self._data.get(key), str):
            self._data[key] = [self._data[key]]
        found = []
        for text in self.texts(key):
            try:
                found.append(conditions.parse(text))
            except ValueError as error:
                name = text.removeprefix("not ").removeprefix("!").strip()
                self.wrong(key, f"{key}: {error}", suggest(name, tuple(conditions.CAPABILITIES)))
        return tuple(found)

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self.wrong(key, f"{key} is not a table", f"write {key}.NAME = {{ … }}")
            return {}
        return value or {}

    def tables(self, key: str) -> list[Fields]:
        """The tables `[[key]]`, in order."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"{key} is not a list of tables", f"write [[{key}]]")
            return []
        return [
            Fields(item, self._lines, self._report, self.line(key, i), (*self._path, key, i))
            for i, item in enumerate(value)
        ]

    def children(self) -> Iterator[tuple[str, Fields]]:
        """The tables `[NAME]`, whatever their names; all of this table's keys are such names."""
        for key, value in self._data.items():
            if isinstance(value, dict):
                yield key, Fields(value, self._lines, self._report, self.line(key), (*self._path, key))
            else:
                self.wrong(key, f"{key} is not a table", f"write [{key}]")

    def names(self) -> tuple[str, ...]:
        """The keys that nobody has taken yet."""
        return tuple(self._data)

    def wrong(self, key: str, wrong: str, write: str) -> None:
        self._report.error(self.line(key), wrong, write)

    def close(self, what: str) -> None:
        for key in self._data:
            self.wrong(key, f"{what} has no key {key!r}", suggest(key, self._known))

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._data.pop(key, None)


def read(text: str, report: Report, first: int) -> Fields | None:
    """The TOML text that begins at line `first` of the file; None, and reported, when it is none."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT_LINE.search(message)
        line = int(at[1]) if at and at[1] else text.rstrip().count("\n") + 1
        what = _AT_LINE.sub("", message).rstrip(".")
        wrong = f"this is not TOML: {what[:1].lower()}{what[1:]}"
        report.error(first + line - 1, wrong, "write key = value", unread=True)
        return None
    except (ValueError, RecursionError):
        # tomllib lets Python's own limits through: thousands of digits, thousands of brackets.
        report.error(first, "this is not TOML that anybody writes", "write key = value", unread=True)
        return None
    return Fields(data, _key_lines(text, first), report, first)


def _key_lines(text: str, first: int) -> dict[Path, int]:
    """The line of every key that stands at the beginning of a line, and of every table's header."""
    lines: dict[Path, int] = {}
    header: Path = ()
    counts: dict[Path, int] = {}
    inside = False
    for number, line in enumerate(text.split("\n"), first):
        fences = line.count('"""') + line.count("'''")
        if inside:
            inside = fences % 2 == 0
            continue
        inside = fences % 2 == 1
        if match := _HEADER.match(line):
            header = _words(match[2])
            if match[1]:
                counts[header] = counts.get(header, -1) + 1
                header = (*header, counts[header])
            _note(lines, header, number)
        elif match := _ASSIGNMENT.match(line):
            _note(lines, (*header, *_words(match[1])), number)
    return lines


def _note(lines: dict[Path, int], path: Path, number: int) -> None:
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], number)


def _words(dotted: str) -> Path:
    return tuple(word.strip("\"'") for word in _WORD.findall(dotted))
