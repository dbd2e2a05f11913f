from __future__ import annotations

import json
import os
import pwd
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workshop import progress as module
from workshop.lesson import CheckCall, Course, Lesson, Place, Step
from workshop.progress import Done, Line, Progress, digest, place

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LINES: list[Line] = [("host", "unshare --pid --fork bash"), ("container", "echo \udcff ü")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "container-workshop" / "progress.json"


def at_noon(path: Path, **more: Any) -> Progress:
    return Progress(path, clock=lambda: NOON, **more)


def test_a_newcomer_has_done_nothing_and_nothing_is_written(path: Path) -> None:
    progress = Progress(path)
    assert (progress.steps, progress.position, progress.messages) == ({}, None, [])
    assert not progress.passed("a/b")
    assert not path.parent.exists()


def test_what_was_done_is_there_the_next_time(path: Path) -> None:
    progress = at_noon(path)
    progress.pass_("a/b", LINES, 2)
    progress.at("a/c")
    again = Progress(path)
    assert again.steps == {"a/b": Done("2025-03-01T12:00:00+00:00", tuple(LINES), 2)}
    assert again.passed("a/b") and not again.passed("a/c")
    assert again.position == "a/c"
    assert again.messages == []


def test_the_first_time_counts_and_the_last_lines(path: Path) -> None:
    at_noon(path).pass_("a/b", LINES, 2)
    later = Progress(path, clock=lambda: NOON + timedelta(days=1))
    later.pass_("a/b", LINES[:1])
    assert Progress(path).steps["a/b"] == Done("2025-03-01T12:00:00+00:00", tuple(LINES[:1]), 0)


def test_what_a_power_cut_left_half_written_goes_with_the_next_step(path: Path) -> None:
    at_noon(path).pass_("a/b", LINES)
    half = path.parent / ".progress-abcd"
    half.write_text("{")
    assert Progress(path).messages == [] and half.exists()
    at_noon(path).pass_("a/c", LINES)
    assert [each.name for each in path.parent.iterdir()] == ["progress.json"]
    assert set(Progress(path).steps) == {"a/b", "a/c"}


def test_two_workshops_at_once_lose_nothing(path: Path) -> None:
    one, two = at_noon(path), at_noon(path)
    one.pass_("a/one", LINES)
    two.pass_("a/two", LINES)
    one.at("a/three")
    assert Progress(path).steps.keys() == {"a/one", "a/two"}
    assert one.passed("a/two")


def test_the_file_is_private_and_alone_in_its_folder(path: Path) -> None:
    at_noon(path).pass_("a/b", LINES)
    assert [p.name for p in path.parent.iterdir()] == ["progress.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def good() -> dict[str, Any]:
    return {
        "format": module.FORMAT,
        "version": 1,
        "course": "x",
        "last": "a/b",
        "steps": {"a/b": {"passed": "then", "hints": 1, "lines": [["host", "true"]]}},
    }


def test_the_good_file_is_read(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(good()))
    assert Progress(path).steps == {"a/b": Done("then", (("host", "true"),), 1)}


BROKEN = [
    (b"", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b'{"format": "container-workshop progress", "ver', "not JSON"),
    (b"[" * 200_000, "recursion"),
    (b"[]", "another program"),
    (b'{"tabs": []}', "another program"),
    (json.dumps(good() | {"version": 2}).encode(), "newer workshop"),
    (json.dumps(good() | {"version": True}).encode(), "no version"),
    (json.dumps(good() | {"last": 5}).encode(), "a part of it"),
    (json.dumps(good() | {"steps": []}).encode(), "a part of it"),
    (json.dumps(good() | {"steps": {"a/b": 1}}).encode(), "a step in it"),
    (json.dumps(good() | {"steps": {"a/b": {}}}).encode(), "a step in it"),
    (
        json.dumps(good() | {"steps": {"a/b": {"passed": "x", "lines": [["vm", "x"]]}}}).encode(),
        "a step in it",
    ),
    (json.dumps(good() | {"steps": {"a/b": {"passed": "x", "hints": -1}}}).encode(), "a step in it"),
    (b" " * (module.LARGEST + 1), "too large"),
]


@pytest.mark.parametrize(("content", "why"), BROKEN, ids=[why for _, why in BROKEN])
def test_a_file_that_is_not_ours_is_set_aside(path: Path, content: bytes, why: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    progress = at_noon(path)
    aside = path.with_name("progress.json.broken-1")
    assert aside.read_bytes() == content
    assert len(progress.messages) == 1
    assert why in progress.messages[0]
    assert str(aside) in progress.messages[0]
    assert progress.steps == {}
    progress.pass_("a/b", LINES)
    assert Progress(path).passed("a/b")


def test_nothing_that_was_set_aside_is_overwritten(path: Path) -> None:
    path.parent.mkdir(parents=True)
    for content in ("first", "second", "third"):
        path.write_text(content)
        Progress(path)
    kept = {p.name: p.read_text() for p in path.parent.iterdir()}
    assert kept == {
        f"progress.json.broken-{n}": text for n, text in ((1, "first"), (2, "second"), (3, "third"))
    }


def test_a_folder_or_a_pipe_of_that_name_does_not_hang_the_start(path: Path) -> None:
    path.mkdir(parents=True)
    assert Progress(path).messages
    os.mkfifo(path)
    assert "it is no file" in Progress(path).messages[0]
    assert [p.name for p in sorted(path.parent.iterdir())] == [
        "progress.json.broken-1",
        "progress.json.broken-2",
    ]


def test_a_file_that_breaks_while_the_course_is_played_costs_nothing(path: Path) -> None:
    progress = at_noon(path)
    progress.pass_("a/one", LINES)
    path.write_text("{")
    progress.pass_("a/two", LINES)
    assert Progress(path).steps.keys() == {"a/one", "a/two"}
    assert path.with_name("progress.json.broken-1").read_text() == "{"


def test_a_full_disk_is_said_and_the_old_file_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = at_noon(path)
    progress.pass_("a/one", LINES)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    progress.pass_("a/two", LINES)
    progress.at("a/three")
    assert progress.messages == [
        f"Your progress cannot be kept in {path}: No space left on device. The course goes on."
    ]
    assert progress.passed("a/two") and progress.position == "a/three"
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["progress.json"]
    monkeypatch.undo()
    progress.pass_("a/four", LINES)
    assert Progress(path).steps.keys() == {"a/one", "a/two", "a/four"}


def test_a_place_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    progress = at_noon(tmp_path / "file" / "progress.json")
    progress.pass_("a/b", LINES)
    assert "cannot be kept" in progress.messages[0]
    assert progress.passed("a/b")


def test_a_new_file_is_whole_before_it_has_the_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync of the content, then rename, then fsync of the folder."""
    at_noon(path).pass_("a/one", LINES)
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(module.os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    at_noon(path).pass_("a/two", LINES)
    assert order == ["file", "rename", "folder"]


ME = pwd.getpwuid(os.geteuid())
NOBODY = pwd.getpwnam("nobody")


@pytest.mark.parametrize(
    ("environ", "root", "expected", "owner"),
    [
        ({"HOME": "/h"}, False, "/h/.local/state", None),
        ({"HOME": "/h", "XDG_STATE_HOME": "/s"}, False, "/s", None),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, False, "/h/.local/state", None),
        ({}, False, f"{ME.pw_dir}/.local/state", None),
        ({"HOME": "/root", "SUDO_UID": "0"}, True, "/root/.local/state", None),
        ({"HOME": "/root", "SUDO_UID": "mallory"}, True, "/root/.local/state", None),
        ({"HOME": "/root", "SUDO_UID": "-1"}, True, "/root/.local/state", None),
        ({"HOME": "/root", "SUDO_UID": "99999999999999999999"}, True, "/root/.local/state", None),
        ({"HOME": "/h", "SUDO_UID": str(NOBODY.pw_uid)}, False, "/h/.local/state", None),
        (
            {"HOME": "/root", "SUDO_UID": str(NOBODY.pw_uid)},
            True,
            f"{NOBODY.pw_dir}/.local/state",
            (NOBODY.pw_uid, NOBODY.pw_gid),
        ),
        (
            {"HOME": "/root", "SUDO_UID": str(NOBODY.pw_uid), "XDG_STATE_HOME": "/s"},
            True,
            "/s",
            (NOBODY.pw_uid, NOBODY.pw_gid),
        ),
    ],
)
def test_where_it_is(
    environ: dict[str, str], root: bool, expected: str, owner: tuple[int, int] | None
) -> None:
    assert place(environ, root=root) == (Path(expected, "container-workshop", "progress.json"), owner)


@pytest.mark.root
def test_under_sudo_everything_made_is_the_users(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "progress.json"
    owner = (NOBODY.pw_uid, NOBODY.pw_gid)
    progress = Progress(path, owner=owner)
    progress.pass_("a/b", LINES)
    progress.at("a/b")
    made = [path, path.parent, path.parent.parent]
    assert [(p.stat().st_uid, p.stat().st_gid) for p in made] == [owner] * 3
    assert tmp_path.stat().st_uid == 0


def course(answer: str, text: str) -> Course:
    at = Place("01-a.md", 1)
    step = Step("a/b", "B", text, at, checks=(CheckCall("inner_pid", {"answer": answer}, at),))
    return Course((Lesson("a", 1, "A", 1, text, at, steps=(step,)),))


def test_a_course_is_another_one_when_a_goal_is(path: Path) -> None:
    assert digest(course("1", "x")) == digest(course("1", "other words"))
    assert digest(course("1", "x")) != digest(course("2", "x"))
    first = at_noon(path, course=digest(course("1", "x")))
    first.at("a/b")
    assert not at_noon(path, course=digest(course("1", "y"))).course_changed
    assert at_noon(path, course=digest(course("2", "x"))).course_changed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["passed", "lines", "hints", "steps", "last", "course", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from(list(good())), JSON).map(lambda d: json.dumps(good() | d).encode())
)
def test_whatever_the_file_holds_the_course_starts_and_nothing_is_lost(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "progress.json"
    path.write_bytes(content)
    progress = Progress(path)
    aside = sorted(tmp_path.glob("*.broken-*"))
    assert bool(aside) == bool(progress.messages)
    assert (aside[0] if aside else path).read_bytes() == content
    progress.at("a/b")
    assert Progress(path).position == "a/b"
    for file in tmp_path.iterdir():
        file.unlink()


STEPS = st.dictionaries(
    st.text(max_size=8),
    st.tuples(
        st.lists(st.tuples(st.sampled_from(["host", "container"]), st.text()), max_size=3), st.integers(0, 9)
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_what_is_written_is_what_is_read(tmp_path: Path, steps: dict[str, tuple[list[Line], int]]) -> None:
    path = tmp_path / "progress.json"
    path.unlink(missing_ok=True)
    progress = at_noon(path)
    for step, (lines, hints) in steps.items():
        progress.pass_(step, lines, hints)
    assert Progress(path).steps == progress.steps
    assert {k: (list(v.lines), v.hints) for k, v in progress.steps.items()} == steps
