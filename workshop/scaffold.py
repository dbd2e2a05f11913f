"""`workshop new`: a lesson that is one already, to be changed until it is yours."""

from __future__ import annotations

import re
from pathlib import Path

from workshop.errors import UsageError
from workshop.parse import slug

_FILE = re.compile(r"(?:(\d+)-)?(.+?)(?:\.md)?")
_NUMBER = re.compile(r"(\d+)-.*\.md")
_TEMPLATE = Path(__file__).parent / "new-lesson.md"


def create(name: str, folder: Path) -> Path:
    """A new lesson in a folder, which is made if it is not there; without a number, the next one."""
    match = _FILE.fullmatch(name.strip())
    word = slug(match[2]) if match else ""
    if match is None or not word or "/" in name:
        raise UsageError(
            f"{name!r} is no name for a lesson.", "A few words: `workshop new signals-and-nice`."
        )
    taken = {int(found[1]) for path in _lessons(folder) if (found := _NUMBER.fullmatch(path.name))}
    number = int(match[1]) if match[1] else max(taken, default=0) + 1
    if number in taken:
        raise UsageError(
            f"{folder} has a lesson {number} already.", f"`workshop new {word}` takes the next number."
        )
    path = folder / f"{number:02}-{word}.md"
    title = word.replace("-", " ").capitalize()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE.read_text(encoding="utf-8").replace("TITLE", title))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", "`--course DIR` names another folder."
        ) from error
    return path


def _lessons(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.md")) if folder.is_dir() else []
