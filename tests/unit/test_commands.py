"""Control commands and the shell's own lines are never taken for one another."""

from __future__ import annotations

import pytest

from workshop.errors import UsageError
from workshop.render.where import plain
from workshop.ui import keys
from workshop.ui.commands import COMMANDS, Control, is_control, parse
from workshop.ui.learn import Guide


@pytest.mark.parametrize(
    "line", [": > file", ":", ": hint", "echo :hint", ":>f", ":(){ :|:& };:", "", ":1", "::"]
)
def test_the_shells_lines_stay_the_shells(line: str) -> None:
    assert parse(line) is None
    assert not is_control(line)


@pytest.mark.parametrize(
    ("line", "control"),
    [
        (":next", Control("next")),
        ("  :n ", Control("next")),
        (":HINT", Control("hint")),
        (":goto  process-trees/a ", Control("goto", "process-trees/a")),
        (":answer it is 1", Control("answer", "it is 1")),
        (":sol", Control("solution")),
    ],
)
def test_control_commands_by_name_and_by_beginning(line: str, control: Control) -> None:
    assert parse(line) == control


def test_what_may_mean_two_things_is_asked_back() -> None:
    with pytest.raises(UsageError, match=r":help.*:hint.*:host"):
        parse(":h")


def test_a_typo_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        parse(":soluton")
    assert caught.value.hint == "Did you mean `:solution`?"
    with pytest.raises(UsageError) as caught:
        parse(":xyzzy")
    assert ":help" in caught.value.hint


def test_every_command_can_be_done() -> None:
    assert all(hasattr(Guide, f"_do_{command.name}") for command in COMMANDS)


def test_no_key_means_two_things() -> None:
    used = [key for command in COMMANDS for key in command.keys]
    assert len(used) == len(set(used))


def test_every_key_has_another_way_that_is_no_function_key() -> None:
    for command in COMMANDS:
        if command.keys:
            assert any(not key.startswith("F") for key in command.keys), command.name


def test_key_names() -> None:
    assert keys.sequence("F1") == ("f1",)
    assert keys.sequence("Ctrl-N") == ("c-n",)
    assert keys.sequence("Alt-H") == ("escape", "h")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_toolbar_fits_and_begins_with_what_matters(width: int) -> None:
    open_ = plain(keys.toolbar(keys.items(passed=False, ghost=True, away=False), width))
    done = plain(keys.toolbar(keys.items(passed=True, ghost=False, away=False), width))
    assert len(open_) < width and len(done) < width
    assert open_.startswith("Right takes the line  F1 help")
    assert done.startswith("Ctrl-N next  F1 help")
