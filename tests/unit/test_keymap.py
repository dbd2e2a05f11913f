"""Other keys: what a keys.toml can say, and what is said about a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.errors import UsageError
from workshop.ui import commands, keymap, keys
from workshop.ui.lint import main as lint


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    commands.rebind({})


def written(folder: Path, text: str) -> Path:
    path = folder / keymap.FILE
    path.write_text(text)
    return path


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    assert keymap.load(tmp_path / keymap.FILE) == {}


def test_one_key_several_keys_and_none(tmp_path: Path) -> None:
    path = written(tmp_path, 'next = "F12"\nhint = ["Alt-G", "F11"]\nmap = []\n')
    commands.rebind(keymap.load(path))
    assert commands.key_of("next") == "F12"
    assert commands.key_of("hint") == "Alt-G"
    assert commands.key_of("map") == ":map"
    assert commands.key_of("help") == "F1"


def test_a_key_that_is_taken_is_no_others_any_more(tmp_path: Path) -> None:
    commands.rebind(keymap.load(written(tmp_path, 'next = "F1"\n')))
    assert commands.key_of("next") == "F1"
    assert commands.key_of("help") == "Alt-H"


def test_the_toolbar_names_the_keys_that_hold(tmp_path: Path) -> None:
    commands.rebind(keymap.load(written(tmp_path, 'hint = "Ctrl-G"\n')))
    assert ("Ctrl-G", "hint") in keys.items(passed=False, ghost=False, away=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nxt = "F12"\n', "keys.toml:1: the table of keys has no key 'nxt'; write next"),
        ('next = "F99"\n', "'F99' is no key"),
        ('next = "ctrl-n"\n', "'ctrl-n' is no key; write Ctrl-G"),
        ('\nnext = "Ctrl-M"\n', "keys.toml:2: Ctrl-M is Enter"),
        ('next = "F12"\nhint = "F12"\n', "keys.toml:2: F12 is given to next already"),
        ("next = 3\n", "next is not a list of texts"),
        ("next = \n", "keys.toml:1:"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        keymap.load(path)
    assert said in caught.value.message
    assert lint(path) == 2
    assert said in capsys.readouterr().out


def test_where_the_file_is(tmp_path: Path) -> None:
    assert keymap.file({"XDG_CONFIG_HOME": "/c"}) == Path("/c/container-workshop/keys.toml")
    assert keymap.file({"HOME": "/h"}) == Path("/h/.config/container-workshop/keys.toml")


def test_every_default_is_a_key() -> None:
    for command in commands.COMMANDS:
        for key in command.keys:
            assert keymap.KEY.fullmatch(key) or key in keymap.TAKEN
