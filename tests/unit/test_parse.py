from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workshop import parse
from workshop.errors import LessonError
from workshop.lesson import Lesson, Place, Script
from workshop.problems import Problem, Report

COURSE = Path(__file__).parent / "course"
LESSON = (COURSE / "01-process-trees.md").read_text()
NAME = "01-process-trees.md"


def lesson(text: str, name: str = NAME) -> tuple[Lesson | None, list[Problem]]:
    report = Report(name)
    return parse.lesson_from(text, name, report), report.problems


def good(text: str = LESSON) -> Lesson:
    found, problems = lesson(text)
    assert found is not None
    assert problems == []
    return found


def said(text: str, name: str = NAME) -> list[str]:
    return [str(problem) for problem in lesson(text, name)[1]]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_lesson_and_its_steps() -> None:
    found = good()
    assert (found.id, found.number, found.title, found.minutes) == (
        "process-trees",
        1,
        "A process tree of your own",
        6,
    )
    assert found.requires == ("root",)
    assert found.text == "What the lesson is about, in a few sentences."
    assert found.setup == (Script(("mkdir -p {{lab}}/work",), Place(NAME, 8)),)
    assert [step.id for step in found.steps] == [
        "process-trees/become-pid-1",
        "process-trees/which-number-has-it-outside",
    ]
    step = found.steps[0]
    assert step.title == "Become PID 1"
    assert step.watch == ("processes", "namespaces")
    assert step.hints == ("A new pid namespace is for children.", "Which option makes a child?")
    assert step.why and step.docker and step.notes and step.key
    assert step.mistakes[0].diagnosis == "forgot-fork"
    assert step.mistakes[0].script.lines == ("unshare --pid bash",)
    question = found.steps[1]
    assert (question.shell, question.when) == ("container", ("not docker",))
    assert question.choices == ("1", "its number outside")


def test_ordinary_fences_stay_in_the_text_and_the_others_leave_no_hole() -> None:
    text = good().steps[0].text
    assert text == (
        "What to understand, then what to do.\n\n```console\n$ ls -l /proc/self/ns\n```\n\nAnd a little more."
    )


def test_a_script_keeps_its_lines_as_they_are_typed() -> None:
    script = good().steps[0].solutions[1]
    assert script.lines == ("cat > run <<EOF", "busybox unshare -p -f sh", "", "EOF", "sh run")
    assert script.when == ("busybox",)


def test_parameters_of_checks_are_frozen_and_placed() -> None:
    call = good().steps[0].checks[0]
    assert (call.name, call.params) == ("own_tree", {"pid_one": True, "kinds": ("pid", "mnt")})
    assert call.place == Place(NAME, line_of(LESSON, "check.own_tree"))


def test_a_check_can_be_called_several_times() -> None:
    text = LESSON.replace(
        'check.inner_pid = { answer = "1" }', 'check.inner_pid = [{ answer = "1" }, { answer = "2" }]'
    )
    assert [call.params["answer"] for call in good(text).steps[1].checks] == ["1", "2"]
    text = LESSON.replace('check.inner_pid = { answer = "1" }', '[check.inner_pid]\nanswer = "1"')
    assert [call.params["answer"] for call in good(text).steps[1].checks] == ["1"]


def test_carriage_returns_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"\xef\xbb\xbf" + LESSON.replace("\n", "\r\n").encode())
    found = parse.load(path).lessons[0]
    assert found.steps[0].solutions[1].lines == good().steps[0].solutions[1].lines


@pytest.mark.parametrize(
    ("old", "new", "wrong", "write"),
    [
        ("minutes = 6", "minutes = 6\nlevel = 3", "no key 'level'", "write one of"),
        ("minutes = 6", "minuts = 6", "no key 'minuts'", "write minutes"),
        ("minutes = 6", 'minutes = "six"', "minutes is not a whole number", "write minutes = 5"),
        ("minutes = 6", "minutes = true", "minutes is not a whole number", "write minutes = 5"),
        ("minutes = 6", "minutes = ", "this is not TOML: invalid value", "write key = value"),
        ('requires = ["root"]', 'requires = ["rot"]', "no capability 'rot'", "write root"),
        ('requires = ["root"]', "requires = [1]", "requires is not a list of texts", "write requires"),
        ('requires = ["root"]', 'needs = ["pol"]', "needs has 'pol'", "write pool"),
        ('shell = "host"', 'shell = "hots"', "no shell 'hots'", "host or container"),
        ('shell = "host"', "shell = 5", "shell is not a text", "write shell"),
        (
            'watch = ["processes", "namespaces"]',
            'watch = ["process"]',
            "watch has 'process'",
            "write processes",
        ),
        ('when = ["not docker"]', 'when = "not dokcer"', "no capability 'dokcer'", "write docker"),
        ("check.own_tree = {", "chek.own_tree = {", "a step has no key 'chek'", "write check"),
        (
            'check.inner_pid = { answer = "1" }',
            "check.inner_pid = 1",
            "check.inner_pid is not a table",
            "= {}",
        ),
        ('check.inner_pid = { answer = "1" }', 'check = "inner_pid"', "check is not a table", "check.NAME"),
        ("```text docker", "```text dcoker", "no fence ```text dcoker", "write docker"),
        ("```sh setup", "```text hint", "this hint is in no step", "below a ## heading"),
        ("mkdir -p {{lab}}/work", "mkdir -p {{lav}}/work", "no variable {{lav}}", "write {{lab}}"),
        ("mkdir -p {{lab}}/work", "", "an empty setup", "the lines to be typed"),
        ("Which option makes a child?", "", "an empty hint", "write its text"),
        ("And a little more.", "# A title", "a heading of level 1", "write ##"),
        ("```text note", "```text why", "a second ```text why", "write one"),
        ("```text docker", "```sh setup", "a setup inside a step", "before the first ## heading"),
        ("And a little more.", "- a list\n\n  ```text hint\n  in it\n  ```", "inside a list", "flush left"),
        ("```text note", "```toml step\n```\n```text note", "a second ```toml step", "write one"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, wrong: str, write: str) -> None:
    assert old in LESSON
    text = LESSON.replace(old, new, 1)
    problems = lesson(text)[1]
    found = next((p for p in problems if wrong in p.wrong), None)
    assert found is not None, problems
    assert write in found.write
    start = line_of(LESSON, old) - 1  # an empty text is reported at its fence
    assert start <= found.place.line <= start + 1 + new.count("\n")


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000])
def test_absurd_toml_is_a_problem_and_no_crash(value: str) -> None:
    found = said(LESSON.replace("minutes = 6", f"minutes = {value}"))
    assert found == [f"{NAME}:2: this is not TOML that anybody writes; write key = value"]


def test_a_fence_that_is_never_closed() -> None:
    text = LESSON.rstrip().removesuffix("```")
    last = text[: text.rindex("```text hint")].count("\n") + 1
    assert said(text) == [f"{NAME}:{last}: this fence is never closed; write ``` on a line below it"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "the front matter is missing"),
        ("# A lesson\n", "the front matter is missing"),
        ('+++\ntitle = "x"\n', "the front matter is not closed"),
        ("+++\n+++\n", "title is missing"),
    ],
)
def test_front_matter_must_be_there(text: str, wrong: str) -> None:
    assert wrong in said(text)[0]


@pytest.mark.parametrize("name", ["process-trees.md", "1_a.md", "01-A.md", "01-.md", "01-a--b.md", "01-ä.md"])
def test_a_name_without_number_is_no_lesson(name: str) -> None:
    assert said(LESSON, name) == [f"{name}:1: {name!r} is no name for a lesson; name it NN-name.md"]


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(LESSON.encode().replace(b"And a little more.", b"And a l\xe4ttle more."))
    with pytest.raises(LessonError) as caught:
        parse.load(path)
    assert f"{path}:{line_of(LESSON, 'And a little')}: this is not UTF-8" in caught.value.message


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(LESSON.replace("minutes = 6", "minuts = 6").replace('"host"', '"hots"'))
    (tmp_path / "broken.toml").write_text("title = ")
    with pytest.raises(LessonError) as caught:
        parse.load(tmp_path)
    assert len(caught.value.message.splitlines()) == 4
    assert caught.value.status == 2


def test_no_such_folder() -> None:
    with pytest.raises(LessonError, match="There is no"):
        parse.load(Path("/no/such/folder"))


def test_an_empty_folder_is_an_empty_course(tmp_path: Path) -> None:
    assert parse.load(tmp_path).lessons == ()


def test_lessons_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10-b.md", "2-c.md", "01-a.md"):
        (tmp_path / name).write_text(LESSON)
    assert [found.id for found in parse.load(tmp_path).lessons] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("Become PID 1", "become-pid-1"),
        ("The `/proc` of its own", "the-proc-of-its-own"),
        ("Who’s Ånother?", "whos-another"),
        ("What's that", "whats-that"),
        ("…", ""),
    ],
)
def test_slugs(heading: str, slug: str) -> None:
    assert parse.slug(heading) == slug


PIECES = st.sampled_from(
    [
        *LESSON.splitlines(keepends=True),
        "```\n",
        "````\n",
        "+++\n",
        "- \n",
        "> ",
        "\t",
        "## ",
        "[[",
        "= {",
        "\r",
        "\0",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(alphabet=string.printable, max_size=8)), max_size=60).map("".join))
@example("+++\ntitle = 'x'\nminutes=1\n+++\n```sh setup")
def test_any_text_is_a_lesson_or_problems_within_the_file(text: str) -> None:
    """Nothing makes the parser crash, and every line it names exists."""
    for body in (text, "+++\ntitle = 'x'\nminutes = 1\n+++\n" + text):
        found, problems = lesson(body)
        assert found is not None or problems
        lines = body.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
        assert all(1 <= problem.place.line <= lines for problem in problems)
        assert all(problem.wrong and problem.write for problem in problems)


@given(st.lists(st.text(alphabet=string.ascii_letters + " $`#-_|{}'\"", min_size=1), min_size=1, max_size=6))
@example(["  indented", "x"])
def test_the_lines_of_a_script_come_back_as_they_were_written(lines: list[str]) -> None:
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("```")] or ["true"]
    lines[-1] = lines[-1].rstrip()
    text = f"+++\ntitle = 'x'\nminutes = 1\n+++\n## A step\n````sh solution\n{chr(10).join(lines)}\n````\n"
    assert lesson(text)[0].steps[0].solutions[0].lines == tuple(lines)  # type: ignore[union-attr]
