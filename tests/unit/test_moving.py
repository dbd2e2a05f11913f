"""Progress goes to another machine as one file, and survives another version of the course."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_host import COUNT, COURSE, IMAGES, INSIDE, check

from workshop.errors import MachineError, UsageError
from workshop.lesson import COURSE as LESSONS
from workshop.lesson import Step
from workshop.passed import Done, State, Told, dump, goal, merged, parse, renamed
from workshop.progress import Progress
from workshop.ui import keep

FULL = Told((("+ a",), ()), ("it is",), solution=True, rebuilt=("a/a",), attended=(1,), goal="abc")


def test_all_that_is_known_comes_back() -> None:
    steps = {"a/b": Done("then", (("host", "x\ny"), ("container", "z")), 1, FULL)}
    state = State(steps, "a/c", "digest", (("host", "half"),))
    assert parse(dump(state)) == state


@pytest.mark.parametrize(
    "how", [1, [], {"changes": [1]}, {"verdicts": [None]}, {"goal": 1}, {"attended": ["0"]}]
)
def test_a_broken_how_is_refused(how: object) -> None:
    data = json.loads(dump(State({"a/b": Done("then")})))
    data["steps"]["a/b"]["how"] = how
    with pytest.raises(ValueError, match="a step in it is broken"):
        parse(json.dumps(data).encode())


def test_export_and_import(tmp_path: Path) -> None:
    here, there = Progress(tmp_path / "1/p.json"), Progress(tmp_path / "2/p.json")
    here.pass_("a/b", [("host", "x")], 0, FULL)
    here.at("a/c")
    assert there.take(here.export()) == (1, 1)
    assert there.position == "a/c" and Progress(tmp_path / "2/p.json").steps == here.steps


def test_an_import_loses_nothing(tmp_path: Path) -> None:
    here = Progress(tmp_path / "p.json", clock=lambda: datetime(2025, 1, 2, tzinfo=UTC))
    here.pass_("a/mine", [("host", "x")])
    here.pass_("a/both", [("host", "mine")], 1)
    here.at("a/mine")
    earlier = Done("2025-01-01T00:00:00+00:00", (("host", "theirs"),))
    assert here.take(dump(State({"a/both": earlier, "a/theirs": earlier}, "a/theirs"))) == (1, 2)
    assert set(here.steps) == {"a/mine", "a/both", "a/theirs"} and here.position == "a/mine"
    assert here.steps["a/both"] == Done(earlier.when, (("host", "mine"),), 1), "one's own lines"


def test_an_import_that_cannot_be_kept_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(tmp_path / "mine.json")
    progress.pass_(IMAGES.id, [("host", "x")])
    (tmp_path / "sent.json").write_bytes(progress.export())
    monkeypatch.setenv("XDG_STATE_HOME", "/proc")
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(MachineError, match="cannot be written"):
        keep.import_(tmp_path / "sent.json", LESSONS)


@pytest.mark.parametrize("content", [b"", b"root:x:0", b"{}", b"[" * 100_000, b" " * (9 << 20)])
def test_what_is_no_progress_changes_nothing(tmp_path: Path, content: bytes) -> None:
    here = Progress(tmp_path / "p.json")
    here.pass_("a/mine", [("host", "x")])
    before = (tmp_path / "p.json").read_bytes()
    with pytest.raises(UsageError, match="Nothing was changed"):
        here.take(content)
    assert (tmp_path / "p.json").read_bytes() == before and here.messages == []


def known(*steps: Step) -> dict[str, Step]:
    return {step.id: step for step in steps}


def done(step: Step) -> Done:
    return Done("then", (("host", "x"),), 0, Told(goal=goal(step)))


def test_a_renamed_step_is_known_by_its_goal() -> None:
    new = replace(IMAGES, id="first/pictures", title="Pictures")
    assert renamed({IMAGES.id: done(IMAGES)}, known(new, INSIDE)) == {IMAGES.id: new.id}
    assert renamed({IMAGES.id: done(IMAGES)}, known(replace(new, checks=(check("other"),)))) == {}
    assert renamed({IMAGES.id: done(IMAGES)}, known(IMAGES, new)) == {}, "it is still there"


def test_between_two_steps_with_one_goal_the_lesson_decides_or_nothing() -> None:
    near, far = replace(IMAGES, id="first/new"), replace(IMAGES, id="second/new")
    assert renamed({IMAGES.id: done(IMAGES)}, known(near, far)) == {IMAGES.id: near.id}
    assert renamed({IMAGES.id: done(IMAGES)}, known(replace(near, id="third/new"), far)) == {}


def test_an_updated_course_keeps_the_place(tmp_path: Path) -> None:
    old = Progress(tmp_path / "p.json")
    old.pass_(COUNT.id, [("host", "x")], 0, Told(goal=goal(COUNT)))
    old.at(COUNT.id)
    new = replace(COUNT, id="first/how-many")
    again = Progress(tmp_path / "p.json", steps=(IMAGES, new))
    assert again.passed(new.id) and again.position == new.id
    again.at(new.id)
    assert {COUNT.id, new.id} == set(Progress(tmp_path / "p.json").steps)


def test_a_goal_that_was_changed_is_noticed(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "p.json")
    progress.pass_(IMAGES.id, [], 0, Told(goal=goal(IMAGES)))
    progress.pass_(INSIDE.id, [])
    assert not progress.changed(IMAGES) and not progress.changed(INSIDE)
    assert progress.changed(replace(IMAGES, checks=(check("other"),)))
    assert not progress.changed(replace(IMAGES, text="Other words.", hints=()))


def test_merging_takes_the_place_where_there_is_none() -> None:
    assert merged(State(), State({}, "a/b", "x")) == State({}, "a/b", "x")
    assert merged(State({}, "a/a", "y"), State({}, "a/b", "x")) == State({}, "a/a", "y")


def test_a_place_that_is_no_more_is_its_lesson(tmp_path: Path) -> None:
    from fake_host import machine

    from workshop.ui.start import _first

    progress = Progress(tmp_path / "p.json")
    progress.pass_("first/images", [])
    progress.at("first/gone")
    steps = [step for lesson in COURSE.lessons for step in lesson.steps]
    assert _first(COURSE, steps[::-1], None, progress, machine("root", "zfs")).id == "first/count"


@pytest.mark.parametrize("typed", ["x", [1], [["vm", "x"]], {}])
def test_broken_left_overs_are_refused(typed: object) -> None:
    data = json.loads(dump(State())) | {"typed": typed}
    with pytest.raises(ValueError, match="broken"):
        parse(json.dumps(data).encode())
