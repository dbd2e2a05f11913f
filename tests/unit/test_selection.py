"""Which steps are meant by what stands on the command line."""

from __future__ import annotations

import pytest
from fake_host import CLONE, COUNT, COURSE, HERE, IMAGES, INSIDE, machine, step

from workshop.errors import UsageError
from workshop.lesson import Course, Lesson, Track, TrackStep
from workshop.parse import load
from workshop.selection import left_out, named, select, why_not

SHORT = Track("short", "Short", 3, "", (TrackStep(CLONE.id, 1), TrackStep(IMAGES.id, 2)), HERE)
WITH_TRACK = Course(COURSE.lessons, {"short": SHORT}, COURSE.diagnoses)


@pytest.mark.parametrize(
    ("words", "track", "steps"),
    [
        ((), None, (IMAGES, INSIDE, COUNT, CLONE)),
        (("first",), None, (IMAGES, INSIDE, COUNT)),
        (("2",), None, (CLONE,)),
        (("02",), None, (CLONE,)),
        (("first/inside",), None, (INSIDE,)),
        (("second", "first/count", "second/clone"), None, (COUNT, CLONE)),
        ((), "short", (CLONE, IMAGES)),
        (("1",), "short", (IMAGES,)),
        (("first/images", "2"), "short", (CLONE, IMAGES)),
        (("1.2",), None, (INSIDE,)),
        (("01/3", "first.1"), None, (IMAGES, COUNT)),
    ],
)
def test_what_is_named(words, track, steps) -> None:  # type: ignore[no-untyped-def]
    assert select(WITH_TRACK, words, track) == steps


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("frist", "Did you mean first?"),
        ("secnd", "Did you mean second?"),
        ("first/insid", "Did you mean first/inside?"),
        ("7", "`workshop lessons` lists the lessons and steps."),
        ("", "`workshop lessons` lists the lessons and steps."),
        ("²", "`workshop lessons` lists the lessons and steps."),
        ("first/", None),
        ("first.", None),
        ("1.0", None),
        ("1.4", None),
        ("3.1", None),
        ("1.2.1", None),
        ("1.²", None),
        ("/images", None),
    ],
)
def test_what_does_not_exist(word: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match="There is no lesson or step") as error:
        named(WITH_TRACK, word)
    assert hint is None or error.value.hint == hint


def test_a_track_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no track 'shrt'") as error:
        select(WITH_TRACK, (), "shrt")
    assert error.value.hint == "Did you mean short?"
    with pytest.raises(UsageError) as error:
        select(WITH_TRACK, (), "xyz")
    assert error.value.hint == "One of: short."
    with pytest.raises(UsageError) as error:
        select(COURSE, (), "short")
    assert error.value.hint == "This course has no tracks."


def test_a_lesson_that_the_track_leaves_out() -> None:
    with pytest.raises(UsageError, match="Track short has no step of first/inside"):
        select(WITH_TRACK, ("first/inside",), "short")


def test_why_a_step_cannot_be_played() -> None:
    assert why_not(COURSE, CLONE, machine("root").capabilities) == "zfs is missing"
    assert why_not(COURSE, CLONE, machine("zfs").capabilities) == ""
    assert why_not(COURSE, IMAGES, machine().capabilities) == ""


def test_what_is_left_out_on_the_way() -> None:
    end = step("third/end")
    third = Lesson("third", 3, "Third", 1, "", HERE, steps=(end,))
    track = Track("most", "Most", 3, "", (TrackStep(IMAGES.id, 1), TrackStep(end.id, 1)), HERE)
    course = Course((*COURSE.lessons, third), {"most": track})
    nothing, zfs = machine().capabilities, machine("zfs").capabilities
    assert left_out(course, None, COUNT, end, nothing) == ((CLONE, "zfs is missing"),)
    assert left_out(course, None, COUNT, end, zfs) == ()
    assert left_out(course, track, IMAGES, end, nothing) == ()  # the track does not have it anyway
    assert left_out(course, None, end, COUNT, nothing) == ()  # on the way back it was said already
    assert left_out(course, track, COUNT, end, nothing) == ()


def test_the_course_of_the_house_and_its_tracks() -> None:
    course = load()
    assert select(course) == tuple(step for lesson in course.lessons for step in lesson.steps)
    talk = select(course, (), "talk")
    assert talk[-1].id == "layers-zfs/why-is-ps-empty" and len({step.id for step in talk}) == len(talk)
    assert {step.id for step in select(course, (), "full")} == {step.id for step in select(course)}
    assert {step.id.partition("/")[0] for step in named(course, "3")} == {"process-trees"}
