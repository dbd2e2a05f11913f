"""Tab on the stage. No list is written over the output: several names are said in the last row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, get_common_complete_suffix
from prompt_toolkit.document import Document

from workshop.frozen import frozen
from workshop.ui.commands import COMMANDS
from workshop.ui.completion import Eyes, ShellCompleter

if TYPE_CHECKING:
    from workshop.session import Session

OWN = ("host", "container", "answer")
"""The control commands that mean something on the stage."""
TOLD = 40
"""More names than these are not even measured: no row is so long."""


@frozen
class Completed:
    """The line after Tab, and what the speaker should know."""

    document: Document
    notice: str = ""


def completer(session: Session) -> Completer:
    """As the process sees it that has the active shell's terminal."""

    def eyes() -> Eyes | None:
        pid = session.where().pid if session.host.alive else 0
        return Eyes(Path(session.host.proc), pid) if pid else None

    own = tuple(command for command in COMMANDS if command.name in OWN)
    return ShellCompleter(eyes, lambda: (), lambda: session.step.choices, own)


def complete(document: Document, by: Completer) -> Completed:
    """One way to go on: take it. Several: as far as they agree, and then their names."""
    found = list(by.get_completions(document, CompleteEvent(completion_requested=True)))
    if not found:
        return Completed(document, "Nothing here begins like that" if document.text.strip() else "")
    if len(found) == 1:
        start, text = found[0].start_position, found[0].text
    else:
        start, text = 0, get_common_complete_suffix(document, found)
    if not text:
        names = "  ".join(each.display_text for each in found[:TOLD])
        return Completed(document, f"{names}  …" if len(found) > TOLD else names)
    before = document.text_before_cursor[: len(document.text_before_cursor) + start] + text
    return Completed(Document(before + document.text_after_cursor, len(before)))
