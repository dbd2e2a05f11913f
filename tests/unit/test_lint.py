from __future__ import annotations

from pathlib import Path

import pytest

from workshop import cli, lint, registry
from workshop.kernel.verdict import Verdict, View, passed
from workshop.problems import Problem
from workshop.registry import Check
from workshop.ui.lint import main

COURSE = Path(__file__).parent / "course"
FILE = "01-process-trees.md"
FILES = {path.name: path.read_text() for path in COURSE.iterdir()}


def own_tree(view: View, *, pid_one: bool = False, kinds: tuple[str, ...] = ()) -> Verdict:
    """A pid namespace of its own."""
    return passed("", "")


def inner_pid(view: View, *, answer: str) -> Verdict:
    """The answer is the inner pid."""
    return passed("", "")


@pytest.fixture(autouse=True)
def _checks(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {function.__name__: Check(function.__name__, function) for function in (own_tree, inner_pid)}
    monkeypatch.setattr(registry, "checks", lambda: known)
    monkeypatch.setattr(registry, "diagnoses", dict)
    monkeypatch.setattr(registry, "mentioned", frozenset)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "course"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def edited(course: Path, name: str, old: str, new: str) -> tuple[Problem, ...]:
    assert old in FILES[name]
    (course / name).write_text(FILES[name].replace(old, new, 1))
    return lint.lint(course)


def test_a_good_course_has_no_problems(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.lint(course) == ()
    assert main(course) == 0
    assert capsys.readouterr() == ("", f"Nothing is wrong in {course}\n")


RULES = [
    # what is written instead of what, what is said to be wrong, what to write
    ("check.own_tree", "check.own_three", "there is no check 'own_three'", "write own_tree"),
    ("pid_one = true", "pid_on = true", "no parameter 'pid_on'", "write pid_one"),
    ("pid_one = true", "pid_one = 1", "pid_one of the check own_tree is 1", "write true or false"),
    ('kinds = ["pid", "mnt"]', "kinds = [1]", "kinds of the check own_tree is [1]", "each a text"),
    ('answer = "1"', "", "the check inner_pid needs answer", "write answer = …"),
    ('check.inner_pid = { answer = "1" }', "", "the step has no check", "write check.NAME"),
    ("```sh solution\ngrep", "```sh\ngrep", "the step has no solution", "write a ```sh solution"),
    ("```text hint\n`man", "```text\n`man", "the step has no hint", "write a ```text hint"),
    ("Look at it from the host.", "", "the step has no text", "write what to understand"),
    (
        "What the lesson is about, in a few sentences.",
        "",
        "does not say what it is about",
        "before the first ##",
    ),
    ("```text why", "```text note", "no step says why things are so", "write a ```text why"),
    ("```text docker", "```text note", "no step says what Docker does", "write a ```text docker"),
    (
        "Which number has it outside?",
        "`Become` PID: 1!",
        "of line 12 has the id process-trees/become-pid-1",
        "write another",
    ),
    ("## Become PID 1", "## …", "a heading without letters", "give the step a name"),
    (
        "mistake forgot-fork",
        "mistake forgot-frok",
        "there is no diagnosis 'forgot-frok'",
        "write forgot-fork",
    ),
    ("unshare --pid bash", ":reset", ":reset cannot be in a script", "write :host, :container or :answer"),
    (":host", ":host now", ":host takes nothing", "write :host"),
    (":host", " :host", "spaces around ':host'", "write :host"),
    (":answer 1", ":answer", ":answer says nothing", "write :answer TEXT"),
    (":answer 1", "true", "the question is not answered", "write :answer TEXT"),
    (":answer 1", ":answer 2", "'2' is none of the choices", "write one of 1, its number outside"),
    ("unshare --pid bash", ":answer 1", "an answer to a step that asks nothing", 'write ask = "…?"'),
    (
        'ask = "What is the last number of NSpid?"\n',
        "",
        "there are choices, and no question",
        'write ask = "…?"',
    ),
    ('"its number outside"', '"1"', "the choice '1' comes twice", "take one"),
    ("mkdir -p {{lab}}/work", ":container", "':container' in a setup", "take it away"),
    ("mkdir -p {{lab}}/work", "zfs list {{pool}}", "{{pool}} is used", 'write needs = ["pool"]'),
    (
        "```sh solution\nunshare",
        "```sh solution when=zfs\nunshare",
        "not busybox, not zfs",
        "a when in the ```toml step",
    ),
    ("```sh solution\ngrep", "```sh solution when=docker\ngrep", "this fits no machine", "look at its when"),
    (
        'when = ["not docker"]',
        'when = ["docker", "not engine"]',
        "no machine can play this step",
        "look at its when",
    ),
]


@pytest.mark.parametrize(("old", "new", "wrong", "write"), RULES)
def test_every_rule_speaks(course: Path, old: str, new: str, wrong: str, write: str) -> None:
    found = [p for p in edited(course, FILE, old, new) if wrong in p.wrong]
    assert len(found) == 1
    assert write in found[0].write
    assert found[0].place.path == f"course/{FILE}"
    assert not found[0].warning


def test_lines_of_scripts_are_named_exactly(course: Path) -> None:
    found = edited(course, FILE, ":answer 1", ":answer 2")
    line = FILES[FILE].split("\n").index(":answer 1") + 1
    assert [str(p) for p in found] == [
        f"course/{FILE}:{line}: '2' is none of the choices; write one of 1, its number outside"
    ]


def test_complementary_solutions_cover_every_machine(course: Path) -> None:
    text = FILES[FILE].replace("```sh solution\nunshare", "```sh solution when=!busybox\nunshare")
    (course / FILE).write_text(text)
    assert lint.lint(course) == ()


def test_the_kinds_of_zfs_cover_zfs(course: Path) -> None:
    text = FILES[FILE].replace("```sh solution\nunshare", "```sh solution when=zfs-kernel\nunshare")
    text = text.replace("when=busybox", "when=zfs-fuse")
    (course / FILE).write_text(text)
    assert [p.wrong.partition(":")[0] for p in lint.lint(course)] == ["no solution fits a machine with"]
    (course / FILE).write_text(text.replace('shell = "host"', 'when = "zfs"'))
    assert lint.lint(course) == ()
    (course / FILE).write_text(FILES[FILE].replace('shell = "host"', 'when = ["zfs-diff", "!zfs-kernel"]'))
    assert [p.wrong for p in lint.lint(course)] == ["no machine can play this step"]


def test_the_versions_of_cgroups_cover_every_machine(course: Path) -> None:
    text = FILES[FILE].replace("```sh solution\nunshare", "```sh solution when=cgroup1\nunshare")
    text = text.replace('["root"]', '["root", "cgroups"]')
    (course / FILE).write_text(text.replace("when=busybox", "when=cgroup2"))
    assert lint.lint(course) == ()
    (course / FILE).write_text(text.replace("when=busybox", "when=hybrid"))
    assert [p.wrong for p in lint.lint(course)] == [
        "no solution fits a machine with: not cgroup1, not hybrid"
    ]


def test_what_the_shell_does_with_a_colon_is_not_ours(course: Path) -> None:
    assert edited(course, FILE, "unshare --pid bash", ": > /tmp/x\n:>/tmp/y\n:") == ()


@pytest.mark.parametrize(
    ("old", "new", "wrong", "write"),
    [
        (
            "become-pid-1",
            "become-pid-2",
            "there is no step 'process-trees/become-pid-2'",
            "write process-trees/become-pid-1",
        ),
        ("which-number-has-it-outside", "become-pid-1", "comes twice", "take one"),
        ("minutes = 3", "minutes = 4", "the steps take 6 minutes, and the plan says 5", "write minutes = 6"),
        ("minutes = 3", "", "minutes is missing", "write minutes = 5"),
        ("optional = true", "optinal = true", "no key 'optinal'", "write optional"),
        ("optional = true", "optional = 1", "neither true nor false", "write optional = true"),
        (
            "[[step]]\nid",
            "[[lesson]]\nid",
            "there is no lesson 'process-trees/become-pid-1'",
            "write process-trees",
        ),
        ("title", "titel", "title is missing", "write title"),
    ],
)
def test_tracks(course: Path, old: str, new: str, wrong: str, write: str) -> None:
    found = [p for p in edited(course, "short.toml", old, new) if wrong in p.wrong]
    assert len(found) == 1
    assert write in found[0].write
    assert found[0].place.path == "course/short.toml"


def test_the_line_of_a_step_in_a_track(course: Path) -> None:
    found = edited(course, "short.toml", "which-number-has-it-outside", "nothing")
    assert found[0].place.line == 10


def test_a_track_of_lessons_shares_their_minutes(course: Path) -> None:
    (course / "short.toml").write_text('title = "All"\n[[lesson]]\nid = "process-trees"\n')
    assert lint.lint(course) == ()
    track = lint.parse.load(course).tracks["short"]
    assert [step.minutes for step in track.steps] == [3, 3]
    assert track.minutes == 6


def test_steps_and_lessons_of_a_track_come_as_they_are_written(course: Path) -> None:
    (course / "02-b.md").write_text(FILES[FILE])
    (course / "short.toml").write_text(
        'title = "x"\n[[lesson]]\nid = "b"\n[[step]]\nid = "process-trees/become-pid-1"\nminutes = 1\n'
    )
    track = lint.parse.load(course).tracks["short"]
    assert [step.step.partition("/")[0] for step in track.steps] == ["b", "b", "process-trees"]


def test_a_track_without_steps(course: Path) -> None:
    (course / "short.toml").write_text('title = "None"\n')
    assert "a track without steps" in str(lint.lint(course)[0])


def test_a_diagnosis_that_nobody_sees_is_a_warning(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = '\n[lonely]\ntitle = "x"\ncause = "x"\nremedy = "x"\n'
    (course / "diagnoses.toml").write_text(FILES["diagnoses.toml"] + more)
    assert main(course) == 0
    out, err = capsys.readouterr()
    assert out.startswith("course/diagnoses.toml:7: warning: nobody is ever shown 'lonely'")
    assert err == f"1 warning in {course}\n"


def test_a_diagnosis_that_a_check_gives_is_used(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "mentioned", lambda: frozenset({"lonely"}))
    more = '\n[lonely]\ntitle = "x"\ncause = "x"\nremedy = "x"\n'
    (course / "diagnoses.toml").write_text(FILES["diagnoses.toml"] + more)
    assert lint.lint(course) == ()


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("remedy", "remdy", "remedy is missing"),
        ("'fork: Cannot", "'fork(: Cannot", "message is not a regular expression"),
        ("[forgot-fork]", 'forgot-fork = "x"\n[other]', "forgot-fork is not a table"),
    ],
)
def test_diagnoses(course: Path, old: str, new: str, wrong: str) -> None:
    assert [p for p in edited(course, "diagnoses.toml", old, new) if wrong in p.wrong]


def test_the_programs_own_diagnoses_are_known_to_every_course_and_no_concern_of_it(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    names = ("forgot-fork", "lonely")
    (own / "diagnoses.toml").write_text(
        "".join(f'[{name}]\ntitle = "x"\ncause = "x"\nremedy = "x"\n' for name in names)
    )
    monkeypatch.setattr(lint.parse, "COURSE", own)
    (course / "diagnoses.toml").unlink()
    assert lint.lint(course) == ()


def test_a_diagnosis_that_only_a_check_names_must_exist(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "diagnoses", lambda: {"forgot-frok": ("/x/checks/namespaces.py", 7)})
    found = list(lint.diagnoses_of_checks(lint.parse.load(course)))
    assert [str(p) for p in found] == [
        (
            "/x/checks/namespaces.py:7: there is no diagnosis 'forgot-frok'; "
            "write forgot-fork, or add [forgot-frok] to diagnoses.toml"
        )
    ]


def test_stray_files(course: Path) -> None:
    (course / "notes.txt").write_text("")
    (course / "trees.md").write_text(FILES[FILE])
    (course / "__init__.py").write_text("")
    (course / "img").mkdir()
    found = lint.lint(course)
    assert [(p.place.path, p.write) for p in found] == [
        ("course/img", "move it out of the folder"),
        ("course/notes.txt", "move it out of the folder"),
        ("course/trees.md", "name it NN-name.md"),
    ]


def test_two_lessons_with_one_number_or_one_name(course: Path) -> None:
    (course / "01-other.md").write_text(FILES[FILE])
    (course / "02-other.md").write_text(FILES[FILE])
    assert [f"{p.place.path} {p.wrong}" for p in lint.lint(course)] == [
        f"course/{FILE} course/01-other.md is number 1 too",
        "course/02-other.md course/01-other.md is called other too",
    ]


def test_a_lesson_without_steps(course: Path) -> None:
    (course / FILE).write_text('+++\ntitle = "x"\nminutes = 1\n+++\nText.\n')
    assert any("a lesson without steps; write a ## heading" in str(p) for p in lint.lint(course))


def test_authors_can_look_the_checks_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", "--checks"]) == 0
    out = capsys.readouterr().out
    assert "### own_tree\n\nA pid namespace of its own.\n\n- `pid_one`: true or false; default false" in out


def test_one_lesson_alone(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (course / "notes.txt").write_text("")
    (course / "02-bad.md").write_text("")
    assert main(course / FILE) == 0
    assert main(course / "02-bad.md") == 2
    assert capsys.readouterr().out.startswith("course/02-bad.md:1: the front matter is missing; write +++")
