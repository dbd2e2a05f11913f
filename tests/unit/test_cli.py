"""The command line: what can be said, what is answered, and with which exit status; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workshop import cli
from workshop.errors import LabError, LessonError, MachineError, UsageError, WorkshopError

ROOT = Path(__file__).parents[2]


def workshop(*words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "workshop", *words],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*filter(None, [command]), "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert said.startswith(f"usage: workshop {command}".rstrip())
    assert all(len(line) <= 80 for line in said.splitlines())


def test_the_first_help_names_every_command_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["-h"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f" {command} " in said for command in cli.COMMANDS)
    assert "0 all passed, 1 something missed, 2 wrong use, 3 this machine lacks something" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lern"], "invalid choice: 'lern'"),
        (["run", "--jsn"], "Unrecognized arguments: --jsn."),
        (["run", "--track"], "Argument --track: expected one argument."),
        (["learn", "1", "2"], "Unrecognized arguments: 2."),
        (["run", "proces-trees"], "Did you mean process-trees?"),
        (["run", "process-trees/become-pid-2"], "Did you mean process-trees/become-pid-1?"),
        (["run", "99"], "`workshop lessons` lists"),
        (["run", "²"], "`workshop lessons` lists"),
        (["run", "9" * 5000], "`workshop lessons` lists"),
        (["run", "--track", "tlk"], "Did you mean talk?"),
        (["run", "--track", "full", "nothing", "1"], "'nothing'"),
        (["run", "--course", "/nonexistent"], "There is no /nonexistent."),
        (["lint", "/nonexistent.md"], "There is no /nonexistent.md."),
        (["lessons", "--course", "/dev/null"], "/dev/null"),
    ],
)
def test_wrong_use(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("workshop: ") and said in err


@pytest.mark.parametrize(
    ("error", "status"),
    [(UsageError, 2), (LessonError, 2), (MachineError, 3), (LabError, 3), (WorkshopError, 3)],
)
def test_errors_are_printed_once_and_become_the_status(
    error: type[WorkshopError],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> int:
        raise error("Something is wrong.", "Do this.")

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert cli.main(["doctor"]) == status
    assert capsys.readouterr().err == "workshop: Something is wrong.\n          Do this.\n"


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupt)
    assert cli.main(["run"]) == 130
    assert capsys.readouterr().err == "workshop: interrupted\n"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], ("learn", {"lesson": None, "track": None, "image": None, "no_lab": False})),
        (["--track", "talk", "3"], ("learn", {"lesson": "3", "track": "talk"})),
        (["learn", "3", "--track", "talk"], ("learn", {"lesson": "3", "track": "talk"})),
        (
            ["run", "1", "2", "--verify", "--json"],
            ("run", {"lessons": ["1", "2"], "verify": True, "json": True}),
        ),
        (["run", "--image", "x.tar", "--no-lab"], ("run", {"image": Path("x.tar"), "no_lab": True})),
    ],
)
def test_what_is_said_arrives(
    words: list[str], wanted: tuple[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr(cli, "_dispatch", lambda options, _: seen.update(vars(options)) or 7)
    assert cli.main(words) == 7
    command, options = wanted
    assert seen["command"] == command and {key: seen[key] for key in options} == options


@pytest.mark.parametrize("words", [["run", "--image", ""], ["learn", "--course="], ["lint", ""]])
def test_an_empty_path_is_no_path(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "the path is empty" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("workshop ")


@pytest.mark.parametrize(
    "words", ["lessons", "lessons --json", "doctor", "doctor --json", "lint --checks", "--help"]
)
def test_nobody_reads_the_output(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = workshop(*words.split(), stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_as_a_program() -> None:
    done = workshop("run", "nothing-like-it")
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    done = workshop()
    assert done.returncode == 2 and "needs a terminal" in done.stderr and "workshop run" in done.stderr


@pytest.mark.parametrize("words", [("lessons",), ("lessons", "--json"), ("doctor",), ("report",)])
def test_a_full_disk_behind_standard_output_is_said(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = workshop(*words, stdout=full.fileno())
    assert done.returncode == 3
    assert done.stderr == "workshop: what is printed cannot be written: No space left on device.\n"


def test_a_standard_output_that_is_closed_is_nowhere() -> None:
    command = f"{sys.executable} -m workshop lessons >&-"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    script = f"mkdir x && cd x && rmdir ../x && exec {sys.executable} -m workshop lessons --json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("lessons", "--course"), ("report", "--course"), ("lint",)])
def test_a_course_without_lessons(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = workshop(*words, str(tmp_path))
    assert done.returncode == 2 and f"There are no lessons in {tmp_path}." in done.stderr


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    for name in ("01-x.md", "scenes.jsonl"):
        os.mkfifo(tmp_path / name)
    assert workshop("lint", str(tmp_path / "01-x.md")).returncode == 2
    assert workshop("handout", str(tmp_path)).returncode == 2


def test_runs_without_a_rehearsal() -> None:
    assert "--runs goes with --rehearse" in workshop("present", "--runs", "3").stderr
