from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop import cli
from workshop.machine import Capability, Machine
from workshop.progress import Progress
from workshop.ui import lessons

COURSE = Path(__file__).parent / "course"
FIRST, SECOND = "process-trees/become-pid-1", "process-trees/which-number-has-it-outside"


def capability(name: str, *, has: bool) -> Capability:
    return Capability(
        name, has, "it runs" if has else "nobody is root", remedy="" if has else "sudo workshop"
    )


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Capability]:
    """A machine with root and Docker, and a progress file with the first step done."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    known = {name: capability(name, has=True) for name in ("root", "docker")}
    monkeypatch.setattr(lessons, "examine", lambda: Machine(known, "6.18", "debian-12"))
    progress = Progress(tmp_path / "container-workshop" / "progress.json")
    progress.pass_(FIRST, [])
    progress.at(SECOND)
    return known


def test_the_map(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lessons", "--course", str(COURSE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  1  A process tree of your own  6 min, 1 of 2 done  process-trees"
    assert lines[1] == "     ✓ Become PID 1  done"
    assert lines[2].startswith("     – Which number has it outside?  not on this machine: docker is there")
    assert "you are here" in " ".join(lines[2:4])
    assert lines[-1] == "Track short: A short one, 2 steps, 5 minutes"
    assert all(len(line) <= 80 for line in lines)


def test_what_a_whole_lesson_lacks_is_said_once(
    machine: dict[str, Capability], capsys: pytest.CaptureFixture[str]
) -> None:
    machine["root"] = capability("root", has=False)
    assert cli.main(["lessons", "--course", str(COURSE)]) == 0
    out = capsys.readouterr().out
    assert out.count("root is missing (nobody is root; sudo workshop)") == 1


def test_the_map_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lessons", "--course", str(COURSE), "--json"]) == 0
    lesson, track = map(json.loads, capsys.readouterr().out.splitlines())
    assert (lesson["event"], lesson["id"], lesson["number"], lesson["minutes"]) == (
        "lesson",
        "process-trees",
        1,
        6,
    )
    assert [(step["id"], step["done"], step["lacks"]) for step in lesson["steps"]] == [
        (FIRST, True, None),
        (SECOND, False, "docker is there, and this is for machines without it"),
    ]
    assert (track["event"], track["id"], track["minutes"]) == ("track", "short", 5)
    assert track["steps"][1] == {"id": SECOND, "minutes": 2, "optional": True}


def test_a_course_with_errors_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "01-x.md").write_text("")
    assert cli.main(["lessons", "--course", str(tmp_path)]) == 2
    assert "01-x.md:1: the front matter is missing" in capsys.readouterr().err
