"""A clicker's keys, held down, stuck, or pressed at the wrong moment; and how many colours a terminal has."""

from __future__ import annotations

import pytest

from workshop.render.stage import View
from workshop.stage.scene import Stop
from workshop.ui.clicker import BURST, REPEAT, Presses, for_program
from workshop.ui.stage_keys import KEYS, sequence
from workshop.ui.stage_map import moved, toggled, typed
from workshop.ui.stage_terminal import depth

STOPS = tuple(Stop(f"a/{n}", str(n), 1.0, False, "here" if n == 4 else "todo") for n in range(1, 13))


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_key_that_is_held_down_counts_as_few() -> None:
    clock = Clock()
    presses = Presses(2, clock)
    allowed = []
    for _ in range(10):
        allowed.append(presses.allowed())
        clock.time += REPEAT / 2
    assert allowed == [True, True] + [False] * 8
    clock.time += REPEAT * 2
    assert presses.allowed()


def test_pressed_in_peace_each_counts() -> None:
    clock = Clock()
    presses = Presses(1, clock)
    for _ in range(5):
        assert presses.allowed()
        clock.time += REPEAT * 2


def test_a_clickers_keys_never_reach_a_program() -> None:
    assert for_program(b"a\x1b[6~b\x1b[5~", 10.0) == b"ab"


def test_the_enter_that_began_a_line_is_not_for_it() -> None:
    assert for_program(b"\r\r\r", BURST / 2) == b""
    assert for_program(b"\r", BURST * 2) == b"\r"
    assert for_program(b"\x03", 0.0) == b"\x03" and for_program(b"yes\r", 0.0) == b"yes\r"


def test_no_key_has_two_meanings() -> None:
    keys = [sequence(name) for key in KEYS for name in key.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"TERM": "xterm-256color"}, "full"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "full"),
        ({"TERM": "xterm"}, "palette"),
        ({"TERM": "linux"}, "palette"),
        ({"TERM": "screen", "COLORTERM": "truecolor"}, "palette"),
        ({"TERM": "screen", "COLORTERM": "truecolor", "TMUX": "x"}, "full"),
        ({"TERM": "tmux-256color"}, "full"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "full"),
    ],
)
def test_how_many_colours_can_be_trusted(environ: dict[str, str], found: str) -> None:
    assert depth(environ) == found


def test_a_map_is_chosen_from_by_arrows_and_by_numbers() -> None:
    view = toggled(View(), "map", STOPS)
    assert (view.overlay, view.chosen) == ("map", 3)
    assert moved(view, -9, STOPS).chosen == 0 and moved(view, 99, STOPS).chosen == 11
    one = typed(view, "1", STOPS)
    assert one.chosen == 0 and typed(one, "2", STOPS).chosen == 11 and typed(one, "9", STOPS).chosen == 8
    assert typed(view, "x", STOPS) == view
    assert toggled(view, "map", STOPS) == View()
