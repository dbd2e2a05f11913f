"""The engine over a host that is made up: what it types, what it judges, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import (
    CLONE,
    COUNT,
    COURSE,
    DIAGNOSES,
    EFFECTS,
    FIRST,
    FRESH,
    FRONTS,
    HERE,
    IMAGES,
    INNER,
    INSIDE,
    FakeHost,
    check,
    contained,
    lost,
    machine,
    made,
    script,
    started,
)
from kernel_builders import own, process, snapshot

from workshop.errors import LabError, UsageError
from workshop.events import Advanced, Ended, Entered, Event, Judged, Lost, Observed, Passed, Typed, Working
from workshop.kernel.model import Root
from workshop.lesson import CheckCall, Course, Step
from workshop.progress import Progress
from workshop.session import Session
from workshop.settling import starting
from workshop.shell import Result, Silent

STEPS = FIRST.steps
OUT = Result("prompt", 127, b"bash: zsf: command not found\r\n")
CLOSED = Result("closed", None, b"exit\r\n")


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(EFFECTS, fronts=FRONTS)


@pytest.fixture
def session(host: FakeHost) -> Session:
    """At the first step of the first lesson."""
    new = Session(COURSE, STEPS, host)  # type: ignore[arg-type]
    run(new.enter(IMAGES.id))
    return new


def at(step: Step, host: FakeHost, steps: tuple[Step, ...] = STEPS, course: Course = COURSE) -> Session:
    new = Session(course, steps, host)  # type: ignore[arg-type]
    run(new.enter(step.id))
    return new


def run(events: Iterable[Event]) -> list[Event]:
    return list(events)


def type_(session: Session, *lines: str) -> list[Event]:
    return [event for line in lines for event in session.run(line, Silent())]


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


# -- a line -------------------------------------------------------------------------------------------------


def test_a_line_ends_is_observed_and_judged(session: Session, host: FakeHost) -> None:
    events = type_(session, "ls")
    assert kinds(events) == ["Ended", "Observed", "Judged"]
    ended, observed, judged = events
    assert isinstance(ended, Ended) and (ended.shell, ended.line, ended.status) == ("host", "ls", 0)
    assert isinstance(observed, Observed) and observed.changes == () and observed.why
    assert isinstance(judged, Judged) and not judged.passed
    assert judged.verdicts[0].check == "datasets_exist"
    assert host.shells["host"].typed == ["prepare", "ls"]


def test_what_changed_is_observed(session: Session) -> None:
    observed = type_(session, "create images")[1]
    assert isinstance(observed, Observed)
    assert [(c.area, c.verb, c.subject) for c in observed.changes] == [("datasets", "added", "tank/images")]


def test_a_goal_is_met_once_and_the_learner_goes_on(session: Session) -> None:
    assert kinds(type_(session, "create images"))[-2:] == ["Judged", "Passed"]
    assert kinds(type_(session, "ls"))[-1] == "Judged"
    assert session.step is IMAGES and session.done(IMAGES.id) and not session.done(INSIDE.id)


def test_a_goal_that_is_lost_and_met_again(session: Session, host: FakeHost) -> None:
    type_(session, "create images")
    host.now = lost("tank/images")(host.now)
    assert not [e for e in run(session.check()) if isinstance(e, Passed)]
    assert session.judged is not None and not session.judged.passed
    host.now = made("tank/images")(host.now)
    assert kinds(run(session.check())) == ["Judged"], "the learner was told already"
    assert session.judged.passed


def test_a_goal_met_in_any_way_counts(session: Session, host: FakeHost) -> None:
    host.now = made("tank/images")(host.now)
    assert kinds(run(session.check())) == ["Judged", "Passed"]


def test_the_other_shell_gets_the_line_it_was_switched_to(session: Session, host: FakeHost) -> None:
    session.switch("container")
    assert [e.shell for e in type_(session, "ls") if isinstance(e, Ended)] == ["container"]
    assert host.shells["container"].typed == ["ls"]


def test_end_of_input_and_coming_back_are_lines_too(session: Session, host: FakeHost) -> None:
    host.shells["host"].typed.clear()
    assert kinds(run(session.resume(Silent()))) == ["Ended", "Observed", "Judged"]
    ended = run(session.send_eof(Silent()))[0]
    assert isinstance(ended, Ended) and ended.line == "exit"
    assert host.shells["host"].typed == ["", "\x04"]


# -- what comes next ----------------------------------------------------------------------------------------


def test_the_next_line_is_the_first_that_was_not_typed(session: Session) -> None:
    assert session.solutions() == (("cd /lab", "ls", "create images", "ls"), ("create them all",))
    assert session.next_line() == "cd /lab"
    type_(session, "cd /lab", "something else")
    assert session.next_line() == "ls"
    type_(session, "  ls ")
    assert session.next_line() == "create images"
    type_(session, "create images")
    assert session.next_line() is None


def test_a_line_that_comes_twice_is_offered_twice(session: Session, host: FakeHost) -> None:
    host.effects.clear()
    host.renew()
    type_(session, "cd /lab", "ls", "create images")
    assert session.next_line() == "ls"
    type_(session, "sudo   ls")
    assert session.next_line() is None


def test_half_way_is_a_matter_of_the_last_line(session: Session) -> None:
    """What is offered within a heredoc depends on it."""
    assert not session.half_way
    type_(session, "cd /lab")
    assert session.half_way
    type_(session, "cat <<E")
    assert not session.half_way


def test_an_exit_where_there_is_nothing_to_leave_is_not_offered_now_or_later(host: FakeHost) -> None:
    there = replace(COUNT, solutions=(script("exit", "a", "b"),))
    session = at(there, host, (there,), Course((replace(FIRST, steps=(there,)),)))
    assert session.next_line() == "a"
    type_(session, "a")
    host.shells["host"].front = 99  # a shell inside: now there is something to leave, and no reason to
    assert session.next_line() == "b"


def test_an_exit_is_offered_where_there_is_something_to_leave(host: FakeHost) -> None:
    there = replace(COUNT, solutions=(script("exit", "a", "b"),))
    session = at(there, host, (there,), Course((replace(FIRST, steps=(there,)),)))
    host.shells["host"].front = 99
    assert session.next_line() == "exit"


def test_an_answer_and_a_switch_are_next_lines(host: FakeHost) -> None:
    there = replace(COUNT, solutions=(script(":container", "a", ":host", "b", ":answer 0"),))
    session = at(there, host, (there,), Course((replace(FIRST, steps=(there,)),)))
    offered = [session.next_line()]
    session.switch("container")
    offered.append(session.next_line())
    type_(session, "a")
    offered.append(session.next_line())
    session.switch("host")
    offered.append(session.next_line())
    type_(session, "b")
    offered.append(session.next_line())
    assert offered == [":container", "a", ":host", "b", ":answer 0"]
    run(session.answer("1"))
    assert session.next_line() == ":answer 0"
    run(session.answer("0"))
    assert session.next_line() is None


def test_solutions_are_those_that_fit_the_machine() -> None:
    host = FakeHost(EFFECTS, on=machine("root", "docker"))
    session = at(IMAGES, host)
    assert session.solutions()[0] == ("zfs create tank/images",)
    assert session.next_line() == "zfs create tank/images"


def test_hints_come_in_order_filled_in_and_end(session: Session) -> None:
    assert [session.hint() for _ in range(3)] == ["`create` it.", "In tank.", None]
    run(session.reset())
    assert session.hint() == "`create` it."


# -- going about --------------------------------------------------------------------------------------------


def test_the_first_step_begins_in_a_fresh_lab_after_the_setup(host: FakeHost) -> None:
    session = Session(COURSE, STEPS, host)  # type: ignore[arg-type]
    events = run(session.enter(IMAGES.id))
    assert kinds(events) == ["Working", "Typed", "Ended", "Entered"]
    assert events[-1] == Entered(FIRST, IMAGES, True)
    assert host.renewed == [()] and host.typed == ["prepare"]
    assert session.judged is None


def test_going_on_from_a_step_that_is_met_goes_on(session: Session, host: FakeHost) -> None:
    type_(session, "create images")
    events = run(session.next())
    assert events == [Advanced(IMAGES, INSIDE), Entered(FIRST, INSIDE, False)]
    assert len(host.renewed) == 1 and session.active == "container"


def test_going_on_from_a_step_that_is_missed_rebuilds(session: Session, host: FakeHost) -> None:
    type_(session, "something else")
    events = run(session.next())
    assert events[-1] == Entered(FIRST, INSIDE, True)
    assert len(host.renewed) == 2
    assert host.typed == ["prepare", "cd /lab", "ls", "create images", "ls"]
    assert [e.line for e in events if isinstance(e, Typed)] == host.typed


def test_a_goal_that_was_lost_is_rebuilt(session: Session, host: FakeHost) -> None:
    type_(session, "create images")
    host.now = lost("tank/images")(host.now)
    assert run(session.next())[-1] == Entered(FIRST, INSIDE, True)


def test_a_jump_forward_plays_only_what_is_missing(session: Session, host: FakeHost) -> None:
    type_(session, "create images")
    host.shells["host"].typed.clear()
    events = run(session.enter(COUNT.id))
    assert events[-1] == Entered(FIRST, COUNT, False)
    assert host.typed == ["go in"]
    shares = [e.share for e in events if isinstance(e, Working)]
    assert shares == [0.5]


def test_going_back_and_to_the_same_step_begins_anew(session: Session, host: FakeHost) -> None:
    with pytest.raises(UsageError, match="first step"):
        run(session.back())
    run(session.enter(INSIDE.id))
    assert run(session.back())[-1] == Entered(FIRST, IMAGES, True)
    renewed = len(host.renewed)
    assert run(session.enter(IMAGES.id))[-1] == Entered(FIRST, IMAGES, True)
    assert len(host.renewed) == renewed + 1


def test_a_reset_is_at_the_step_or_at_the_lesson(host: FakeHost) -> None:
    session = at(INSIDE, host)
    type_(session, "go in")
    assert run(session.reset())[-1] == Entered(FIRST, INSIDE, True)
    assert "go in" not in host.typed and "create images" in host.typed
    assert run(session.reset("lesson"))[-1] == Entered(FIRST, IMAGES, True)
    assert host.typed == ["prepare"]


def test_what_was_forgotten_is_made_anew(session: Session, host: FakeHost) -> None:
    type_(session, "create images")
    session.forget()
    assert run(session.next())[-1] == Entered(FIRST, INSIDE, True)


def test_another_lesson_gets_what_it_needs() -> None:
    host = FakeHost(EFFECTS, on=machine("root", "zfs"))
    session = at(IMAGES, host, (*STEPS, CLONE))
    type_(session, "create images")
    run(session.enter(CLONE.id))
    assert host.renewed == [(), ("pool",)] and host.typed == []


def test_a_step_outside_the_track_can_be_entered_too(host: FakeHost) -> None:
    session = at(COUNT, host, (COUNT,))
    assert session.step is COUNT
    assert host.typed == ["prepare", "cd /lab", "ls", "create images", "ls", "go in"]
    assert run(session.enter(INSIDE.id))[-1] == Entered(FIRST, INSIDE, True)


def test_the_end_of_the_course(host: FakeHost) -> None:
    session = at(COUNT, host)
    assert run(session.next()) == [Advanced(COUNT, None)]
    assert session.step is COUNT


def test_steps_that_do_not_exist_or_cannot_be_played(session: Session) -> None:
    with pytest.raises(UsageError, match="no step 'first/nothing'"):
        run(session.enter("first/nothing"))
    with pytest.raises(UsageError, match="zfs is missing"):
        run(session.enter(CLONE.id))
    with pytest.raises(UsageError):
        Session(COURSE, (), session.host)
    assert session.step is IMAGES


def test_steps_that_this_machine_cannot_play_are_not_rebuilt() -> None:
    optional = replace(INSIDE, when=("docker",))
    lesson = replace(FIRST, steps=(IMAGES, optional, COUNT))
    host = FakeHost(EFFECTS)
    at(COUNT, host, lesson.steps, Course((lesson,)))
    assert "go in" not in host.typed


def test_a_solution_that_misses_is_found_when_it_is_replayed(session: Session, host: FakeHost) -> None:
    del host.effects["create images"]
    with pytest.raises(LabError, match=r"first/images could not be rebuilt: .*there is no file system") as e:
        run(session.next())
    assert ":reset lesson" in e.value.hint
    assert session.step is IMAGES


# -- judging ------------------------------------------------------------------------------------------------


def test_whoever_passes_of_several_counts(host: FakeHost) -> None:
    """The learner is back at the host's prompt; the container is in the other shell, or in the background."""
    session = at(INSIDE, host)
    type_(session, "go in")
    host.now = FRESH
    session = at(INSIDE, host)
    session.switch("host")
    host.now = started(INNER)(host.now)
    assert kinds(run(session.check())) == ["Judged", "Passed"]


def test_of_several_that_miss_the_first_is_shown(host: FakeHost) -> None:
    session = at(INSIDE, host)
    wrong = process(9, ppid=8, ns=own("mnt"))
    host.now = started(wrong)(host.now)
    host.shells["container"].front = wrong.pid
    run(session.check())
    assert session.judged is not None
    assert [d.id for d in session.judged.diagnoses] == []
    assert {e.source for e in session.judged.verdicts[0].evidence} == {"/proc/9/ns/pid", "/proc/1/ns/pid"}


def test_the_other_shells_process_is_tried_when_the_first_misses(host: FakeHost) -> None:
    session = at(INSIDE, host)
    other = process(10, ppid=7, ns=own("mnt"))
    host.now = started(INNER, other)(host.now)
    host.shells["container"].front = other.pid
    host.shells["host"].front = INNER.pid
    assert kinds(run(session.check())) == ["Judged", "Passed"]


def test_a_diagnosis_by_what_the_check_found(session: Session) -> None:
    type_(session, "ls")
    assert session.judged is not None and [d.id for d in session.judged.diagnoses] == ["no-dataset"]


def test_a_diagnosis_by_what_was_printed_comes_after_it(session: Session, host: FakeHost) -> None:
    host.says["zsf"] = OUT
    host.reopen("host")
    type_(session, "zsf")
    assert session.judged is not None
    assert [d.id for d in session.judged.diagnoses] == ["no-dataset", "not-found"]
    type_(session, "ls")
    assert [d.id for d in session.judged.diagnoses] == ["no-dataset"]


def test_what_was_printed_in_the_step_before_is_no_reason(session: Session, host: FakeHost) -> None:
    host.says["zsf"] = OUT
    host.reopen("host")
    type_(session, "create images", "zsf")
    run(session.next())
    run(session.check())
    assert session.judged is not None
    assert "not-found" not in [d.id for d in session.judged.diagnoses]


def test_what_passes_has_no_diagnosis_but_of_an_error_that_was_printed(
    session: Session, host: FakeHost
) -> None:
    host.says["zsf"] = OUT
    host.reopen("host")
    type_(session, "create images")
    assert session.judged is not None and session.judged.passed and session.judged.diagnoses == ()
    type_(session, "zsf")
    assert session.judged.passed and session.judged.printed == ("not-found",)


def test_what_a_line_that_succeeded_printed_is_no_error(session: Session, host: FakeHost) -> None:
    host.says["cat notes"] = Result("prompt", 0, OUT.output)
    host.reopen("host")
    type_(session, "cat notes")
    assert session.judged is not None
    assert [d.id for d in session.judged.diagnoses] == ["no-dataset"] and session.judged.printed == ()


def test_a_check_that_knows_more_takes_the_place_of_what_was_printed(host: FakeHost) -> None:
    vague = replace(DIAGNOSES["not-found"], unless=("no-dataset",))
    course = Course(COURSE.lessons, diagnoses={**DIAGNOSES, "not-found": vague})
    session = Session(course, (IMAGES,), host)  # type: ignore[arg-type]
    run(session.enter(IMAGES.id))
    host.says["zsf"] = OUT
    host.reopen("host")
    type_(session, "zsf")
    assert session.judged is not None and [d.id for d in session.judged.diagnoses] == ["no-dataset"]
    assert session.judged.printed == ("no-dataset",), "and it is of this moment, as the other would be"


def test_answers(host: FakeHost) -> None:
    session = at(COUNT, host)
    with pytest.raises(UsageError, match="not one of the answers") as error:
        run(session.answer("many"))
    assert error.value.hint == "Try one of: 0, 1, 8."
    assert kinds(run(session.answer("0"))) == ["Judged"]
    assert session.judged is not None and "no answer" not in session.judged.verdicts[0].found
    assert kinds(run(session.answer("1"))) == ["Judged", "Passed"]


def test_a_step_without_a_question_takes_no_answer(session: Session) -> None:
    with pytest.raises(UsageError, match="asks no question"):
        run(session.answer("0"))


def test_an_answer_is_forgotten_with_its_step(host: FakeHost) -> None:
    session = at(COUNT, host)
    run(session.answer("1"))
    run(session.reset())
    run(session.check())
    assert session.judged is not None and "still missing" in session.judged.verdicts[0].found


def test_lines_played_as_a_learner_would(host: FakeHost) -> None:
    session = at(COUNT, host)
    events = run(session.play((":container", "ls", ":host", "readlink", ":answer 1"), Silent()))
    assert [(e.shell, e.line) for e in events if isinstance(e, Typed)] == [
        ("container", "ls"),
        ("host", "readlink"),
    ]
    assert kinds(events)[-2:] == ["Judged", "Passed"] and session.active == "host"


def test_judging_now_is_quiet(session: Session, host: FakeHost, tmp_path: Path) -> None:
    host.now = made("tank/images")(host.now)
    assert session.judge_now().passed
    assert session.judged is None and not session.done(IMAGES.id)


# -- what is lost -------------------------------------------------------------------------------------------


def test_a_shell_that_ended_is_opened_again_and_it_is_said(session: Session, host: FakeHost) -> None:
    host.says["exit"] = CLOSED
    host.reopen("host")
    host.reopened.clear()
    events = type_(session, "exit")
    assert kinds(events) == ["Lost", "Ended", "Observed", "Judged"]
    assert isinstance(events[0], Lost) and events[0].what == "The host shell has ended."
    assert "/lab" in events[0].remedy
    assert host.reopened == ["host"]


def test_a_line_that_nobody_read_is_said(session: Session, host: FakeHost) -> None:
    """The shell was killed from elsewhere, while the learner was typing."""
    host.says["echo lost"] = CLOSED
    host.reopen("host")
    host.shells["host"].alive = False
    events = type_(session, "echo lost")
    assert isinstance(events[0], Lost) and "before it could read this line" in events[0].what


def test_what_the_step_began_with_and_a_line_took_away_is_said(host: FakeHost) -> None:
    host.effects["destroy"] = lost("tank/images")
    session = at(INSIDE, host)
    assert kinds(type_(session, "destroy")) == ["Ended", "Observed", "Gone", "Judged"]
    assert kinds(type_(session, "ls")) == ["Ended", "Observed", "Judged"], "once"


def test_what_the_goal_wants_to_go_is_not_called_gone(host: FakeHost) -> None:
    """`stop`, and then `rm`: the first of them does not meet the whole goal."""
    host.effects["destroy"] = lost("tank/images")
    away = (CheckCall("dataset_gone", {"name": "tank/images"}, HERE), check("own_pid_namespace"))
    end = replace(INSIDE, checks=away)
    session = at(end, host, (IMAGES, end), Course((replace(FIRST, steps=(IMAGES, end)),)))
    assert "Gone" not in kinds(type_(session, "ls", "destroy"))
    assert session.judged is not None and not session.judged.passed


def test_what_is_taken_away_after_the_step_is_passed_is_play(host: FakeHost) -> None:
    host.effects["destroy"] = lost("tank/images")
    session = at(INSIDE, host)
    assert "Gone" not in kinds(type_(session, "go in", "destroy"))


def test_what_was_made_in_the_step_itself_may_go(session: Session, host: FakeHost) -> None:
    host.effects |= {"create other": made("tank/other"), "destroy": lost("tank/other")}
    host.reopen("host")
    assert "Gone" not in kinds(type_(session, "create other", "destroy"))


def test_a_container_that_was_killed_from_elsewhere_is_said(host: FakeHost) -> None:
    session = at(INSIDE, host)
    type_(session, "go in")
    host.now = replace(host.now, processes={k: p for k, p in host.now.processes.items() if k != INNER.pid})
    host.shells["container"].front = None
    events = run(session.left(INNER.pid))
    assert kinds(events) == ["Observed", "Lost", "Judged"]
    assert isinstance(events[1], Lost) and "sh (9), which you were in" in events[1].what
    assert ":reset" in events[1].remedy and host.reopened == []


def test_a_shell_that_was_killed_at_its_prompt_is_opened_again(session: Session, host: FakeHost) -> None:
    host.shells["host"].alive = False
    assert "Lost" in kinds(run(session.left(7))) and host.reopened == ["host"]


def test_a_lab_that_was_killed_at_the_prompt(session: Session, host: FakeHost) -> None:
    host.alive = False
    events = run(session.left(7))
    assert isinstance(events[0], Lost) and "The lab is gone" in events[0].what and host.reopened == []


def test_a_lab_that_is_gone_is_said_and_can_be_made_anew(session: Session, host: FakeHost) -> None:
    type_(session, "create images")

    def die(now: object) -> object:
        host.alive = False
        return now

    host.effects["kill -9 -1"] = die  # type: ignore[assignment]
    host.says["kill -9 -1"] = CLOSED
    host.reopen("host")
    host.reopened.clear()
    events = type_(session, "kill -9 -1")
    assert kinds(events) == ["Lost"] and host.reopened == []
    assert isinstance(events[0], Lost) and "The lab is gone" in events[0].what
    assert ":reset" in events[0].remedy
    assert kinds(run(session.check())) == ["Lost"]
    assert run(session.reset())[-1] == Entered(FIRST, IMAGES, True)
    assert host.alive and kinds(type_(session, "ls")) == ["Ended", "Observed", "Judged"]


def test_nothing_more_is_typed_into_a_lab_that_is_gone(session: Session, host: FakeHost) -> None:
    def die(now: object) -> object:
        host.alive = False
        return now

    host.effects["kill"] = die  # type: ignore[assignment]
    host.says["kill"] = CLOSED
    host.reopen("host")
    events = run(session.play(("kill", "ls"), Silent()))
    assert kinds(events) == ["Typed", "Lost"] and host.typed == ["kill"]


# -- what is kept -------------------------------------------------------------------------------------------


def kept(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "progress.json")


def test_progress_is_written_when_a_step_is_met_and_once(tmp_path: Path, host: FakeHost) -> None:
    progress = kept(tmp_path)
    session = Session(COURSE, STEPS, host, progress)  # type: ignore[arg-type]
    run(session.enter(IMAGES.id))
    assert kept(tmp_path).position == IMAGES.id and not kept(tmp_path).passed(IMAGES.id)
    session.hint()
    type_(session, "ls", "create images")
    done = kept(tmp_path).steps[IMAGES.id]
    assert done.lines == (("host", "ls"), ("host", "create images")) and done.hints == 1
    written = progress.path.stat().st_mtime_ns
    run(session.check())
    run(session.check())
    assert progress.path.stat().st_mtime_ns == written
    run(session.next())
    assert kept(tmp_path).position == INSIDE.id and session.done(IMAGES.id)


def test_rebuilding_passes_nothing_for_the_learner(tmp_path: Path, host: FakeHost) -> None:
    session = Session(COURSE, STEPS, host, kept(tmp_path))  # type: ignore[arg-type]
    run(session.enter(COUNT.id))
    assert not kept(tmp_path).steps and kept(tmp_path).position == COUNT.id
    assert not session.done(IMAGES.id)


def test_steps_outside_the_track_are_not_the_learners_position(tmp_path: Path, host: FakeHost) -> None:
    session = Session(COURSE, (COUNT,), host, kept(tmp_path))  # type: ignore[arg-type]
    run(session.enter(IMAGES.id))
    assert kept(tmp_path).position is None


# -- where the learner is -----------------------------------------------------------------------------------


def test_where(session: Session, host: FakeHost) -> None:
    here = session.where()
    assert (here.shell, here.pid, here.differs, here.root, here.cwd, here.user) == (
        "host",
        7,
        (),
        "/",
        "/lab",
        "#",
    )
    inner = contained(9, "pid", "mnt", root=Root("/tank/t1", 60, 5), cwd="/", comm="sh")
    host.now = started(inner)(host.now)
    host.shells["host"].front = 9
    run(session.check())
    here = session.where()
    assert (here.pid, here.root, here.comm) == (9, "/tank/t1", "sh")
    assert here.differs == ("mnt", "pid")
    host.now = started(replace(inner, root=Root("/", 60, 5)))(host.now)
    run(session.check())
    assert session.where().root == "own root"
    host.shells["host"].front = 12
    assert session.where().comm == "" and session.where().pid == 12


# -- processes on their way ---------------------------------------------------------------------------------

SHELL = process(7, args=("bash",))
SLEEP = ("sleep", "infinity")


def test_a_copy_of_its_parent_is_on_its_way() -> None:
    before = snapshot(SHELL)
    assert starting(snapshot(SHELL, process(9, ppid=7, args=("bash",))), before)
    assert not starting(snapshot(SHELL, process(9, "sleep", ppid=7, args=SLEEP)), before)
    assert not starting(before, before)


def test_a_program_that_prepares_has_a_child_or_is_on_its_way() -> None:
    before = snapshot(SHELL)
    unshare = process(9, "unshare", ppid=7, args=("unshare", "-p", *SLEEP))
    assert starting(snapshot(SHELL, unshare), before)
    assert starting(snapshot(SHELL, unshare, process(10, "unshare", ppid=9, args=unshare.args)), before)
    assert not starting(snapshot(SHELL, unshare, process(10, "sleep", ppid=9, args=SLEEP)), before)


def test_those_that_were_there_the_dead_and_orphans_are_on_no_way() -> None:
    copy = process(9, ppid=7, args=("bash",))
    assert not starting(snapshot(SHELL, copy), snapshot(SHELL, copy))
    assert starting(snapshot(SHELL, replace(copy, start=5)), snapshot(SHELL, copy))
    assert not starting(snapshot(SHELL, replace(copy, state="Z")), snapshot(SHELL))
    assert not starting(snapshot(SHELL, replace(copy, ppid=0)), snapshot(SHELL))


def test_who_is_on_its_way_is_waited_for(session: Session, host: FakeHost) -> None:
    looks = host.looks
    host.upcoming = [started(process(9, ppid=7))(FRESH)] * 3
    host.effects["x &"] = started(process(9, "sleep", ppid=7, args=SLEEP))
    host.reopen("host")
    observed = type_(session, "x &")[1]
    assert isinstance(observed, Observed) and [c.subject for c in observed.changes] == ["sleep (9)"]
    assert host.looks == looks + 4


def test_who_has_begun_to_exit_is_waited_for(session: Session, host: FakeHost) -> None:
    looks = host.looks
    host.upcoming = [started(process(9, "sleep", ppid=7, args=SLEEP, state="X"))(FRESH)] * 3
    host.effects["kill 9"] = lambda snapshot: snapshot
    observed = type_(session, "kill 9")[1]
    assert isinstance(observed, Observed) and observed.changes == ()
    assert host.looks == looks + 4


def test_but_not_for_ever(session: Session, host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workshop.session.SETTLING", -1.0)
    looks = host.looks
    host.effects["x &"] = started(process(9, ppid=7))
    host.reopen("host")
    assert kinds(type_(session, "x &")) == ["Ended", "Observed", "Judged"]
    assert host.looks == looks + 1
