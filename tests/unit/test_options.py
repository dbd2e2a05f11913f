from __future__ import annotations

import pytest

from workshop.options import Explained, explain, unknown, used
from workshop.parse import load

TABLE = {
    "unshare": {"--pid": "pid", "-m": "mount", "--root": "root"},
    "tar": {"-x": "unpack", "-f": "file", "-C": "folder"},
    "kill": {"-KILL": "at once"},
}


def read(line: str) -> list[str]:
    return [f"{each.command} {each.option}" for each in used(line)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("unshare --pid --fork bash", ["unshare --pid", "unshare --fork"]),
        ("sudo tar -C /x -xvf y", ["tar -C", "tar -xvf"]),
        ("exec unshare --pid setsid --fork x", ["unshare --pid", "setsid --fork"]),
        (
            "unshare --root=/x -m sh -c 'mount -t proc proc /proc'",
            ["unshare --root", "unshare -m", "sh -c", "mount -t"],
        ),
        ("nsenter -t $(pgrep -P $!) --pid ps -e", ["pgrep -P", "nsenter -t", "nsenter --pid", "ps -e"]),
        ("nsenter -m/proc/1/ns/mnt ls -l", ["nsenter -m", "ls -l"]),
        ("ip netns exec box ping -c 1 x", ["ping -c"]),
        ("nsenter --target 1 -- id -u", ["nsenter --target", "id -u"]),
        ("timeout 2 tail -f x | grep -q y && wc -l < z", ["tail -f", "grep -q", "wc -l"]),
        ("A=1 ls -l > -x; [ -e y ]", ["ls -l", "[ -e"]),
        ("cat > x -- -y", []),
        ("echo 'it is not closed", []),
        ("setpriv --bounding-set -all,+setuid id -u", ["setpriv --bounding-set", "id -u"]),
        ("chroot /some/where /bin/ls -l", ["ls -l"]),
        (": > file", []),
    ],
)
def test_what_a_line_uses(line: str, found: list[str]) -> None:
    assert read(line) == found


def test_options_that_are_written_together_are_told_apart() -> None:
    assert explain(["tar -xf y", "tar -xf z", "unshare -mp sh"], TABLE) == (
        Explained("tar", "-x", "unpack"),
        Explained("tar", "-f", "file"),
        Explained("unshare", "-m", "mount"),
    )
    assert explain(["kill -KILL 1"], TABLE) == (Explained("kill", "-KILL", "at once"),)


def test_what_is_not_explained_is_found() -> None:
    assert [each.option for each in unknown("tar -xvf y", TABLE)] == ["-v"]
    assert [each.option for each in unknown("kill -TERM 1", TABLE)] == ["-TERM"]
    assert list(unknown("strange --thing", TABLE)) == []


def test_the_course_explains_the_options_of_all_its_solutions() -> None:
    """Lint warns of options; here also commands are found that the table does not have at all."""
    course = load()
    scripts = [script for lesson in course.lessons for step in lesson.steps for script in step.solutions]
    commands = {each.command for script in scripts for line in script.lines for each in used(line)}
    its_own = {"mydocker.sh", "on", "took", "mine", "command"}
    assert commands - course.options.keys() <= {*its_own, "[", "--all"}
