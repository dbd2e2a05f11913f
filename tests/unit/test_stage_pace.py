"""The plan of a talk against the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_host import COURSE
from stage_builders import TRACK

from workshop.stage import pace
from workshop.stage.scene import Scene, Stop

STOPS = (
    Stop("a/one", "One", 2.0, False, "done", needed_by="Two"),
    Stop("a/two", "Two", 3.0, False, "here"),
    Stop("b/three", "Three", 1.0, True, "todo", needed_by="Four"),
    Stop("b/four", "Four", 2.0, False, "todo"),
    Stop("c/five", "Five", 2.0, False, "todo"),
)
SCENE = Scene(
    number=1, talk="T", step="a/two", title="Two", key="", text="", shell="host", where="host", mode="ready",
    next_line="", lines=(), stops=STOPS, started=1000.0, step_started=1120.0, minutes=10.0,
)  # fmt: skip


def test_a_step_is_needed_by_the_next_of_its_lesson_and_by_no_other() -> None:
    stops = pace.plan(COURSE, TRACK)
    assert [stop.needed_by for stop in stops] == ["Inside", "Count", "", ""]
    assert [stop.minutes for stop in stops] == [2.0, 3.0, 1.0, 2.0]
    assert stops[2].optional


def test_what_cannot_be_played_is_no_stop_and_needs_nothing() -> None:
    stops = pace.plan(COURSE, TRACK, ["first/images", "second/clone"])
    assert [(stop.id, stop.needed_by) for stop in stops] == [("first/images", ""), ("second/clone", "")]


def test_on_time() -> None:
    going = pace.pace(SCENE, 1000.0 + 150)
    assert (going.elapsed, going.left) == (150, 450)
    assert (going.step, going.step_planned) == (30, 180)
    assert (going.steps_left, going.each) == (4, 450 / 4)
    assert going.late == 0


def test_a_step_that_takes_too_long_makes_it_late() -> None:
    going = pace.pace(SCENE, 1000.0 + 120 + 180 + 45)
    assert going.late == 45 and going.left == 600 - 345


def test_the_clock_stands_while_it_is_paused_and_what_it_stood_does_not_count() -> None:
    paused = replace(SCENE, paused=1150.0)
    assert pace.pace(paused, 9999.0) == pace.pace(SCENE, 1150.0)
    assert pace.elapsed(replace(SCENE, waited=100.0), 1250.0) == 150


def test_before_the_beginning_nothing_is_used() -> None:
    going = pace.pace(replace(SCENE, started=0.0, step_started=0.0), 5000.0)
    assert (going.elapsed, going.step, going.left) == (0, 0, 600)


def test_at_the_end_nothing_is_left_to_do() -> None:
    done = tuple(replace(stop, standing="done") for stop in STOPS)
    going = pace.pace(replace(SCENE, mode="over", stops=done), 1600.0)
    assert (going.steps_left, going.left, going.late) == (0, 0, 0)


def test_to_catch_up_the_optional_ones_go_first_and_the_end_never() -> None:
    assert [stop.title for stop in pace.skippable(STOPS)] == ["Three", "Two", "Four"]
    assert [stop.title for stop in pace.to_skip(STOPS, 50)] == ["Three"]
    assert [stop.title for stop in pace.to_skip(STOPS, 61)] == ["Three", "Two"]
    assert pace.to_skip(STOPS, 0) == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (65, "1:05"), (-30, "-0:30"), (-0.2, "0:00"), (3723, "1:02:03"), (59.6, "1:00")],
)
def test_a_clock(seconds: float, text: str) -> None:
    assert pace.clock(seconds) == text


def test_typing_out_takes_as_long_as_a_hand_does_and_always_the_same() -> None:
    delays = pace.keystroke_delays("unshare --pid --fork bash")
    assert len(delays) == 25 and 1.0 < sum(delays) < 4.0
    assert delays == pace.keystroke_delays("unshare --pid --fork bash")
