"""What comes after a program's output begins on a line of its own, in plain colours."""

import pytest

from workshop.ui.terminal import tidy


@pytest.mark.parametrize(
    ("output", "after"),
    [
        (b"", b""),
        (b"line\r\n", b""),
        (b"no end", b"\r\n"),
        (b"\x1b[31mred", b"\x1b[0m\r\n"),
        (b"\x1b[31mred\r\n", b"\x1b[0m"),
        (b"\x1b[?1049hvim\x1b[?1049l", b"\x1b[0m"),
    ],
)
def test_tidy(output: bytes, after: bytes) -> None:
    assert tidy(output) == after


def test_a_program_that_was_left_on_its_own_screen_does_not_swallow_the_prompt() -> None:
    assert tidy(b"\x1b[?1049hvim", away=True) == b"\x1b[0m\r\n"
