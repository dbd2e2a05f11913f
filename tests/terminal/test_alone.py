"""Learning alone, with the real program: inside and outside, undo, rebuilding, hints, what one takes away,
and somebody who looks on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from screen import Screen
from test_learn import PATIENCE, WORKSHOP, Learn, Learner, flat, learn

__all__ = ["learn"]
pytestmark = pytest.mark.root
HOUSE = str(Path(__file__).parents[2])


def workshop(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": HOUSE}
    return subprocess.run(
        (*WORKSHOP, *words),
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def steps(state: Path) -> dict[str, dict[str, object]]:
    found = json.loads((state / "container-workshop/progress.json").read_text())["steps"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("columns", [80, 40])
def test_inside_and_outside(learn: Learn, columns: int) -> None:
    learner = learn("learn", "names", size=(columns, 50))
    learner.type_in("unshare --uts bash", "hostname box")
    learner.ready()
    learner.type("\x1bv")
    learner.wait_for(lambda s: "Limits" in s.transcript and "F1 help" in s.text)
    found = learner.transcript[learner.transcript.index("Inside: ") :]
    assert "≠ differs" in found
    if columns == 80:
        assert re.search(r"name +box +lab +≠ differs", found)
    else:
        assert "inside   box" in found and "outside  lab" in found
    assert learner.quit() == 0


def test_a_line_is_taken_back(learn: Learn) -> None:
    learner = learn("learn", "names")
    learner.type_in("unshare --uts bash", "hostname wrong")
    learner.ready()
    learner.type("\x1bu")
    learner.wait_for("Take it back? [y/N]")
    assert "$ hostname wrong" in learner.text and "lab → wrong" in learner.text
    learner.type("y")
    learner.wait_for(lambda s: "Taken back: hostname wrong" in s.text and "F1 help" in s.text, PATIENCE)
    assert learner.cursor_line.startswith("container [uts]")
    assert "\nlab\n" in learner.line("hostname")
    assert learner.quit() == 0


def test_after_a_crash_the_state_is_made_of_ones_own_lines(learn: Learn, tmp_path: Path) -> None:
    first = learn("learn", "names")
    first.type_in("unshare -u bash", "MINE=kept", "hostname box", ":next")
    first.ready()
    os.kill(first.pid, signal.SIGKILL)
    first.wait_end(PATIENCE)
    second = learn()
    second.ready()
    assert "step 2 of" in second.transcript and "done again, by your own lines." in flat(second)
    second.line(":container")
    assert "kept" in second.line("echo $MINE").splitlines()[1]
    assert second.quit() == 0


def test_own_lines_that_fail_are_named_and_the_model_answer_is_taken(learn: Learn, tmp_path: Path) -> None:
    first = learn("learn", "names")
    first.type_in("unshare --uts bash", "hostname box", ":next")
    assert first.quit() == 0
    file = tmp_path / "state/container-workshop/progress.json"
    file.write_text(file.read_text().replace("unshare --uts bash", "unshare --no-such-option bash"))
    second = learn()
    second.ready()
    said = flat(second)
    assert "by the model answer:" in said and "your lines do not lead there" in said
    assert "step 2 of" in said
    assert second.quit() == 0


@pytest.mark.parametrize("end", ["quit", "hangup"])
def test_an_unfinished_step_is_gone_on_with(learn: Learn, end: str) -> None:
    first = learn("learn", "names")
    first.type_in("unshare --uts bash", "MINE=kept")
    if end == "quit":
        assert first.quit() == 0
    else:
        first.ready()
        os.kill(first.pid, signal.SIGHUP)
        first.wait_end(PATIENCE)
    second = learn()
    second.ready()
    assert "You left this step after 2 lines." in flat(second)
    second.enter(":redo")
    second.wait_for("Go ahead? [y/N]")
    second.type("y")
    second.wait_for(lambda s: s.cursor_line.startswith("container [uts]"), PATIENCE)
    assert "kept" in second.line("echo $MINE").splitlines()[1]
    assert "Done:" in second.line("hostname box")
    assert second.quit() == 0


def test_hints_the_recap_and_the_report_are_honest(learn: Learn, tmp_path: Path) -> None:
    learner = learn("learn", "names")
    assert "not yet:" in learner.line(":hint") and "Hint" in learner.line(":hint")
    assert "--uts  new uts namespace" in learner.line(":solution")
    learner.type_in("unshare --uts bash", "hostname box")
    assert "hostname box" in learner.line(":recap")
    assert "(1 hint, solution shown)" in flat(learner) or "(1 hint, solution shown)" in learner.line(":map")
    assert learner.quit() == 0
    state = tmp_path / "state"
    text = workshop(state, "report").stdout
    assert "with 1 hint; with the solution shown; by the very lines that the course offers" in text
    assert "hostname box" in text and "lab → box" in text
    page = tmp_path / "report.html"
    assert workshop(state, "report", str(page)).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    assert workshop(state, "report", str(page)).returncode == 2


def test_progress_moves_to_another_machine(learn: Learn, tmp_path: Path) -> None:
    learner = learn("learn", "names")
    learner.type_in("unshare --uts bash", "hostname box", ":next")
    assert learner.quit() == 0
    file, other = tmp_path / "mine.json", tmp_path / "other"
    assert workshop(tmp_path / "state", "progress", "export", str(file)).returncode == 0
    assert workshop(other, "progress", "import", "/etc/passwd").returncode == 2
    assert not other.exists() or not list(other.rglob("progress.json*"))
    assert workshop(other, "progress", "import", str(file)).returncode == 0
    assert steps(other) == steps(tmp_path / "state")


def test_a_file_of_the_lab_is_kept(learn: Learn, tmp_path: Path) -> None:
    learner = learn("learn", "names")
    to = tmp_path / "mydocker"
    learner.line(r"printf '#!/bin/sh\n' > mydocker.sh")
    assert "it stays when the lab goes" in flat_line(learner, f":keep mydocker.sh {to}")
    assert to.read_text() == "#!/bin/sh\n" and to.stat().st_mode & 0o111
    assert "already" in flat_line(learner, f":keep mydocker.sh {to}")
    assert "no file /lab/none" in flat_line(learner, ":keep none")
    assert learner.quit() == 0


def flat_line(learner: Learner, line: str) -> str:
    return " ".join(learner.line(line).split())


# -- somebody looks on --------------------------------------------------------------------------------------


@pytest.fixture
def watch() -> Iterator[Screen]:
    environ = {"PYTHONPATH": HOUSE, "NO_COLOR": "1"}
    with Screen((sys.executable, "-m", "workshop", "watch"), columns=90, rows=60, env=environ) as found:
        yield found


def test_watch_waits_follows_and_ends_well(learn: Learn, watch: Screen) -> None:
    before = watch.mode()
    watch.wait_for("q ends")
    learner = learn("learn", "process-trees")
    learner.ready()
    follow(watch, "Become PID 1")
    learner.line("unshare --mount --pid --fork --mount-proc bash")
    seen(watch, "(1 inside)")
    learner.line("mount -t tmpfs here /mnt")
    seen(watch, "/mnt  tmpfs here")
    learner.line(":host")
    learner.line("ip link add bridge0 type bridge")
    seen(watch, "bridge0 down (bridge)")
    learner.line("ip link del bridge0")
    seen(watch, lambda s: "bridge0" not in s.text)
    watch.type("3")
    watch.wait_for(lambda s: "3 Mounts" in s.text and "1 Namespaces" not in s.text)
    watch.type("0")
    watch.resize(40, 24)
    watch.wait_for(lambda s: "1 Namespaces" in s.text and "4 Links" in s.text)
    learner.enter(":reset lesson")
    learner.wait_for("Go ahead? [y/N]")
    learner.type("y")
    learner.wait_for(lambda s: "A new lab for this lesson" in s.transcript and "F1 help" in s.text, PATIENCE)
    seen(watch, lambda s: "1 inside" not in s.text and "Become PID 1" in s.text)
    assert learner.quit() == 0
    watch.wait_for(lambda s: "Become PID 1" not in s.text, PATIENCE)
    watch.type("q")
    assert watch.wait_end() == 0
    assert watch.mode() == before
    assert not re.search(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7])m", watch.raw)


def follow(watch: Screen, heading: str) -> None:
    """Other labs may run on this machine: go on until it is ours."""
    for _ in range(10):
        try:
            watch.wait_for(heading, 2)
            return
        except AssertionError:
            watch.type("\t")
    raise AssertionError(f"{heading} is not followed\n{watch.text}")


def seen(watch: Screen, wanted: str | Callable[[Screen], bool]) -> None:
    """`bench watch` measures that it takes half a second; a machine that is busy with tests may be late."""
    watch.wait_for(wanted, 5.0)


def test_one_picture_needs_no_terminal(tmp_path: Path) -> None:
    done = workshop(tmp_path, "watch", "--once")
    assert done.returncode == 0 and "\x1b" not in done.stdout and "q ends" not in done.stdout
    refused = workshop(tmp_path, "watch")
    assert refused.returncode == 2 and "--once" in refused.stderr
