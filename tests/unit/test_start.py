"""How a user becomes root: through sudo, which may refuse."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from workshop.errors import MachineError
from workshop.ui import start


class BecameError(Exception):
    """What the program would have become."""


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody at a terminal who is not root, and says yes to sudo; the folder of the programs."""

    def become(name: str, argv: list[str]) -> None:
        raise BecameError(argv, dict(os.environ))

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "execvp", become)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    streams = SimpleNamespace(stdin=Tty(), stderr=Tty(), executable="/usr/bin/python3")
    monkeypatch.setattr(start, "sys", streams)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/user")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def sudo(folder: Path, status: int) -> None:
    program = folder / "sudo"
    program.write_text(f"#!/bin/sh\necho /the/program\n[ $1 = --list ] && exit {status}\n")
    program.chmod(0o755)


def test_progress_stays_where_the_user_has_it(user: Path) -> None:
    sudo(user, 0)
    with pytest.raises(BecameError) as became:
        start.need_root(("learn", "3"))
    argv, environ = became.value.args
    assert argv[0] == "sudo" and argv[-2:] == ["learn", "3"] and "XDG_STATE_HOME" in argv[1]
    assert environ["XDG_STATE_HOME"] == "/home/user/.local/state"


def test_a_refusal_is_no_step_missed(
    user: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sudo(user, 1)
    answers = iter("yn")  # with sudo, and then not without root either
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    with pytest.raises(MachineError, match="Nothing was started") as refused:
        start.need_root(("run", "3"))
    assert refused.value.status == 3
    assert "/the/program" not in capfd.readouterr().out
