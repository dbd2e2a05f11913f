"""Completion sees what the process sees, and never what lies outside its root."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from workshop.ui.completion import Eyes, ShellCompleter, quoted, starts_command, unquoted


@pytest.fixture
def eyes(tmp_path: Path) -> Eyes:
    """A process 7 whose root is `tmp/root`, in its folder /work."""
    root = tmp_path / "root"
    for folder in ("bin", "work/sub dir", "etc", "real"):
        (root / folder).mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/host-only").touch()
    for program in ("bin/busybox", "bin/bash"):
        (root / program).touch(0o755)
    (root / "bin/readme").touch(0o644)
    (root / "bin/sh").symlink_to("/bin/busybox")
    (root / "real/inside").touch()
    (root / "work/file.tar").touch()
    (root / "work/.hidden").touch()
    (root / "work/link").symlink_to("/real")
    (root / "work/out").symlink_to("../../../../../secret")
    (root / "work/abs-out").symlink_to(f"{tmp_path}/secret")
    (root / "work/loop").symlink_to("loop")
    proc = tmp_path / "proc/7"
    proc.mkdir(parents=True)
    (proc / "root").symlink_to(root)
    (proc / "cwd").symlink_to(root / "work")
    (proc / "environ").write_bytes(b"PATH=/bin:/nowhere\0HOME=/real\0")
    return Eyes(tmp_path / "proc", 7)


def complete(eyes: Eyes | None, text: str) -> list[str]:
    """The line as each completion would make it."""
    completer = ShellCompleter(lambda: eyes, lambda: ["process-trees/orphans"], lambda: ["init", "bash"])
    found = completer.get_completions(Document(text), CompleteEvent(completion_requested=True))
    return [text[: len(text) + each.start_position] + each.text for each in found]


def test_commands_come_from_its_path_and_from_bash(eyes: Eyes) -> None:
    assert complete(eyes, "b") == ["bash ", "bg ", "bind ", "break ", "builtin ", "busybox "]
    assert complete(eyes, "sudo bus") == ["sudo busybox "]
    assert complete(eyes, "true && sh") == ["true && sh ", "true && shift ", "true && shopt "]
    assert complete(eyes, "readm") == []


def test_paths_are_those_of_its_folder(eyes: Eyes) -> None:
    assert complete(eyes, "tar xf fi") == ["tar xf file.tar "]
    assert complete(eyes, "cd s") == ["cd sub\\ dir/"]
    assert complete(eyes, "cat .h") == ["cat .hidden "]
    assert ".hidden" not in " ".join(complete(eyes, "cat "))
    assert complete(eyes, "cat </etc") == ["cat </etc/"]


def test_absolute_paths_begin_at_its_root(eyes: Eyes) -> None:
    assert complete(eyes, "ls /re") == ["ls /real/"]
    assert complete(eyes, "ls /../../re") == ["ls /../../real/"]
    assert complete(eyes, "ls ~/in") == ["ls ~/inside "]


def test_links_lead_where_they_lead_inside(eyes: Eyes) -> None:
    assert complete(eyes, "ls lin") == ["ls link/"]
    assert complete(eyes, "ls link/") == ["ls link/inside "]


@pytest.mark.parametrize("path", ["out/", "abs-out/", "loop/", "../../secret/", "/../secret/"])
def test_nothing_outside_its_root_is_seen(eyes: Eyes, path: str) -> None:
    assert complete(eyes, f"ls {path}") == []


def test_a_process_that_is_gone_completes_builtins_at_most(tmp_path: Path) -> None:
    assert complete(Eyes(tmp_path, 4), "ls x") == []
    assert complete(None, "ls x") == []


def test_control_commands_and_their_arguments() -> None:
    assert complete(None, ":so") == [":solution"]
    assert complete(None, ":goto pro") == [":goto process-trees/orphans"]
    assert complete(None, ":answer i") == [":answer init"]
    assert complete(None, ":reset l") == [":reset lesson"]


def test_an_open_quote_is_completed(eyes: Eyes) -> None:
    assert complete(eyes, "cd 'sub d") == ["cd sub\\ dir/"]


@pytest.mark.parametrize(
    ("before", "starts"),
    [
        ("", True),
        ("a | ", True),
        ("X=1 ", True),
        ("(", True),
        ("ls ", False),
        ("ls > ", False),
        ("sudo ", True),
    ],
)
def test_where_a_command_begins(before: str, starts: bool) -> None:
    assert starts_command(before) is starts


def test_quoting_goes_both_ways() -> None:
    for name in ("a b", "it's", 'x"y', "$HOME", "a\\b"):
        assert unquoted(quoted(name)) == name
