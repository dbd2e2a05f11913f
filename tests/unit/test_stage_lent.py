"""What a program on the stage is lent: the screen and the keys, from the same moment on."""

from __future__ import annotations

from workshop.stage.lent import Heard, Unwatched


def test_the_screen_is_given_before_anybody_hears_of_it() -> None:
    """Who hears of it presses a key at once, and that has to be the program's."""
    order = []

    class Stage(Unwatched):
        def give(self, output: bytes) -> None:
            order.append(("given", output))

    heard = Heard(Stage(), lambda output, whole: order.append(("heard", whole)))
    heard.write(b"text")
    heard.write(b"\x1b[?1049h")
    heard.write(b"more")
    assert order == [("heard", False), ("given", b"\x1b[?1049h"), ("heard", True), ("given", b"more")]
