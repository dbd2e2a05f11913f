"""The line editor, with keys from a pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from workshop.ui.commands import COMMANDS, Control
from workshop.ui.prompt import (
    Asked,
    Eof,
    Interrupted,
    Line,
    Lines,
    Pressed,
    Prompt,
    open_history,
)

GHOST = "unshare --pid --fork bash"
BYTES = {
    f"F{n}": code
    for n, code in zip(
        range(1, 10), ["OP", "OQ", "OR", "OS", "[15~", "[17~", "[18~", "[19~", "[20~"], strict=True
    )
} | {"F12": "[24~"}


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def ask(keyboard: PipeInput, keys: str, *, ghost: str | None = GHOST, start: str = "") -> Asked:
    prompt = Prompt(
        ghost=lambda: ghost,
        toolbar=lambda _: [],
        keyboard=keyboard,
        output=DummyOutput(),
        history=InMemoryHistory(),
    )
    keyboard.send_text(keys)
    return prompt.ask(lambda: [("", "# ")], start=start)


@pytest.mark.parametrize("key", ["\x1b[C", "\x05", "\t"])
def test_one_key_takes_over_the_ghost_text(keyboard: PipeInput, key: str) -> None:
    assert ask(keyboard, f"{key}\r") == Line(GHOST)


def test_ghost_text_follows_what_is_typed(keyboard: PipeInput) -> None:
    assert ask(keyboard, "unsh\x1b[C\r") == Line(GHOST)
    assert ask(keyboard, "x\x1b[C\r") == Line("x")
    assert ask(keyboard, "x\x7f\x1b[C\r") == Line(GHOST)


def test_enter_alone_runs_nothing_of_the_ghost(keyboard: PipeInput) -> None:
    assert ask(keyboard, "\r") == Line("")


def encode(key: str) -> str:
    kind, _, letter = key.partition("-")
    if kind == "Ctrl":
        return chr(ord(letter) & 0x1F)
    return f"\x1b{letter.lower()}" if kind == "Alt" else f"\x1b{BYTES[key]}"


@pytest.mark.parametrize(
    ("name", "key"), [(c.name, key) for c in COMMANDS for key in c.keys if key != "Ctrl-D"], ids=str
)
def test_every_key_gives_its_command_and_keeps_the_line(keyboard: PipeInput, name: str, key: str) -> None:
    assert ask(keyboard, f"half{encode(key)}") == Pressed(Control(name), "half")


def test_a_line_that_was_kept_can_be_gone_on_with(keyboard: PipeInput) -> None:
    assert ask(keyboard, " typed\r", start="half") == Line("half typed")


def test_ctrl_c_and_ctrl_d(keyboard: PipeInput) -> None:
    assert ask(keyboard, "half\x03") == Interrupted()
    assert ask(keyboard, "\x04") == Eof()
    assert ask(keyboard, "ab\x1b[D\x04\r") == Line("a")


def test_the_guides_own_key_does_nothing_at_the_prompt(keyboard: PipeInput) -> None:
    assert ask(keyboard, "a\x1db\r") == Line("ab")


def test_a_paste_of_several_lines_stays_whole(keyboard: PipeInput) -> None:
    assert ask(keyboard, "\x1b[200~one\ntwo\x1b[201~\r") == Line("one\ntwo")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("y", True),
        ("Y", True),
        ("n", False),
        ("ny", False),
        ("\r", False),
        ("\x03", False),
        ("\x04", False),
        ("\x1b[C", False),
    ],
)
def test_one_key_answers_and_only_y_is_a_yes(keyboard: PipeInput, typed: str, said: bool) -> None:
    prompt = Prompt(ghost=lambda: None, toolbar=lambda _: [], keyboard=keyboard, output=DummyOutput())
    keyboard.send_text(typed)
    assert prompt.confirm("Sure?") is said


def test_background_output_is_taken_while_the_prompt_waits(keyboard: PipeInput) -> None:
    read, write = os.pipe()
    os.write(write, b"job done\n")
    taken: list[bytes] = []

    def take() -> bytes | None:
        taken.append(os.read(read, 100))
        keyboard.send_text("x\r")
        return None

    prompt = Prompt(ghost=lambda: None, toolbar=lambda _: [], keyboard=keyboard, output=DummyOutput())
    assert prompt.ask(lambda: [("", "# ")], watch={read: take}) == Line("x")
    assert taken == [b"job done\n"]
    os.close(read)
    os.close(write)


def test_history_keeps_shell_lines_only_and_survives(tmp_path: Path) -> None:
    path = tmp_path / "deep/history"
    history = open_history((path.with_name("progress.json"), None))
    for line in ("ls", ":hint", "  ", ": > file"):
        history.append_string(line)
    assert list(Lines(str(path)).load_history_strings()) == [": > file", "ls"]


def test_a_history_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    open_history((tmp_path / "file/progress.json", None)).append_string("ls")
    (tmp_path / "folder/history").mkdir(parents=True)
    history = open_history((tmp_path / "folder/progress.json", None))
    history.append_string("ls")
    assert history.get_strings() == ["ls"]
    assert list(history.load_history_strings()) == []


def test_history_lies_beside_the_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    open_history().append_string("ls")
    assert (tmp_path / "container-workshop/history").exists()


@pytest.mark.root
def test_under_sudo_the_history_is_the_users(tmp_path: Path) -> None:
    open_history((tmp_path / "a/progress.json", (65534, 65534))).append_string("ls")
    assert [path.stat().st_uid for path in (tmp_path / "a", tmp_path / "a/history")] == [65534] * 2
