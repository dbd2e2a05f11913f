"""The scripted shell is a shell to the type checker, and does as it is told."""

from __future__ import annotations

from scripted import OK, ScriptedShell

from workshop.shell import Result, Shell, Silent


def test_it_answers_by_its_script() -> None:
    gone = Result("closed", None, b"bye\r\n")
    scripted = ScriptedShell({"exit": gone})
    shell: Shell = scripted
    silent = Silent()
    assert shell.run("true", silent) == OK
    assert shell.run("exit", silent) == gone
    assert (shell.alive, shell.foreground(), silent.output) == (False, None, b"bye\r\n")
    assert scripted.typed == ["true", "exit"]
