"""`workshop handout`: the handout of a performance, as Markdown or as one HTML file, on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from workshop.errors import UsageError
from workshop.stage import folder, log
from workshop.stage.handout import gather, markdown
from workshop.stage.recording import Cast


def main(where: Path | None, *, html: bool = False, free: bool = False) -> int:
    place = where if where is not None else folder.newest()
    if html and sys.stdout.isatty():
        raise UsageError(
            "A page is not for a terminal.", "Send it to a file: `workshop handout --html >talk.html`."
        )
    logged = log.read(place / folder.SCENES)
    handout = gather(logged, free=free)
    if not handout.parts:
        raise UsageError(f"Nothing has run in the talk of {place}.", "A handout needs one step at the least.")
    if not html:
        print(markdown(handout), end="")
        _tell(handout.trouble, "log")
        return 0
    from workshop.stage.page import page

    cast = _cast(place / folder.CAST)
    print(page(handout, cast, free=free), end="")
    _tell(handout.trouble, "log")
    _tell(cast.trouble if cast is not None else "There is none; the page shows the text alone.", "recording")
    return 0


def _cast(path: Path) -> Cast | None:
    return Cast.read(path) if path.exists() else None


def _tell(trouble: str, what: str) -> None:
    if trouble:
        print(f"workshop: the {what} of this talk: {trouble}", file=sys.stderr)
