"""A performance: what a speaker does to it, on the fake host."""

from __future__ import annotations

import pytest
from fake_host import INNER, lost, made, started
from stage_builders import Theatre

from workshop.kernel.model import Snapshot
from workshop.shell import Result
from workshop.stage.lent import Take
from workshop.stage.scene import COMMANDS, Scene, from_json, to_json

DONE = ("create images", "ls")


def test_it_begins_with_the_first_line_of_the_first_step() -> None:
    scene = Theatre().scene
    assert (scene.step, scene.mode, scene.next_line, scene.typed) == ("first/images", "ready", "cd /lab", "")
    assert scene.lines == ("cd /lab", "ls", "create images", "ls")
    assert (scene.where, scene.started) == ("host", 0.0)


def test_a_clicker_puts_the_line_there_then_runs_it_then_goes_on() -> None:
    theatre = Theatre()
    scene = theatre.press("next")
    assert (scene.typed, scene.ran) == ("cd /lab", ())
    assert theatre.press("next").ran[-1].line == "cd /lab"
    theatre.press("next", "next", "next", "next")
    assert theatre.scene.mode == "passed" and theatre.scene.next_line == "ls"
    assert theatre.press("next", "next").next_line == ""
    assert theatre.host.typed == ["prepare", "cd /lab", "ls", "create images", "ls"]
    assert theatre.press("next").step == "first/inside"
    assert [stop.standing for stop in theatre.scene.stops] == ["done", "here", "todo", "todo"]


def test_the_whole_talk() -> None:
    theatre = Theatre()
    for _ in range(40):
        theatre.press("next")
    assert theatre.scene.mode == "over"
    assert [stop.standing for stop in theatre.scene.stops] == ["done"] * 4
    assert "ended" in theatre.press("next").message
    assert theatre.press("back").step == "second/clone"


def test_what_it_typed_out_is_what_runs() -> None:
    theatre = Theatre(typing=True)
    theatre.press("next")
    typing = [scene.typed for scene in theatre.scenes if scene.mode == "typing"]
    assert typing == ["c", "cd", "cd ", "cd /", "cd /l", "cd /la", "cd /lab"]
    assert len(theatre.slept) == 7 and theatre.host.typed == ["prepare"]
    assert theatre.press("next").ran[0].line == "cd /lab"


def test_who_is_in_a_hurry_has_the_line_at_once() -> None:
    theatre = Theatre(typing=True)
    theatre.hurried = True
    assert theatre.press("next").typed == "cd /lab" and len(theatre.slept) == 1


def test_every_scene_goes_over_a_socket_and_grows_by_one() -> None:
    theatre = Theatre()
    for _ in range(12):
        theatre.press("next")
    numbers = [scene.number for scene in theatre.scenes]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(from_json(to_json(scene)) == scene for scene in theatre.scenes)


@pytest.mark.parametrize("command", [*COMMANDS, "dance"])
def test_no_command_does_harm_while_a_line_runs(command: str) -> None:
    seen: list[Scene] = []

    def meddle(now: Snapshot) -> Snapshot:
        theatre.performance.command(command)
        seen.append(theatre.scene)
        return now

    theatre = Theatre({"cd /lab": meddle})
    theatre.press("run")
    assert seen and seen[0].mode == "running"
    assert theatre.host.typed == ["prepare", "cd /lab"] and theatre.scene.step == "first/images"


def test_own_lines_in_another_order_are_the_steps_lines_all_the_same() -> None:
    theatre = Theatre()
    theatre.type("create images")
    assert theatre.scene.mode == "passed" and not theatre.scene.ran[-1].free
    assert theatre.scene.next_line == "cd /lab"


def test_free_typing_leaves_the_script_where_it_was() -> None:
    scene = Theatre().type("echo hello")
    assert scene.ran[-1].free and scene.next_line == "cd /lab" and scene.mode == "ready"


def test_free_typing_that_breaks_what_the_next_step_stands_on_is_named() -> None:
    theatre = Theatre({"destroy": lost("tank/images")})
    theatre.press("run", "run", "run", "run")
    scene = theatre.type("destroy")
    assert scene.mode == "missed"
    assert "“Images” no longer holds" in scene.message and "tank/images" in scene.message
    theatre.press("heal")
    assert (
        theatre.scene.mode == "passed"
        and theatre.scene.message == "The state was rebuilt by the model answer."
    )
    assert theatre.press("next").step == "first/inside"


def test_a_step_before_that_does_not_hold_any_more_is_named_too() -> None:
    theatre = Theatre({"destroy": lost("tank/images")})
    theatre.press("jump 2")
    assert "“Images” no longer holds" in theatre.type("destroy").message


def test_a_miss_says_what_was_expected_and_found() -> None:
    theatre = Theatre({"create images": lambda now: now})
    theatre.performance.session.check = lambda within=0.0: iter(())  # type: ignore[method-assign]
    scene = theatre.press("run", "run", "run", "run")
    assert scene.mode == "missed" and scene.next_line == ""
    assert scene.message.startswith("Expected ") and "; found " in scene.message
    assert scene.found and not scene.found[0].passed
    assert "heal, retry or skip" in theatre.press("next").message
    assert theatre.scene.step == "first/images"


def test_retry_is_the_state_before_the_step() -> None:
    theatre = Theatre({"oops": made("tank/oops")})
    theatre.type("oops")
    scene = theatre.press("retry")
    assert (scene.mode, scene.next_line, scene.ran) == ("ready", "cd /lab", ())
    assert "tank/oops" not in theatre.host.now.datasets and len(theatre.host.renewed) == 2


def test_heal_brings_the_checkpoint() -> None:
    scene = Theatre().press("heal")
    assert scene.mode == "passed" and scene.next_line == ""
    assert [ran.line for ran in scene.ran] == ["cd /lab", "ls", "create images", "ls"]


def test_skip_builds_what_was_skipped() -> None:
    theatre = Theatre()
    scene = theatre.press("skip")
    assert scene.step == "first/inside" and scene.stops[0].standing == "skipped"
    assert "tank/images" in theatre.host.now.datasets


def test_back_is_back_in_the_kernel_too() -> None:
    theatre = Theatre()
    theatre.press("heal", "next", "back")
    assert theatre.scene.step == "first/images" and "tank/images" not in theatre.host.now.datasets
    assert "first step" in theatre.press("back").message


def test_jump_by_number_and_by_id_shows_how_far_it_is() -> None:
    theatre = Theatre()
    assert theatre.press("jump 3").step == "first/count"
    working = [scene.share for scene in theatre.scenes if scene.mode == "working"]
    assert max(working) > 0
    assert theatre.press("jump first/inside").step == "first/inside"
    assert "no step" in theatre.press("jump nowhere").message and theatre.scene.step == "first/inside"


def test_panic_is_the_same_step_on_a_new_host() -> None:
    theatre = Theatre({"oops": made("tank/oops")})
    theatre.press("jump 2")
    theatre.type("oops")
    before = len(theatre.host.renewed)
    scene = theatre.press("panic")
    assert (scene.step, scene.mode) == ("first/inside", "ready")
    assert len(theatre.host.renewed) == before + 1
    assert set(theatre.host.now.datasets) == {"tank/images"}


def test_panic_mends_a_host_that_is_gone() -> None:
    theatre = Theatre()
    theatre.host.alive = False
    theatre.type("echo")
    assert theatre.scene.mode == "missed" and "gone" in theatre.scene.message
    assert theatre.press("panic").mode == "ready"


def test_a_state_that_cannot_be_rebuilt_is_said_and_can_be_tried_again() -> None:
    theatre = Theatre({"create images": lambda now: now})
    scene = theatre.press("jump 2")
    assert scene.mode == "missed" and "could not be rebuilt" in scene.message
    assert scene.step == "first/inside"
    theatre.host.effects["create images"] = made("tank/images")
    assert theatre.press("panic").mode == "ready"


def test_a_recording_is_played_and_then_it_goes_on_for_real() -> None:
    take = Take("2026-01-01", ((0.5, "host # ls\r\n"), (0.1, "a\x1b[31mb\r\n")))
    theatre = Theatre(takes=lambda step: take if step == "first/images" else None)
    scene = theatre.press("replay")
    played = [s.ran[-1].output for s in theatre.scenes if s.mode == "replay"]
    assert played == ["host # ls", "host # ls\nab"] and theatre.slept == [0.5, 0.1]
    assert scene.mode == "passed" and "tank/images" in theatre.host.now.datasets
    assert "no recording" in theatre.press("jump 2", "replay").message


def test_the_clock_starts_with_the_first_line_and_can_stand() -> None:
    theatre = Theatre()
    theatre.clock.time += 60
    assert "not begun" in theatre.press("pause").message
    theatre.press("next")
    assert theatre.scene.started == theatre.scene.step_started == 1060
    theatre.clock.time += 30
    assert theatre.press("pause").paused == 1090
    theatre.clock.time += 100
    scene = theatre.press("pause")
    assert (scene.paused, scene.waited, scene.step_started) == (0, 100, 1160)
    theatre.clock.time += 10
    theatre.press("heal", "next")
    assert theatre.scene.stops[0].seconds == 40


def test_dark_and_black_at_any_time() -> None:
    theatre = Theatre()
    assert theatre.press("blank").blank and not theatre.press("blank").blank
    assert theatre.press("theme").theme == "light" and theatre.press("theme dark").theme == "dark"


def test_enter_on_nothing_runs_nothing() -> None:
    theatre = Theatre()
    theatre.type("", "   ")
    assert theatre.host.typed == ["prepare"]


def test_a_program_that_was_left_can_be_gone_back_to() -> None:
    theatre = Theatre(says={"vi": Result("away", None, b"\x1b[?1049h\x1b[Hhello")})
    scene = theatre.type("vi")
    assert scene.mode == "away" and scene.ran[-1].output == ""
    assert "has the shell" in theatre.press("next").message
    assert "alone" in theatre.type("ls").message
    theatre.type("")
    assert theatre.scene.mode == "ready" and theatre.scene.next_line == "cd /lab"


def test_the_rest_of_a_line_is_asked_for() -> None:
    theatre = Theatre(says={"cat <<E": Result("more", None, b"")})
    assert theatre.type("cat <<E").user == ">"
    assert theatre.type("E").user == "#"
    theatre.type("cat <<E")
    theatre.performance.cancel()
    assert theatre.scene.user == "#"


def test_switching_the_shell_is_no_line() -> None:
    theatre = Theatre()
    assert theatre.type(":container").shell == "container"
    assert "not for the stage" in theatre.type(":reset").message
    assert theatre.scene.mode == "ready" and theatre.host.typed == ["prepare"]


def test_a_question_is_answered_by_a_line() -> None:
    theatre = Theatre({"go in": started(INNER)})
    theatre.press("jump 3", "run", "run")
    assert [ran.line for ran in theatre.scene.ran] == ["readlink", ":answer 1"]
    assert theatre.scene.mode == "passed"


def test_an_answer_that_is_none_is_refused() -> None:
    theatre = Theatre()
    theatre.press("jump 3")
    scene = theatre.type(":answer perhaps")
    assert scene.mode == "missed" and "not one of the answers" in scene.message
    assert theatre.type(":answer 1").mode == "passed"


def test_a_machine_without_zfs_has_a_shorter_talk() -> None:
    assert [stop.id for stop in Theatre(zfs=False).scene.stops] == [
        "first/images",
        "first/inside",
        "first/count",
    ]


def test_output_is_plain_text() -> None:
    theatre = Theatre(says={"ls": Result("prompt", 0, b"\x1b[1;34mbin\x1b[0m  a\tb\r\n10%\r100%\r\n")})
    assert theatre.type("ls").ran[-1].output == "bin  a  b\n100%"


def test_what_cleared_the_screen_clears_the_stage() -> None:
    theatre = Theatre(says={"clear": Result("prompt", 0, b"\x1b[H\x1b[2J\x1b[3J")})
    theatre.type("echo", "clear")
    assert [ran.line for ran in theatre.scene.ran] == ["clear"]
