"""What a performance shows elsewhere and leaves behind: web pages, its recording, its log.

with outlets(options, track, desk):        before the stage takes the screen
    …                                      the talk
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from workshop.render.ansi import drawn
from workshop.render.stage_theme import styles
from workshop.stage import folder
from workshop.stage.log import Log
from workshop.stage.recording import Recorder
from workshop.stage.scene import Scene

if TYPE_CHECKING:
    from workshop.lesson import Track
    from workshop.stage.desk import Desk
    from workshop.stage.web.server import Server

WIPED = "\x1b[H\x1b[2J\x1b[3J"
"""The screen, and what a terminal can be scrolled back to."""


@contextmanager
def outlets(options: Namespace, track: Track, desk: Desk) -> Iterator[None]:
    """Open as long as the talk goes on. A recording that cannot be made is said, and costs nothing else."""
    with ExitStack() as stack:
        if options.share or options.speaker or options.drive:
            server = stack.enter_context(_server(options, desk))
            stack.callback(desk.performance.subscribe(server.publish))
            _announce(server.links, alone=server.alone)
        troubles = stack.enter_context(_kept(track, desk))
        yield
        stack.close()
        for trouble in filter(None, troubles()):
            print(f"workshop: {trouble}", file=sys.stderr)


def _server(options: Namespace, desk: Desk) -> Server:
    from workshop.stage.desk import Order
    from workshop.stage.web.server import Server, new_secret

    def drive(command: str, argument: str, seen: int) -> bool:
        return desk.give(Order(command, argument, seen))

    return Server(
        options.at,
        options.port,
        share=new_secret() if options.share else "",
        notes=new_secret() if options.speaker or options.drive else "",
        free=options.free,
        drive=drive if options.drive else None,
    )


def _announce(links: Mapping[str, str], *, alone: bool) -> None:
    """Before the talk, while the room is filling. The speaker's link is gone before the room's is shown."""
    if link := links.get("notes"):
        _show(link, "Your own page. The room should not see this", alone, "Press Enter when you have it.")
        print(WIPED, end="")
    if link := links.get("share"):
        _show(link, "The talk, to follow along", alone, "Press Enter to begin.")


def _show(link: str, title: str, alone: bool, then: str) -> None:
    print(f"{title}:\n\n    {link}\n")
    if alone:
        print("Only this machine can open it. For others, name an address of yours: --at 192.0.2.7\n")
    else:
        print(picture(link))
    print(then, end=" ", flush=True)
    sys.stdin.readline()


def picture(link: str) -> str:
    """A QR code in half blocks, dark on light whatever the terminal's colours are."""
    import segno

    rows = [list(row) for row in segno.make(link, error="l").matrix_iter(border=3)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    signs = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    lines = (
        "".join(signs[bool(one), bool(other)] for one, other in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    )
    return "".join(f"\x1b[30;107m{line}\x1b[0m\n" for line in lines)


@contextmanager
def _kept(track: Track, desk: Desk) -> Iterator[Callable[[], tuple[str, ...]]]:
    """The recording and the log in a new folder; gives a way to ask what went wrong with them."""
    from workshop.ui.rehearse import SIZE

    rows, columns = SIZE
    with ExitStack() as stack:
        try:
            with folder.as_owner():
                place = folder.make(track.id, datetime.now())
                recorder = stack.enter_context(
                    Recorder(place / folder.CAST, columns, rows, title=track.title)
                )
                log = stack.enter_context(Log(place / folder.SCENES))
        except OSError as error:
            why = f"This talk was not recorded: {error.strerror} ({error.filename})."
            yield lambda: (why,)
            return
        stack.callback(desk.performance.subscribe(log.write))
        stack.callback(desk.performance.subscribe(Camera(recorder)))
        yield lambda: (recorder.trouble, log.trouble)
    print(f"Recorded in {place}\n`workshop handout` makes a handout of it.")


class Camera:
    """Draws each scene as the audience's screen shows it, at the size of a stage. A program that has the
    whole screen to itself is not seen."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._step = ""

    def __call__(self, scene: Scene) -> None:
        from workshop.ui.rehearse import frame

        if scene.step != self._step:
            self._step = scene.step
            self._recorder.marker(scene.step)
        self._recorder.output(drawn(frame(scene), styles(scene.theme, "full")).encode())
