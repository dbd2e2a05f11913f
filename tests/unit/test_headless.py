"""`workshop run` over a host that is made up: rows, lines and exit statuses."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fake_host import CLONE, COUNT, COURSE, EFFECTS, FRONTS, IMAGES, INSIDE, FakeHost, machine

from workshop import cli
from workshop.errors import LabError, MachineError
from workshop.lesson import Course
from workshop.machine import Machine
from workshop.ui import headless, start
from workshop.ui.headless import Progressing

Run = Callable[..., int]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(*words, host=…, course=…)` is `workshop run WORDS` on that host."""

    def run(*words: str, host: FakeHost | None = None, course: Course = COURSE) -> int:
        found = host or FakeHost(EFFECTS, fronts=FRONTS)

        @contextmanager
        def lend(options: object, on: Machine) -> Iterator[FakeHost]:
            yield found

        monkeypatch.setattr(headless, "load", lambda folder: course)
        monkeypatch.setattr(headless, "need_root", lambda words: None)
        monkeypatch.setattr(headless, "examine", lambda: found.machine)
        monkeypatch.setattr(headless, "host", lend)
        return cli.main(["run", *words])

    return run


def rows(capsys: pytest.CaptureFixture[str]) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_all_passed(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("first", "--json") == 0
    found = rows(capsys)
    assert [(row["event"], row["id"], row["state"]) for row in found] == [
        ("step", IMAGES.id, "passed"),
        ("step", INSIDE.id, "passed"),
        ("step", COUNT.id, "passed"),
    ]
    for row in found:
        assert set(row) == {"event", "id", "state", "seconds", "verdicts"}
        assert isinstance(row["seconds"], float)
        [verdict] = row["verdicts"]
        assert set(verdict) == {"check", "state", "expected", "found", "evidence"}
        assert verdict["state"] == "passed"
        assert all(set(evidence) == {"what", "value", "source"} for evidence in verdict["evidence"])
    assert found[0]["verdicts"][0]["check"] == "datasets_exist"
    assert found[0]["verdicts"][0]["evidence"][0]["source"] == "zfs list -t all"


def test_a_step_goes_on_where_the_one_before_ended(play: Run) -> None:
    host = FakeHost(EFFECTS, fronts=FRONTS)
    assert play("first", host=host) == 0
    assert len(host.renewed) == 1


def test_something_missed(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    host = FakeHost({"go in": EFFECTS["go in"]}, fronts=FRONTS)
    assert play("first/images", "--json", host=host) == 1
    [row] = rows(capsys)
    assert row["state"] == "missed"
    assert row["verdicts"][0]["found"] == "there is no file system tank/images"


def test_what_cannot_be_rebuilt_is_missed_and_said(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    host = FakeHost({"go in": EFFECTS["go in"]}, fronts=FRONTS)
    assert play("first/inside", "--json", host=host) == 1
    [row] = rows(capsys)
    assert row["state"] == "missed" and "first/images could not be rebuilt" in row["why"]


def test_what_this_machine_cannot_play(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("1", "2", "--json") == 0
    row = rows(capsys)[-1]
    assert row == {
        "event": "step",
        "id": CLONE.id,
        "state": "unsupported",
        "seconds": 0.0,
        "verdicts": [],
        "why": "zfs is missing",
    }


def test_a_machine_that_can_play_nothing_of_it(play: Run) -> None:
    assert play("second") == 3
    able = FakeHost(EFFECTS, on=machine("root", "zfs"))
    assert play("second", host=able) == 0 and able.renewed == [("pool",)]


def test_the_gate_in_the_rows(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("first/images", "--verify", "--json") == 0
    [row] = rows(capsys)
    assert all(set(rule) == {"rule", "holds", "why"} and rule["holds"] for rule in row["gate"])
    assert {"rule": "misses before the step", "holds": True, "why": ""} in row["gate"]


def test_a_broken_rule_is_a_miss(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    lying = replace(COURSE.lessons[0], steps=(replace(IMAGES, passes_before="so they say"),))
    course = Course((lying,), diagnoses=COURSE.diagnoses)
    assert play("--verify", "--json", course=course) == 1
    [row] = rows(capsys)
    assert row["state"] == "missed" and row["verdicts"][0]["state"] == "passed"
    assert [rule["rule"] for rule in row["gate"] if not rule["holds"]] == [
        "passes before, by declaration: so they say"
    ]
    assert play("--verify", course=course) == 1
    assert "gate: passes before, by declaration: so they say" in capsys.readouterr().out


def test_for_people(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play() == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["passed", IMAGES.id]
    assert lines[3].split()[:2] == ["unsupported", CLONE.id] and lines[4].strip() == "zfs is missing"
    assert lines[-1].startswith("3 passed, 0 missed, 1 unsupported in ")
    assert err == "" and "\x1b" not in out


def test_what_was_missed_is_said_to_people(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("first/images", host=FakeHost()) == 1
    out = capsys.readouterr().out
    wanted = "datasets_exist: expected file systems tank/images; found there is no file system tank/images"
    assert wanted in out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_nothing_else() -> None:
    screen, file = Terminal(), io.StringIO()
    for stream in (screen, file):
        Progressing(stream).say("x" * 100)
        Progressing(stream).say("")
    assert screen.getvalue() == "\r\x1b[K" + "x" * 78 + "\r\x1b[K"
    assert file.getvalue() == ""


def test_a_host_that_cannot_be_made(play: Run, capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing(FakeHost):
        def renew(self, needs: Sequence[str] = ()) -> None:
            self.alive = False
            raise LabError("The lab could not be made.", "No namespaces.")

    assert play("first", "--json", host=Refusing()) == 3
    out, err = capsys.readouterr()
    assert out == "" and err.count("The lab could not be made.") == 1 and "No namespaces." in err


def test_without_root_it_says_why_and_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start.os, "geteuid", lambda: 1000)
    assert cli.main(["run", "1"]) == MachineError.status == 3
    said = capsys.readouterr().err
    first, with_root, without = said.splitlines()
    assert "The workshop needs root" in first
    assert "sudo " in with_root and with_root.endswith("-m workshop run 1")
    assert without.endswith("-m workshop run 1 --rootless")
