"""Renderables, as text on consoles of 40, 80 and 120 columns."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.theme import Theme

from workshop.events import Judged
from workshop.kernel.diff import Change
from workshop.kernel.model import Mount, MountTable, Process, Root, Snapshot, mount_key
from workshop.kernel.syscalls import Call
from workshop.kernel.verdict import Evidence, missed, passed, unsupported
from workshop.lesson import Diagnosis, Lesson, Place, Step
from workshop.render import calls, changes, lesson, theme, tree, verdicts, where
from workshop.render import map as course_map
from workshop.render.help import guide
from workshop.render.markdown import markdown
from workshop.ui.commands import COMMANDS

HERE = Place("lessons/03-process-trees.md", 1)
WIDTHS = (40, 80, 120)
STEPS = tuple(Step(f"process-trees/{n}", f"Step number {n}", "text", HERE) for n in range(6))
LESSON = Lesson("process-trees", 3, "Process trees", 12, "", HERE, steps=STEPS)
PROOF = (Evidence("pid namespace", "4026532281", "/proc/812/ns/pid"),)


def show(renderable: RenderableType, width: int = 80) -> str:
    """What is written, without the spaces at the ends of lines."""
    file = io.StringIO()
    styles = Theme(theme.STYLES, inherit=False)
    Console(file=file, width=width, theme=styles, color_system=None, highlight=False).print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def words(text: str) -> str:
    return " ".join(text.split())


def process(pid: int, ppid: int, comm: str = "bash", *inner: int, pid_ns: int = 1, start: int = 5) -> Process:
    ns = {"pid": pid_ns, "mnt": 1, "uts": 1}
    root = Root("/", 1, 2)
    return Process(
        pid, ppid, pid, pid, 0, "S", start, comm, nspids=(pid, *inner), ns=ns, root=root, cwd="/lab"
    )


BEFORE = Snapshot(1, {p.pid: p for p in (process(1, 0, "sleep"), process(10, 1))}, {}, hostnames={1: "lab"})
NOW = Snapshot(
    1,
    {**BEFORE.processes, 41: process(41, 10, "unshare"), 42: process(42, 41, "bash", 1, pid_ns=2)},
    {},
    hostnames={1: "lab"},
)


# -- markdown


def test_markdown_wraps_paragraphs_and_keeps_code_as_it_stands() -> None:
    source = (
        "A **bold** `word` and\nmore.\n\n- one\n- two\n  lines\n\n3. three\n\n```sh\nunshare  --pid\n```\n"
    )
    assert show(markdown(source), 40).splitlines() == [
        "A bold word and more.",
        "",
        "  • one",
        "  • two lines",
        "",
        "  3. three",
        "",
        "    unshare  --pid",
    ]


def test_markdown_shows_where_a_link_leads_and_tables_and_quotes() -> None:
    text = show(markdown("[man](https://man7.org)\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | `2` |\n"))
    assert "man (https://man7.org)" in text
    assert "  quoted" in text
    assert [line.split() for line in text.splitlines()[-2:]] == [["a", "b"], ["1", "2"]]


def test_without_colours_code_keeps_its_backticks() -> None:
    plain = theme.signs("utf-8", coloured=False)
    source = "`exit` first.\n\n- `mkdir` it\n\n| `a` |\n|---|\n| `2` |\n\n## `ls`\n\n```\nuname\n```\n"
    assert words(show(markdown(source, plain))) == "`exit` first. • `mkdir` it `a` `2` `ls` uname"
    assert "`" not in show(markdown(source, theme.UNICODE))
    step = Step("a/b", "B", "", HERE, ask="What does `ls` say?")
    missed_one = missed("a `/proc`", "no `/proc`")
    parts = [
        lesson.question(step, plain),
        lesson.hint("Try `ls`.", plain),
        verdicts.verdict(missed_one, plain),
        verdicts.miss(missed_one, plain),
        verdicts.diagnosis(Diagnosis("x", "X", "`c`", "r", HERE), plain),
    ]
    for part in parts:
        assert show(part).count("`") >= 2, show(part)


def test_markup_of_rich_in_a_lesson_is_text() -> None:
    assert show(markdown("`[bold]` and [red]")) == "[bold] and [red]"


def test_a_long_command_is_folded_never_cut() -> None:
    command = "x" * 70
    assert "".join(show(markdown(f"```\n{command}\n```"), 40).split()) == command


# -- lessons


def test_heading_says_lesson_step_and_time_on_one_line_where_it_fits() -> None:
    line = show(lesson.heading(LESSON, STEPS[1]), 80)
    assert line.startswith("── 3 Process trees · step 2 of 6 · Step number 1 · ~2 min ──")
    assert len(line) == theme.READABLE


def test_heading_on_forty_columns_takes_the_lines_it_needs() -> None:
    lines = show(lesson.heading(LESSON, STEPS[1]), 40).splitlines()
    assert lines[1:-1] == ["3 Process trees · step 2 of 6", "Step number 1 · ~2 min"]


def test_text_is_never_wider_than_can_be_read() -> None:
    text = show(lesson.step(LESSON, STEPS[0], "word " * 100), 120)
    assert max(map(len, text.splitlines())) <= theme.READABLE


def test_question_lists_its_choices() -> None:
    step = Step("a/b", "B", "", HERE, ask="Which `pid`?", choices=("1", "2"))
    text = show(lesson.step(LESSON, step, "text"))
    assert "? Which pid?" in text and "• 1" in text and ":answer" in text


def test_solutions_are_numbered_only_where_there_are_several() -> None:
    assert "Way" not in show(lesson.solutions([("a",)]))
    assert "Way 2" in show(lesson.solutions([("a",), ("b",)]))
    assert "no solution" in show(lesson.solutions([]))


# -- changes


def test_nothing_changed_is_said() -> None:
    assert show(changes.changes(())) == "No namespace, process, mount, link or dataset changed."


def test_a_change_shows_old_new_and_where_it_was_read() -> None:
    change = Change("namespaces", "changed", "pid of bash 41", "4026531836", "4026532281", "/proc/41/ns/pid")
    text = show(changes.changes((change,)))
    assert "~ pid of bash 41: 4026531836 → 4026532281  (/proc/41/ns/pid)" in text
    assert "Mounts" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_no_part_of_a_change_is_lost_on_a_narrow_screen(width: int) -> None:
    change = Change(
        "mounts", "added", "/lab/containers/one/merged", None, "overlay " + "x" * 90, "/proc/41/mountinfo"
    )
    text = show(changes.changes((change,)), width)
    assert "x" * 90 in "".join(text.split())
    assert max(map(len, text.splitlines())) <= width


def test_new_processes_stand_in_their_tree_with_their_pids_inside() -> None:
    found = tuple(Change("processes", "added", f"{pid}", None, None, f"/proc/{pid}") for pid in (41, 42))
    lines = show(changes.changes(found, NOW, BEFORE)).splitlines()
    assert [line.strip() for line in lines[2:]] == [
        "bash 10",
        "└─ unshare 41  new",
        "└─ bash 42, pid 1 inside  new",
    ]


def test_many_changes_are_counted() -> None:
    many = tuple(Change("mounts", "added", f"/m{n}", None, None, "") for n in range(20))
    text = show(changes.changes(many))
    assert "/m7" in text and "/m8" not in text and "12 more" in text


def test_ascii_has_no_sign_that_is_not_ascii() -> None:
    plain = theme.ASCII
    change = Change("mounts", "changed", "/", "a", "b", "")
    parts = [
        changes.changes((change,), NOW, BEFORE, plain),
        tree.tree(NOW, [42], plain),
        verdicts.diagnosis(Diagnosis("x", "X", "c", "r", HERE), plain),
        lesson.heading(LESSON, STEPS[0], plain),
        lesson.question(Step("a/b", "B", "", HERE, ask="?", choices=("1",)), plain),
        course_map.course([(LESSON, STEPS)], STEPS[0], lambda _: True, lambda *_: "", plain),
        markdown("- a\n\n---\n", plain),
        calls.calls([Call(1, "fork", "", 2, None, "x")] * 30, signs=plain),
        guide([(c.name, c.argument, c.keys, c.about) for c in COMMANDS]),
        where.state(NOW, 42, plain),
    ]
    for part in parts:
        assert show(part).isascii(), show(part)


def test_signs_follow_the_encoding() -> None:
    assert theme.signs("utf-8") is theme.UNICODE
    assert theme.signs("ISO-8859-1") is theme.ASCII
    assert theme.signs(None) is theme.ASCII
    assert theme.signs("no such encoding") is theme.ASCII


# -- calls


def test_a_call_has_its_sentence_and_an_error_its_name() -> None:
    text = show(
        calls.calls(
            [
                Call(41, "unshare", "CLONE_NEWPID", 0, None, "Children get a new pid namespace."),
                Call(41, "mount", '"a"', -1, "EPERM", "Refused."),
                Call(41, "exit_group", "0", None, None, ""),
            ]
        )
    )
    assert "41 unshare(CLONE_NEWPID) = 0" in text and "Children get" in text
    assert "failed, EPERM" in text and "exit_group(0) does not return" in text


def test_pointers_are_left_out_of_calls() -> None:
    assert calls.readable_arguments('"/bin/sh", ["sh"], 0x7ffe /* 41 vars */') == '"/bin/sh", ["sh"]'
    clone = "child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD, child_tidptr=0x7f0f924d3a10"
    assert calls.readable_arguments(clone) == "flags=CLONE_NEWPID|SIGCHLD"


def test_calls_that_could_not_be_watched_say_why() -> None:
    assert "strace is missing" in show(calls.calls(None, "strace is missing"))
    assert "none" in show(calls.calls(()))


# -- verdicts


def test_states_are_words_not_only_colours() -> None:
    judged = Judged(
        STEPS[0], (passed("a", "is", PROOF), missed("b", "is not"), unsupported("c", "no zfs here")), ()
    )
    text = show(verdicts.checks(judged))
    assert "✓ met: a" in text and "✗ not yet: b" in text and "cannot be checked here: c" in text
    assert "no zfs here" in text and "pid namespace: 4026532281  (/proc/812/ns/pid)" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_passed_shows_evidence_why_and_docker(width: int) -> None:
    judged = Judged(STEPS[0], (passed("a", "it is in its own", PROOF),), ())
    text = words(show(verdicts.passed(STEPS[0], judged, "Because.", "As runc."), width))
    assert (
        "✓ Done: Step number 0" in text and "4026532281" in text and "Why Because." in text and "runc" in text
    )


def test_diagnosis_says_what_why_and_the_way_out() -> None:
    text = words(
        show(verdicts.diagnosis(Diagnosis("x", "No child", "`unshare` stays.", "`--fork`", HERE)), 40)
    )
    assert "No child" in text and "unshare stays." in text and "Way out" in text and "--fork" in text


def test_the_first_missed_verdict_is_not_an_unsupported_one() -> None:
    miss = missed("b", "not")
    assert verdicts.first_missed((passed("a", "a"), unsupported("c", "c"), miss)) is miss


# -- the map


def test_map_marks_here_done_open_and_impossible() -> None:
    text = show(
        course_map.course(
            [(LESSON, STEPS[:4])],
            STEPS[1],
            lambda step_id: step_id.endswith("0"),
            lambda _, step: "no ZFS" if step is STEPS[3] else "",
        )
    ).splitlines()
    assert text[1:5] == [
        "  ✓ Step number 0  done",
        "  ▶ Step number 1  you are here",
        "  ○ Step number 2",
        "  – Step number 3  not on this machine: no ZFS",
    ]


def test_a_short_map_opens_the_lesson_you_are_in() -> None:
    other = replace(LESSON, id="other", number=9, title="Other", steps=())
    theirs = (replace(STEPS[0], id="other/a", title="Theirs"), replace(STEPS[0], id="other/b", title="Too"))

    def short(reason: str, whole: bool = False) -> str:
        lessons = [(LESSON, STEPS[:2]), (other, theirs)]
        cannot = lambda lesson, _: reason if lesson is other else ""  # noqa: E731
        return show(course_map.course(lessons, STEPS[1], lambda _: False, cannot, whole=whole))

    text = short("")
    assert "you are here" in text and "9 Other" in text and "Theirs" not in text
    assert ":map all shows all steps." in text and ":map all" not in short("", whole=True)
    assert "0 of 2 done, not on this machine: no ZFS" in short("no ZFS")
    assert "Theirs" in short("", whole=True)


# -- where


def here(**change: object) -> Any:
    facts = {
        "shell": "host",
        "pid": 1,
        "differs": (),
        "root": "/",
        "cwd": "/lab",
        "user": "#",
        "comm": "bash",
    }
    return SimpleNamespace(**{**facts, **change})


def test_prompt_says_host() -> None:
    assert where.plain(where.prompt(here())) == "host /lab # "


def test_prompt_names_what_differs_and_the_root() -> None:
    found = here(shell="container", differs=("mnt", "pid"), root="/lab/c/one", cwd="/", user="$")
    assert where.plain(where.prompt(found)) == "container [mnt pid · root /lab/c/one] / $ "


def test_prompt_names_the_shell_where_one_would_guess_wrong() -> None:
    assert where.plain(where.prompt(here(shell="container"))) == "host (container shell) /lab # "
    assert "container [pid] (host shell) /lab #" in where.plain(where.prompt(here(differs=("pid",))))


def test_a_long_prompt_leaves_a_line_to_type_in() -> None:
    found = here(shell="container", differs=("mnt", "pid", "net"), root="/lab/containers/one", cwd="/")
    assert where.plain(where.prompt(found, width=40)).endswith("\n# ")
    assert "\n" not in where.plain(where.prompt(found, width=120))


def test_a_prompt_wider_than_the_screen_is_folded() -> None:
    """What stands above the line that is typed in is cut off otherwise."""
    found = here(differs=("mnt", "pid"), root=f"/lab/containers/{'x' * 50}", cwd="/")
    lines = where.plain(where.prompt(found, width=40)).split("\n")
    assert max(map(len, lines)) <= 40 and lines[-1] == "# "
    assert "".join("".join(lines).split()) == f"container[mntpid·root/lab/containers/{'x' * 50}](hostshell)/#"
    found = here(root="/lab/containers/one", cwd="/")
    assert where.plain(where.prompt(found, width=40)).split("\n") == [
        "container [root /lab/containers/one]",
        "(host shell) /",
        "# ",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_state_fits_and_tells_own_from_same(width: int) -> None:
    text = show(where.state(NOW, 42), width)
    assert max(map(len, text.splitlines())) <= width
    rows = {line.split()[0]: words(line) for line in text.splitlines() if line.strip()}
    assert rows["pid"] == "pid 1 2 its own"
    assert rows["uts"] == "uts 1 1 same"
    assert "pid 1 inside" in text


def test_on_a_narrow_screen_no_word_of_the_state_is_broken() -> None:
    big = {"pid": 4026532281, "mnt": 4026532282, "uts": 4026531838}
    host = replace(NOW.processes[1], ns={"pid": 4026531836, "mnt": 4026531841, "uts": 4026531838})
    here = replace(NOW.processes[42], ns=big)
    mount = Mount(9, 1, (0, 9), "/", "/lab/containers/one/proc", (), (), "proc", "proc", ())
    mounts = {mount_key(here): MountTable(42, (mount,))}
    now = replace(NOW, processes={1: host, 42: here}, mounts=mounts)
    text = show(where.state(now, 42), 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "pid\n    host 4026531836, here 4026532281,\n    its own" in text
    assert "/lab/containers/one/proc\n    type proc, source proc, propagation\n    private" in text
    assert "namespace  host        here" in show(where.state(now, 42), 80)


def test_state_of_a_process_that_is_gone() -> None:
    assert show(where.state(NOW, 999)) == "The process 999 has ended."


def test_sizes() -> None:
    assert [where.size(n) for n in (0, 24576, 1363149)] == ["0B", "24K", "1.3M"]


@pytest.mark.parametrize("width", WIDTHS)
def test_help_names_every_command_and_fits(width: int) -> None:
    text = show(guide([(c.name, c.argument, c.keys, c.about) for c in COMMANDS], width), width)
    assert all(f":{command.name}" in text for command in COMMANDS)
    assert max(map(len, text.splitlines())) <= width


def test_text_colours_can_be_read_on_white_and_on_black() -> None:
    """Yellow, cyan, white and black as text vanish on one of the two; marks and borders may be green or
    yellow."""
    marks = {"good", "added", "warning.border", "warning"}
    for name, style in theme.STYLES.items():
        if name not in marks:
            assert not {"yellow", "cyan", "white", "black", "green", "blue"} & set(style.split()), name
