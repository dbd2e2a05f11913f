"""A lost state comes back by the learner's own lines, or it is said by whose; the last line can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_host import COUNT, COURSE, FIRST, FRONTS, IMAGES, INNER, INSIDE, FakeHost, lost, made, started

from workshop.errors import LabError, UsageError
from workshop.events import Entered, Event, Judged, Passed, Rebuilt, Undone
from workshop.progress import Progress
from workshop.session import Session
from workshop.shell import Result, Silent

MODEL = ["cd /lab", "ls", "create images", "ls"]
EFFECTS = {
    "create images": made("tank/images"),
    "my own way": made("tank/images"),
    "go in": started(INNER),
    "my way in": started(INNER),
}


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "progress.json")


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(EFFECTS, fronts={**FRONTS, "my way in": INNER.pid})


def session(host: FakeHost, progress: Progress | None) -> Session:
    return Session(COURSE, FIRST.steps, host, progress)  # type: ignore[arg-type]


def rebuilt(session: Session, step: str) -> list[tuple[str, bool, bool]]:
    found = [each for each in session.enter(step) if isinstance(each, Rebuilt)]
    return [(each.step.id, each.own, bool(each.why)) for each in found]


def test_own_lines_come_before_the_model_answer(host: FakeHost, progress: Progress) -> None:
    progress.pass_(IMAGES.id, [("host", "my own way")])
    assert rebuilt(session(host, progress), INSIDE.id) == [(IMAGES.id, True, False)]
    assert host.shells["host"].typed == ["prepare", "my own way"]


def test_without_own_lines_it_is_the_model_answer(host: FakeHost, progress: Progress) -> None:
    assert rebuilt(session(host, progress), INSIDE.id) == [(IMAGES.id, False, False)]
    assert host.shells["host"].typed == ["prepare", *MODEL]


def test_own_lines_that_lead_nowhere_begin_anew_with_the_model_answer(
    host: FakeHost, progress: Progress
) -> None:
    progress.pass_(IMAGES.id, [("host", "what once worked")])
    assert rebuilt(session(host, progress), INSIDE.id) == [(IMAGES.id, False, True)]
    assert len(host.renewed) == 2
    assert host.shells["host"].typed == ["prepare", *MODEL]


def test_a_model_answer_that_does_not_go_with_own_lines_takes_all_by_model(
    host: FakeHost, progress: Progress
) -> None:
    """What the learner's lines made may have another name than the texts say."""
    progress.pass_(IMAGES.id, [("host", "my own way")])
    host.effects["go in"] = lambda now: (
        started(INNER)(now) if "create images" in host.shells["host"].typed else now
    )
    assert rebuilt(session(host, progress), COUNT.id) == [(IMAGES.id, False, True), (INSIDE.id, False, False)]


def test_what_nothing_rebuilds_is_said(host: FakeHost, progress: Progress) -> None:
    del host.effects["create images"]
    progress.pass_(IMAGES.id, [("host", "what once worked")])
    with pytest.raises(LabError, match="could not be rebuilt"):
        rebuilt(session(host, progress), INSIDE.id)


def test_an_own_answer_is_given_again(host: FakeHost, progress: Progress) -> None:
    there = session(host, progress)
    list(there.enter(COUNT.id))
    for _ in there.run("go in", Silent()):
        pass
    list(there.answer("1"))
    assert progress.steps[COUNT.id].lines[-1] == ("host", ":answer 1")


def test_lines_that_wanted_somebody_at_the_keys_are_left_out(host: FakeHost, progress: Progress) -> None:
    host.says["vi"] = Result("away", None, b"")
    there = session(host, progress)
    list(there.enter(IMAGES.id))
    play(there, "vi", "my own way")
    assert progress.steps[IMAGES.id].told.attended == (0,)
    rebuilt(session(host, progress), INSIDE.id)
    assert host.shells["host"].typed == ["prepare", "my own way"]


def test_who_has_no_progress_gets_model_answers(host: FakeHost) -> None:
    there = session(host, None)
    list(there.enter(IMAGES.id))
    play(there, "my own way")
    there.forget()
    assert rebuilt(there, INSIDE.id) == [(IMAGES.id, False, False)]


def play(session: Session, *lines: str) -> list[Event]:
    return [event for line in lines for event in session.run(line, Silent())]


def at_images(host: FakeHost, progress: Progress) -> Session:
    there = session(host, progress)
    list(there.enter(IMAGES.id))
    return there


# -- what is kept -------------------------------------------------------------------------------------------


def test_how_a_step_was_passed_is_kept(host: FakeHost, progress: Progress) -> None:
    there = session(host, progress)
    list(there.enter(INSIDE.id))
    there.hint()
    there.reveal()
    there.switch("container")
    play(there, "go in")
    done = progress.steps[INSIDE.id]
    assert done.told.rebuilt == (IMAGES.id,) and done.told.solution
    assert done.lines == (("container", "go in"),) and len(done.told.changes) == 1
    assert any("pid" in change for change in done.told.changes[0])
    assert done.told.verdicts and done.told.goal


# -- undo ---------------------------------------------------------------------------------------------------


def test_what_is_typed_after_the_goal_is_met_belongs_to_the_state(host: FakeHost, progress: Progress) -> None:
    """The next step may stand on it: a link renamed after it was moved, a shell that took another's place."""
    one = at_images(host, progress)
    play(one, "create images", "ls")
    assert progress.steps[IMAGES.id].lines == (("host", "create images"), ("host", "ls"))
    host.shells["host"].typed.clear()
    list(one.reset("lesson"))
    list(one.enter(INSIDE.id))
    assert host.shells["host"].typed[-2:] == ["create images", "ls"]


def test_what_is_typed_after_the_goal_is_met_and_loses_it_is_not_kept(
    host: FakeHost, progress: Progress
) -> None:
    host.effects["destroy images"] = lost("tank/images")
    play(at_images(host, progress), "create images", "ls", "destroy images", "ls")
    assert [line for _, line in progress.steps[IMAGES.id].lines] == ["create images", "ls"]


def test_an_unfinished_line_is_none_of_those_that_passed(host: FakeHost, progress: Progress) -> None:
    host.says["cat <<END"] = Result("more", None, b"")
    play(at_images(host, progress), "create images", "cat <<END")
    assert [line for _, line in progress.steps[IMAGES.id].lines] == ["create images"]


def test_an_undone_line_is_forgotten(host: FakeHost, progress: Progress) -> None:
    one = at_images(host, progress)
    play(one, "create images", "ls")
    list(one.undo())
    assert [line for _, line in progress.steps[IMAGES.id].lines] == ["create images"]


def test_undo_types_the_lines_before_again(host: FakeHost, progress: Progress) -> None:
    there = session(host, progress)
    list(there.enter(IMAGES.id))
    play(there, "cd /x", "my own way")
    there.switch("container")
    play(there, "pwd")
    list(there.undo())
    assert there.active == "container" and there.judged is not None and there.judged.passed
    events = list(there.undo())
    assert isinstance(events[-1], Undone) and events[-1].line == "my own way"
    assert not any(isinstance(event, Entered | Judged) for event in events)
    assert host.shells["host"].typed == ["prepare", "cd /x"]
    assert "tank/images" not in there.now.datasets  # type: ignore[union-attr]
    assert there.judged is not None and not there.judged.passed
    assert [did.line for did in there.trail] == ["cd /x"]
    assert progress.passed(IMAGES.id), "what was passed stays passed"


def test_undo_of_an_answer_leaves_the_lab(host: FakeHost) -> None:
    there = session(host, None)
    list(there.enter(COUNT.id))
    play(there, "ls")
    list(there.answer("8"))
    list(there.answer("0"))
    renewed = len(host.renewed)
    list(there.undo())
    assert len(host.renewed) == renewed
    assert [did.line for did in there.trail] == ["ls", ":answer 8"]


def test_undo_goes_back_to_the_steps_own_beginning(host: FakeHost) -> None:
    there = session(host, None)
    list(there.enter(INSIDE.id))
    play(there, "go in", "ls")
    hints = there.hint()
    list(there.undo())
    list(there.undo())
    assert not there.trail and there.step is INSIDE
    assert "tank/images" in there.now.datasets, "the step before is done again"  # type: ignore[union-attr]
    assert hints is None or there.hint() is None, "hints that were given stay given"
    with pytest.raises(UsageError, match="Nothing was typed"):
        list(there.undo())


def test_ctrl_c_gives_up_an_unfinished_line(host: FakeHost) -> None:
    host.says["cat <<E"] = Result("more", None, b"")
    there = session(host, None)
    list(there.enter(IMAGES.id))
    play(there, "cat <<E")
    there.interrupt()
    play(there, "ls")
    assert [did.line for did in there.trail] == ["ls"]


# -- left and come back -------------------------------------------------------------------------------------


def test_what_was_typed_in_an_unfinished_step_can_be_typed_again(host: FakeHost, progress: Progress) -> None:
    first = session(host, progress)
    list(first.enter(INSIDE.id))
    first.switch("container")
    play(first, "cd /x", "go in halfway")
    first.leave()
    second = session(host, Progress(progress.path))
    list(second.enter(INSIDE.id))
    assert second.left_over == (("container", "cd /x"), ("container", "go in halfway"))
    list(second.redo())
    assert host.shells["container"].typed[-2:] == ["cd /x", "go in halfway"]
    assert [did.line for did in second.trail] == ["cd /x", "go in halfway"] and second.left_over == ()


def test_redone_lines_that_reach_the_goal_pass(host: FakeHost, progress: Progress) -> None:
    progress.at(IMAGES.id)
    progress.left(IMAGES.id, [("host", "my own way")])
    there = session(host, progress)
    list(there.enter(IMAGES.id))
    assert any(isinstance(event, Passed) for event in there.redo())
    there.leave()
    assert progress.passed(IMAGES.id)


def test_who_leaves_again_at_once_loses_nothing(host: FakeHost, progress: Progress) -> None:
    progress.at(IMAGES.id)
    progress.left(IMAGES.id, [("host", "ls")])
    there = session(host, progress)
    list(there.enter(IMAGES.id))
    there.leave()
    assert Progress(progress.path).typed == (("host", "ls"),)


def test_another_step_has_no_left_overs(host: FakeHost, progress: Progress) -> None:
    progress.at(IMAGES.id)
    progress.left(IMAGES.id, [("host", "ls")])
    there = session(host, progress)
    list(there.enter(INSIDE.id))
    assert there.left_over == () and progress.typed == ()
