"""The checks of the main goals in a real lab: any right way passes, and what is nearly right does not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import lacks

from workshop import registry
from workshop.events import Judged, Passed
from workshop.host import Host
from workshop.lab import Lab
from workshop.ledger import Ledger
from workshop.lesson import CheckCall, Course, Lesson, Place, Script, ShellName, Step
from workshop.machine import Machine, examine
from workshop.parse import load
from workshop.session import Session
from workshop.shell import Silent

pytestmark = pytest.mark.root
HERE = Place("tests", 1)
DIAGNOSES = load().diagnoses
PATIENCE = 120.0
"""Seconds that a state gets to be reached; lines end before what they started in the background is there."""
PYTHON = "/usr/bin/python3"
"""The machine's own: a checkout below /tmp cannot be seen in a lab, which has a /tmp of its own."""
ROOT = ("mkdir /lab/r", "tar -C /lab/r -xf {{image}}")
CLONE = (
    "zfs create -p {{pool}}/images/debian",
    "zfs create {{pool}}/containers",
    "tar -C /{{pool}}/images/debian -xf {{image}}",
    "zfs snapshot {{pool}}/images/debian@latest",
)
T1 = "zfs clone {{pool}}/images/debian@latest {{pool}}/containers/t1"
CHROOT_T1 = "unshare --mount --pid --fork chroot /{{pool}}/containers/t1 /bin/sh"
BIND = "mount --bind /lab/r /lab/r"


@dataclass(frozen=True)
class Goal:
    """A check as a lesson calls it, and what its lesson needs and prepares."""

    check: str
    params: tuple[tuple[str, Any], ...] = ()
    needs: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    when: str = ""
    """What the machine may lack."""

    def step(self, shell: ShellName = "host") -> Step:
        calls = (CheckCall(self.check, dict(self.params), HERE),)
        return Step(f"near/{self.check}", self.check, "", HERE, shell=shell, checks=calls)


PID = Goal("own_pid_namespace")
PID_ONE = Goal("own_pid_namespace", (("pid_one", True),))
PROC = Goal("own_proc")
PRIVATE = Goal("private_mounts")
PIVOTED = Goal("pivoted", (), ("image",), ROOT)
NEW_ROOT = Goal("new_root", (("path", "/lab/r"),), ("image",), ROOT)
ON_CLONE = Goal("on_zfs_clone", (("name", "{{pool}}/containers/t1"),), ("pool", "image"), CLONE)
LIMIT = "cd {{memory}}/box; echo 20M > memory.max || echo 20M > memory.limit_in_bytes; cd /lab"
TWO_ROOTS = (
    "mkdir -p /lab/containers/a /lab/containers/b",
    "tar -C /lab/containers/a -xf {{image}}",
    "cp -a /lab/containers/a/. /lab/containers/b",
)
FROM_CHROOT = Goal("killed_from_chroot", (("args", "sleep 4242"),), ("image",), (*ROOT, "sleep 4242 &"))
LACKS = Goal(
    "lacks",
    (("path", "/lab/containers/a"), ("name", "bin/sh"), ("other", "/lab/containers/b")),
    ("image",),
    TWO_ROOTS,
)
OOM = Goal("oom_killed", (), (), ("mkdir {{memory}}/box", LIMIT))
AT_MOST = Goal("pids_limit", (("at_most", 20),), (), ("mkdir {{pids}}/box",))
OUT_OF_THE_WAY = Goal("private_mount", (("target", "/mnt"),))


@pytest.fixture(scope="module")
def machine() -> Machine:
    return examine()


@pytest.fixture(scope="module")
def host(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    machine.require("busybox")
    ledgers = tmp_path_factory.mktemp("near") / "ledgers"
    made = Host(Lab.begin(machine, Ledger.open(ledgers)), machine)
    yield made
    assert made.close() == ()


def played(host: Host, goal: Goal, lines: tuple[str, ...]) -> tuple[Session, bool]:
    """The session after the lines, in a fresh lab; and whether the goal was seen as met at any of them."""
    if "pool" in goal.needs and not host.machine.has("zfs"):
        lacks("zfs-fuse", host.machine.capabilities["zfs"].reason)
    if goal.when and not host.machine.has(goal.when):
        lacks(goal.when, host.machine.capabilities[goal.when].reason)
    step = goal.step()
    setup = (Script(goal.setup, HERE),)
    lesson = Lesson("near", 1, "Near", 1, "", HERE, needs=goal.needs, setup=setup, steps=(step,))
    session = Session(Course((lesson,), diagnoses=DIAGNOSES), (step,), host)
    for _ in session.enter(step.id):
        pass
    assert not session.judge_now().passed
    events = list(session.play(session.filled(Script(lines, HERE)), Silent()))
    return session, any(isinstance(event, Passed) for event in events)


def judged(session: Session, wanted: str | None) -> Judged:
    """The verdict as soon as it is the wanted one (None: passed), or else when the patience is over."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = session.judge_now()
        reached = found.passed if wanted is None else wanted in [d.id for d in found.diagnoses]
        if reached or time.monotonic() > deadline:
            return found


C = "import ctypes, os; c = ctypes.CDLL(None);"
"""System calls, not unshare(1): CLONE_NEWPID 0x20000000, CLONE_NEWNS 0x20000, MS_REC|MS_PRIVATE 0x44000."""
FORK = "os.execvp('bash', ['bash']) if os.fork() == 0 else os.wait()"

RIGHT: dict[str, tuple[Goal, tuple[str, ...]]] = {
    "kill: a moment later, from the background": (
        FROM_CHROOT,
        (
            "chroot /lab/r /bin/sh",
            "mount -t proc proc /proc",
            "P=$(ps | awk '/[s]leep 4242/ {print $1}')",
            "(sleep 0.7; kill $P) &",
        ),
    ),
    "kill: the second one, after a first that was killed on the host": (
        FROM_CHROOT,
        (
            "pkill -f 'sleep 424[2]'",
            "sleep 4242 &",
            "chroot /lab/r /bin/sh",
            "mount -t proc proc /proc",
            "kill $(ps | awk '/[s]leep 4242/ {print $1}')",
        ),
    ),
    "pid: short options, another shell": (PID_ONE, ("unshare -fp sh",)),
    "pid: unshare(2) from Python": (PID_ONE, (f'{PYTHON} -c "{C} c.unshare(0x20000000); {FORK}"',)),
    "pid: behind setpriv and bash -c": (PID_ONE, ("setpriv --no-new-privs bash -c 'unshare -p -f bash; :'",)),
    "pid: in the background": (PID_ONE, ("unshare --pid --fork sleep 1000 &",)),
    "pid: in the other shell": (PID_ONE, (":container", "unshare --pid --fork bash", ":host", "ls")),
    "pid: without --fork, by the child": (PID, ("unshare --pid bash", "bash")),
    "pid: nsenter into one that is there": (
        PID,
        (
            "unshare --pid --fork sleep 1000 &",
            "until pgrep -P $!; do :; done",
            "nsenter --target $(pgrep -P $!) --pid bash",
        ),
    ),
    "proc: by unshare": (PROC, ("unshare --pid --fork --mount-proc bash",)),
    "proc: by mount": (PROC, ("unshare -mpf bash", "mount -t proc none /proc")),
    "proc: in place of the old one": (PROC, ("unshare -mpf sh", "umount -l /proc; mount -t proc p /proc")),
    "proc: the namespace of mounts comes second": (
        PROC,
        ("unshare --pid --fork bash", "exec unshare --mount bash", "mount -t proc proc /proc"),
    ),
    "proc: in a chroot, on the host's mounts": (
        Goal("own_proc", (), ("image",), ROOT),
        ("unshare --pid --fork chroot /lab/r /bin/sh", "mount -t proc proc /proc"),
    ),
    "private: unshare does it": (PRIVATE, ("unshare --mount bash",)),
    "private: slaves tell nobody": (PRIVATE, ("mount --make-rshared /", "unshare -m --propagation slave sh")),
    "private: ip netns exec makes slaves": (
        PRIVATE,
        ("mount --make-rshared /", "ip netns add box", "ip netns exec box bash"),
    ),
    "private: unshare(2) and mount(2) from Python": (
        PRIVATE,
        (
            "mount --make-rshared /",
            (
                f'{PYTHON} -c "{C} c.unshare(0x20000);'
                " c.mount(None, b'/', None, ctypes.c_ulong(0x44000), None); os.execvp('bash', ['bash'])\""
            ),
        ),
    ),
    "pivot: in one line": (
        PIVOTED,
        (
            (
                f"unshare -m bash -c '{BIND} && cd /lab/r && mkdir -p old && pivot_root . old"
                " && exec /bin/sleep 1000' &"
            ),
        ),
    ),
    "pivot: the old root on top of the new one": (
        PIVOTED,
        ("unshare -m bash", BIND, "cd /lab/r", "pivot_root . .", "umount -l .", "exec /bin/sh"),
    ),
    "pivot: busybox, onto a tmpfs": (
        PIVOTED,
        (
            "unshare --mount --uts sh",
            "mount -t tmpfs none /mnt && cp -a /lab/r/. /mnt && cd /mnt && mkdir old",
            "busybox pivot_root . old && exec /bin/sh",
        ),
    ),
    "root: by chroot, from the folder": (NEW_ROOT, ("cd /lab/r && chroot . /bin/sh",)),
    "root: by unshare, which unshares nothing": (NEW_ROOT, ("unshare --root=/lab/r /bin/sh",)),
    "root: chroot(2) from Python": (
        NEW_ROOT,
        (f"{PYTHON} -c \"import os; os.chroot('/lab/r'); os.chdir('/'); os.execv('/bin/sh', ['sh'])\"",),
    ),
    "root: through a link, behind env": (
        NEW_ROOT,
        ("ln -s r /lab/link", "env -i $(command -v chroot) /lab/link /bin/sleep 1000 &"),
    ),
    "root: in the background": (NEW_ROOT, ("chroot /lab/r /bin/sleep 1000 &",)),
    "root: by pivot_root": (
        NEW_ROOT,
        ("unshare -m bash", BIND, "cd /lab/r && mkdir -p old && pivot_root . old && exec /bin/sh"),
    ),
    "clone: by chroot": (ON_CLONE, (T1, CHROOT_T1)),
    "clone: by pivot_root, which needs no bind": (
        ON_CLONE,
        (
            T1,
            "unshare -m bash",
            "cd /{{pool}}/containers/t1 && mkdir old && pivot_root . old",
            "exec /bin/sh",
        ),
    ),
    "clone: in the background, without a chroot": (
        ON_CLONE,
        (T1, "unshare -mpf --root=/{{pool}}/containers/t1 /bin/sleep 1000 &"),
    ),
    "clone: mounted at another place": (
        ON_CLONE,
        (T1, "unshare -m bash", "mount --bind /{{pool}}/containers/t1 /mnt", "chroot /mnt /bin/sh"),
    ),
    "pids: a limit": (AT_MOST, ("echo 20 > {{pids}}/box/pids.max", "echo $$ > {{pids}}/box/cgroup.procs")),
    "pids: that of the group above": (
        AT_MOST,
        (
            "echo 12 > {{pids}}/box/pids.max; mkdir {{pids}}/box/leaf",
            "echo $$ > {{pids}}/box/leaf/cgroup.procs",
        ),
    ),
}

NEAR: dict[str, tuple[Goal, tuple[str, ...], str]] = {
    "pid: no fork": (PID, ("exec unshare --pid bash",), "forgot-fork"),
    "pid: no fork from Python": (
        PID,
        (f"{PYTHON} -c \"{C} c.unshare(0x20000000); os.execvp('bash', ['bash'])\"",),
        "forgot-fork",
    ),
    "pid: its first process has ended": (
        PID,
        ("unshare --pid bash", "/bin/true", "/bin/true"),
        "forgot-fork",
    ),
    "pid: other namespaces": (PID, ("unshare --mount --uts --ipc --net bash",), "namespace-missing"),
    "pid: only users": (PID, ("unshare --user --map-root-user bash",), "namespace-missing"),
    "pid: it has ended": (PID, ("unshare --pid --fork true",), "no-new-namespace"),
    "pid: a new session and a chroot of / are none": (PID, ("setsid -w chroot / bash",), "no-new-namespace"),
    "proc: the old one": (PROC, ("unshare --mount --pid --fork bash", "ls /proc"), "old-proc"),
    "proc: mounted elsewhere": (PROC, ("unshare -mpf bash", "mount -t proc proc /mnt"), "old-proc"),
    "proc: mounted before the fork": (
        PROC,
        ("unshare -m bash", "mount -t proc proc /proc", "unshare -pf bash"),
        "old-proc",
    ),
    "proc: over the host's": (PROC, ("unshare -pf bash", "mount -t proc proc /proc"), "proc-over-host"),
    "proc: none at all": (PROC, ("unshare -mpf bash", "umount -l /proc"), "no-proc"),
    "proc: a new one of the old namespace": (
        PROC,
        ("unshare --mount bash", "mount -t proc proc /proc"),
        "no-new-namespace",
    ),
    "private: as it was": (
        PRIVATE,
        ("mount --make-rshared /", "unshare -m --propagation unchanged bash"),
        "still-shared",
    ),
    "private: only the root": (
        PRIVATE,
        ("mount --make-rshared /", "unshare -m --propagation unchanged bash", "mount --make-private /"),
        "not-recursive",
    ),
    "private: shared with nobody": (PRIVATE, ("unshare -m --propagation shared bash",), "still-shared"),
    "private: on the host": (PRIVATE, ("mount --make-rprivate /",), "no-new-namespace"),
    "pivot: chroot to a mount": (
        PIVOTED,
        ("unshare -m bash", BIND, "chroot /lab/r /bin/sh"),
        "chroot-not-pivot",
    ),
    "pivot: no mount": (
        PIVOTED,
        ("unshare -m bash", "cd /lab/r && mkdir old", "pivot_root . old"),
        "pivot-no-mount-point",
    ),
    "pivot: something is shared": (
        PIVOTED,
        (
            "mount --make-rshared /",
            "unshare -m --propagation unchanged bash",
            BIND,
            "cd /lab/r && mkdir old",
            "pivot_root . old",
        ),
        "pivot-shared",
    ),
    "pivot: the host's own root": (
        PIVOTED,
        (BIND, "cd /lab/r && mkdir old", "pivot_root . old"),
        "no-new-namespace",
    ),
    "root: only gone there": (NEW_ROOT, ("cd /lab/r", "bash"), "cd-is-no-chroot"),
    "root: the old one again": (NEW_ROOT, ("chroot / bash",), "root-is-the-hosts"),
    "root: another folder": (NEW_ROOT, ("cp -a /lab/r /lab/q", "chroot /lab/q /bin/sh"), "other-root"),
    "root: it has ended": (NEW_ROOT, ("chroot /lab/r /bin/true",), "root-is-the-hosts"),
    "clone: the image itself": (
        ON_CLONE,
        (T1, CHROOT_T1.replace("containers/t1", "images/debian")),
        "on-the-image",
    ),
    "clone: a copy": (
        ON_CLONE,
        (
            "zfs send {{pool}}/images/debian@latest | zfs receive {{pool}}/containers/t1",
            CHROOT_T1,
        ),
        "copy-not-clone",
    ),
    "clone: promoted, it is the origin": (
        ON_CLONE,
        (T1, "zfs promote {{pool}}/containers/t1", CHROOT_T1),
        "copy-not-clone",
    ),
    "clone: another one": (
        ON_CLONE,
        (T1.replace("/t1", "/t2"), CHROOT_T1.replace("/t1", "/t2")),
        "other-root",
    ),
    "clone: not entered": (ON_CLONE, (T1, "cd /{{pool}}/containers/t1", "bash"), "root-is-the-hosts"),
    "clone: not on ZFS": (
        ON_CLONE,
        (
            T1,
            "unshare -m bash",
            "mount -t tmpfs t /mnt && cp -a /{{pool}}/containers/t1/. /mnt",
            "chroot /mnt /bin/sh",
        ),
        "not-on-zfs",
    ),
    "pids: nobody in it": (AT_MOST, ("echo 20 > {{pids}}/box/pids.max",), "limit-without-members"),
    "pids: one too many": (
        AT_MOST,
        ("echo 21 > {{pids}}/box/pids.max", "echo $$ > {{pids}}/box/cgroup.procs"),
        "limit-too-high",
    ),
    "answer: one that differs": (
        Goal("predict_own_namespaces"),
        ("readlink /proc/self/ns/*", ":answer 1"),
        "every-process-has-them",
    ),
    "answer: in no group": (
        Goal("predict_same_cgroup", (("comm", "sleep"),)),
        ("sleep 1000 &", ":answer none"),
        "cgroup-is-inherited",
    ),
    "answer: fewer mounts": (
        Goal("predict_mounts"),
        ("unshare --mount sleep 1000 &", ":answer fewer"),
        "mounts-are-copied",
    ),
    "answer: of a shell that is in no namespace": (
        Goal("predict_survives"),
        ("true", ":answer no"),
        "no-new-namespace",
    ),
    "answer: PID 1 itself": (
        Goal("predict_parent"),
        ("unshare --mount --pid --fork sleep 1000 &", "sleep 0.3", ":answer sleep"),
        "not-the-parent",
    ),
    "answer: a file that nobody writes to": (
        Goal("predict_log"),
        ("unshare --mount --pid --fork sleep 1000 > /lab/a.log &", "sleep 0.3", ":answer /lab/b.log"),
        "other-log",
    ),
    "kill: in and out again first": (
        FROM_CHROOT,
        ("chroot /lab/r /bin/sh -c :", "kill $(pgrep -f 'sleep 4242')"),
        "killed-from-host",
    ),
    "kill: on the host, with a chroot in the other shell": (
        FROM_CHROOT,
        (":container", "chroot /lab/r /bin/sh", ":host", "pkill -f 'sleep 424[2]'"),
        "killed-from-host",
    ),
    "kill: on the host, and only then into the chroot": (
        FROM_CHROOT,
        ("pkill -f 'sleep 424[2]'", "chroot /lab/r /bin/sh"),
        "killed-from-host",
    ),
    "lacks: both": (LACKS, ("rm -r /lab/containers/a/bin /lab/containers/b/bin",), "removed-from-image"),
    "oom: a SIGKILL, in a group with a limit": (
        OOM,
        ("echo $$ > {{memory}}/box/cgroup.procs", "sh -c 'kill -9 $$'"),
        "no-oom-kill",
    ),
    "orphan: nohup makes none": (
        Goal("orphan_adopted"),
        ("unshare --pid --fork bash", "nohup sleep 5000 &"),
        "child-not-orphan",
    ),
    "zombie: waited for in time": (
        Goal("zombie_left"),
        ("unshare -mpf --mount-proc bash -c 'true & wait; sleep 1000; :' &",),
        "shell-reaps",
    ),
    "mount: seen by the host as well": (
        OUT_OF_THE_WAY,
        (
            "mount --make-rshared /",
            "unshare -m --propagation unchanged bash",
            "mount -t tmpfs tmpfs /mnt",
        ),
        "mount-leaks",
    ),
    "pressure: busy, and not in the group": (
        Goal("pressure_felt", when="psi"),
        ("mkdir {{cgroup2}}/box", "timeout 0.5 sh -c 'while :; do :; done'"),
        "no-pressure",
    ),
}

ON_SNAPSHOTS = {
    "capabilities_within": "test_checks_privileges",
    "device_rules": "test_checks_isolation",
    "harmless_devices": "test_checks_isolation",
    "own_network": "test_checks_isolation",
    "predict_first_pid_namespace": "test_checks_comparing",
    "predict_ping": "test_checks_traffic",
    "resource_limited": "test_checks_isolation",
    "security_module": "test_checks_isolation",
}
"""What needs another machine (a security module), or a whole engine: two right ways and two near misses
of each are in the unit tests."""


def test_every_check_has_two_right_ways_and_two_near_misses() -> None:
    right = Counter(goal.check for goal, _ in RIGHT.values())
    near = Counter(goal.check for goal, *_ in NEAR.values())
    for lesson in load().lessons:
        for step in lesson.steps:
            for name in {call.name for call in step.checks}:
                right[name] += len(step.solutions)
                near[name] += len(step.mistakes)
    few = {name for name in registry.checks() if right[name] < 2 or near[name] < 2}
    assert few == set(ON_SNAPSHOTS)


def of_the_machine(goals: Mapping[str, Goal]) -> list[Any]:
    """The names; those whose goal is one of ZFS or of groups are marked."""
    marked = [pytest.mark.machine]
    return [
        pytest.param(name, marks=marked if "pool" in goal.needs or goal in (OOM, AT_MOST) else ())
        for name, goal in goals.items()
    ]


@pytest.mark.parametrize("name", of_the_machine({name: goal for name, (goal, _) in RIGHT.items()}))
def test_a_right_way_passes(host: Host, name: str) -> None:
    goal, lines = RIGHT[name]
    session, met = played(host, goal, lines)
    found = judged(session, None)
    assert found.passed, found.verdicts
    assert met or lines[-1].endswith("&")
    assert all(evidence.source for verdict in found.verdicts for evidence in verdict.evidence)


@pytest.mark.parametrize("name", of_the_machine({name: goal for name, (goal, _, _) in NEAR.items()}))
def test_what_is_nearly_right_does_not_pass_and_is_told_why(host: Host, name: str) -> None:
    goal, lines, diagnosis = NEAR[name]
    session, met = played(host, goal, lines)
    found = judged(session, diagnosis)
    assert not met and not found.passed
    assert diagnosis in [one.id for one in found.diagnoses], (found.verdicts, session.result)


def test_one_that_was_entered_is_not_pid_one(host: Host) -> None:
    """`nsenter` gives a pid in the namespace, but the first process is another."""
    session, _ = played(
        host,
        PID_ONE,
        (
            "unshare --pid --fork sleep 1000 & until pgrep -P $!; do :; done",
            "nsenter --target $(pgrep -P $!) --pid bash -c 'kill -STOP $$'",
        ),
    )
    pid = max(
        p.pid for p in session.host.look().processes.values() if p.nspids[-1:] != (1,) and len(p.nspids) > 1
    )
    assert session.host.look().processes[pid].nspids[-1] > 1
    assert Path("/proc/self").exists()
