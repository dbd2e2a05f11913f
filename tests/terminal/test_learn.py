"""The real program on a pty: a learner's ways through the course, and what is left of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from conftest import lacks
from screen import Screen

from workshop import cgroups, ledger, traces
from workshop.machine import Machine, examine

pytestmark = pytest.mark.root
WORKSHOP = (sys.executable, "-m", "workshop")
PATIENCE = 60.0
"""Seconds for a lab to be made, or a way to be replayed, on a machine that has other things to do."""
FIRST_STEP, SECOND_STEP = "You are in eight already", "A process, and nothing else"
PROMPT = re.compile(r"(?:^| )#(?: |$)", re.MULTILINE)


class Learner(Screen):
    """Types a line, and waits until the prompt stands there again."""

    def __init__(
        self,
        state: Path,
        *words: str,
        size: tuple[int, int] = (100, 50),
        env: Mapping[str, str] | None = None,
        program: tuple[str, ...] = WORKSHOP,
    ) -> None:
        house = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (house, os.environ.get("PYTHONPATH"))))
        given = {"XDG_STATE_HOME": str(state), "NO_COLOR": "", "PYTHONPATH": path, **(env or {})}
        self._dumb = given.get("TERM") == "dumb"
        super().__init__((*program, *words), columns=size[0], rows=size[1], env=given)

    def ready(self, prompts: int = 1) -> None:
        """So many prompts have been shown, and the last one waits for a line."""
        self.wait_for(
            lambda s: len(PROMPT.findall(s.transcript)) >= prompts and (self._dumb or "F1 help" in s.text),
            PATIENCE,
        )

    def line(self, text: str) -> str:
        """What is to be seen from the line's own prompt on."""
        self.ready()
        prompts = len(PROMPT.findall(self.transcript))
        self.enter(text)
        self.ready(prompts + 1)
        return self.transcript[list(PROMPT.finditer(self.transcript))[prompts - 1].start() :]

    def type_in(self, *lines: str) -> None:
        for line in lines:
            self.line(line)

    def quit(self) -> int:
        self.ready()
        self.enter(":quit")
        return self.wait_end(PATIENCE)

    @property
    def lab(self) -> str:
        """The id of this program's own lab: it holds the ledger's folder open."""
        top = f"{ledger.home()}/"
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            target = str(fd.readlink())
            if target.startswith(top):
                return target.removeprefix(top)
        raise AssertionError("the program has no lab")


Learn = Callable[..., Learner]


@pytest.fixture
def learn(tmp_path: Path) -> Iterator[Learn]:
    """Starts learners; whatever becomes of the test, none of them stays."""
    started: list[Learner] = []

    def start(*words: str, **options: object) -> Learner:
        started.append(Learner(tmp_path / "state", *words, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for learner in started:
        learner.close()


@pytest.fixture(scope="module")
def machine() -> Machine:
    found = examine()
    if not found.has("zfs"):
        lacks("zfs-fuse", found.capabilities["zfs"].reason)
    return found


def nothing_is_left(lab: str) -> bool:
    return traces.look().of(lab) == traces.Traces() and not (ledger.home() / lab).exists()


def living(lab: str) -> list[int]:
    """The processes in the lab's cgroups."""
    groups = [group for group in cgroups.found() if lab in group.name]
    return sorted({pid for group in groups for pid in cgroups.members(group)})


# -- a newcomer ---------------------------------------------------------------------------------------------


def test_a_guess_is_noted_and_the_kernel_says_after_the_try(learn: Learn) -> None:
    new = learn()
    new.ready()
    new.line(":answer 8")
    assert "Noted: 8. Now try it" in flat(new) and "you said" not in flat(new)
    new.line("readlink /proc/self/ns/*")
    assert "you said 8, and the kernel says otherwise" in flat(new)
    new.line("readlink /proc/1/ns/*")
    assert ":answer 0" not in flat(new), "the guess is the learner's: the ghost does not give it away"
    assert "To be in one is not to differ" in flat(new)
    new.line(":answer 0")
    assert f"Done: {FIRST_STEP}" in flat(new)
    assert new.quit() == 0


@pytest.mark.parametrize(
    ("size", "env"),
    [((80, 24), {}), ((40, 24), {}), ((80, 24), {"NO_COLOR": "1"}), ((80, 24), {"TERM": "dumb"})],
    ids=["80x24", "40x24", "NO_COLOR", "dumb"],
)
def test_a_newcomer_answers_wrong_then_right_and_goes_on(
    learn: Learn, size: tuple[int, int], env: dict[str, str]
) -> None:
    new = learn(size=size, env=env)
    new.ready()
    assert FIRST_STEP in new.transcript and "There is no such thing as a container." in flat(new)
    assert new.cursor_line.startswith("host /lab #")
    new.line("readlink /proc/self/ns/*")
    new.line(":answer 8")
    assert "To be in one is not to differ" in flat(new) and f"Done: {FIRST_STEP}" not in flat(new)
    new.line(":answer 0")
    assert f"Done: {FIRST_STEP}" in flat(new)
    assert SECOND_STEP not in new.transcript
    new.line(":next")
    assert SECOND_STEP in flat(new)
    lab = new.lab
    assert new.quit() == 0
    assert nothing_is_left(lab)
    coloured = re.search(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7])m", new.raw)
    assert bool(coloured) == (not env)
    assert b"\x1b" not in new.raw or env.get("TERM") != "dumb"


def flat(screen: Screen) -> str:
    """The transcript without its line breaks."""
    return " ".join(screen.transcript.split())


def test_after_quitting_it_goes_on_at_the_same_step(learn: Learn, tmp_path: Path) -> None:
    first = learn()
    first.type_in("readlink /proc/self/ns/*", ":answer 0", ":next")
    assert first.quit() == 0
    kept = json.loads((tmp_path / "state/container-workshop/progress.json").read_text())
    assert kept["last"] == "no-such-thing/a-process-and-nothing-else"
    assert kept["steps"]["no-such-thing/you-are-in-eight-already"]["lines"] == [
        ["host", "readlink /proc/self/ns/*"],
        ["host", ":answer 0"],
    ]
    second = learn()
    second.ready()
    assert f"step 2 of 6 · {SECOND_STEP}" in second.transcript
    second.line("sleep infinity &")
    assert f"Done: {SECOND_STEP}" in second.transcript
    assert second.quit() == 0


def test_a_broken_progress_file_is_set_aside_and_it_is_said(learn: Learn, tmp_path: Path) -> None:
    folder = tmp_path / "state/container-workshop"
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text("{ not ours")
    learner = learn()
    learner.ready()
    assert "Your progress could not be used: it is not JSON." in flat(learner)
    assert (folder / "progress.json.broken-1").read_text() == "{ not ours"
    assert FIRST_STEP in learner.transcript
    assert learner.quit() == 0


# -- the demo of the talk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["quit", pytest.param("killed and cleaned", marks=pytest.mark.machine)])
def test_the_demo_typed_by_hand_with_the_fork_forgotten(learn: Learn, machine: Machine, end: str) -> None:
    talk = learn("learn", "--track", "talk", "layers-zfs", env={"NO_COLOR": "1"})
    pool = the_pool(talk)
    talk.type_in(f"sudo zfs create {pool}/images", f"sudo zfs create {pool}/images/debian")
    assert "Done: A place for images" in talk.line(f"sudo zfs create {pool}/containers")
    talk.line(":next")
    image = re.search(r"/lab/images/\S+\.tar", talk.transcript)
    assert image is not None
    assert "Done: The image goes in" in talk.line(f"sudo tar -C /{pool}/images/debian -xvf {image[0]}")
    talk.line(":next")
    assert "Done: Freeze it" in talk.line(f"zfs snapshot {pool}/images/debian@latest")
    talk.line(":next")
    assert "Done: Grow" in talk.line(f"zfs clone {pool}/images/debian@latest {pool}/containers/t1")
    talk.line(":next")
    talk.line(f"cd /{pool}/containers/t1")

    wrong = talk.line("unshare --mount --pid chroot . /bin/bash")
    assert "The fork is missing" in wrong and "unshare --pid --fork" in wrong and "Done:" not in wrong
    assert "What the kernel did" in wrong
    talk.line("/bin/ls")
    assert "Cannot allocate memory" in talk.line("/bin/ls")
    talk.line("exit")

    right = talk.line("unshare --mount --pid --fork chroot . /bin/bash")
    assert "Done: Get brand-new namespaces" in right
    assert f"its / is {pool}/containers/t1, grown out of {pool}/images/debian@latest" in right
    assert "pid 1 inside" in right and f"zfs get origin {pool}/containers/t1" in right
    assert "container [mnt pid" in right
    talk.line(":next")
    assert "Done:" not in talk.line("ps")
    assert "Done: Why is ps empty?" in talk.line("mount -t proc proc /proc")
    assert re.search(r"^ +1 .*/bin/bash$", talk.line("ps"), re.MULTILINE)
    assert roots_on(f"{pool}/containers/t1", living(talk.lab))
    assert f"met: a process whose / is the clone {pool}/containers/t1" in talk.line(":check")
    talk.line(":host")
    assert "That was the last step." in talk.line(":next")
    lab = talk.lab
    if end == "quit":
        assert talk.quit() == 0
    else:
        kill(talk)
        clean(lab)
    assert nothing_is_left(lab)


def the_pool(guide: Learner) -> str:
    """The name that a learner reads. The kernel's pools are the machine's: another lab may have `tank`."""
    guide.ready()
    found = re.search(r"\b(tank\d*)/images", guide.transcript)
    assert found is not None, guide.transcript
    return found[1]


def roots_on(dataset: str, pids: list[int]) -> list[int]:
    """Those whose own root is a mount of the dataset, as the machine's /proc has it."""
    found = []
    for pid in pids:
        try:
            mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
        except OSError:
            continue
        if any(line.split()[4] == "/" and line.rpartition(" - ")[2].split()[1] == dataset for line in mounts):
            found.append(pid)
    return found


def kill(guide: Learner) -> None:
    lab = guide.lab
    os.kill(guide.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while living(lab) and time.monotonic() < deadline:
        os.sched_yield()
    assert living(lab) == []
    assert (ledger.home() / lab).exists()


def clean(lab: str) -> None:
    done = subprocess.run((*WORKSHOP, "clean"), capture_output=True, text=True, check=False)
    assert "removed" in done.stdout and lab in done.stdout.replace("\n", "")


@pytest.mark.parametrize("by", ["the next start", "workshop clean"])
def test_killed_in_the_middle_of_the_demo_nothing_is_left(learn: Learn, machine: Machine, by: str) -> None:
    talk = learn("learn", "--track", "talk", "layers-zfs/get-brand-new-namespaces")
    talk.type_in("cd /tank/containers/t1", "unshare --mount --pid --fork chroot . /bin/bash")
    talk.line("mount -t proc proc /proc")
    lab = talk.lab
    inside = living(lab)
    assert len(inside) >= 5 and roots_on("tank/containers/t1", inside)
    kill(talk)
    if by == "workshop clean":
        clean(lab)
    else:
        after = learn("learn", "no-such-thing")
        after.ready()
        assert after.quit() == 0
    assert nothing_is_left(lab)


def test_ctrl_z_stops_a_program_and_never_the_workshop(learn: Learn) -> None:
    """Whoever typed on would do so in the machine's own shell, as root. Here there is none behind it, so the
    kernel would not stop it in any case (setpgid(2): an orphaned process group): its mask is looked at."""
    guide = learn("learn", "no-such-thing")
    guide.ready()
    ignored = re.search(r"^SigIgn:\t(\w+)", Path(f"/proc/{guide.pid}/status").read_text(), re.MULTILINE)
    assert ignored is not None and int(ignored[1], 16) >> (signal.SIGTSTP - 1) & 1
    os.kill(guide.pid, signal.SIGTSTP)
    assert "still 42" in guide.line("echo still $((40 + 2))")
    guide.enter("sh -c 'echo going; read x'")  # begins no other program, which would take its time to stop
    guide.wait_for("\ngoing")
    guide.type("\x1a")
    guide.wait_for("Stopped")
    assert guide.quit() == 0


def test_two_workshops_at_once_do_not_meet(learn: Learn) -> None:
    one, two = learn("learn", "no-such-thing"), learn("learn", "no-such-thing")
    one.type_in("hostname changed", "touch /lab/mine /etc/mine", "mount -t tmpfs tmpfs /mnt", "sleep 31 &")
    seen = two.line("hostname; ls /lab /etc/mine; findmnt /mnt; pgrep -f 'sleep 3[1]'; echo over")
    assert "changed" not in seen.splitlines()[1] and "\nmine" not in seen and "tmpfs" not in seen
    assert one.lab != two.lab
    gone = one.lab
    assert one.quit() == 0
    assert nothing_is_left(gone)
    assert "\nlab\n" in two.line("hostname")
    lab = two.lab
    assert two.quit() == 0 and nothing_is_left(lab)


# -- images of one's own ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tar", "folder"])
def test_an_image_of_ones_own(learn: Learn, tmp_path: Path, kind: str) -> None:
    root = tmp_path / "my image"
    (root / "bin").mkdir(parents=True)
    for name in ("sh", "bash"):
        (root / "bin" / name).write_text("#!")
        (root / "bin" / name).chmod(0o755)
    (root / "mine").write_text("mine")
    path = root
    if kind == "tar":
        path = tmp_path / "my image.tar"
        with tarfile.open(path, "w") as tar:
            tar.add(root, ".")
    learner = learn("learn", "a-root-of-its-own", "--image", str(path))
    learner.line("mkdir /lab/containers/one")
    learner.type("\x1b[C")
    learner.wait_for(lambda s: s.cursor_line.startswith("host /lab # tar -C") and "Right takes" not in s.text)
    assert "Done: An image is a tar file" in learner.line("")
    assert "mine" in learner.line("ls /lab/containers/one").splitlines()[1]
    assert learner.quit() == 0


def test_an_image_that_is_none_is_refused(learn: Learn, tmp_path: Path) -> None:
    for bad in (tmp_path / "nothing.tar", Path("/etc/passwd")):
        learner = learn("--image", str(bad))
        assert learner.wait_end(PATIENCE) == 2
        assert str(bad) in flat(learner).replace(" ", "") and "Traceback" not in learner.text


# -- those who cannot ---------------------------------------------------------------------------------------

NOBODY = """
import os, sys
import workshop.cli, workshop.ui.start
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv[0] = "workshop"
sys.exit(workshop.cli.main())
"""


def test_without_root_and_sudo_it_says_why_and_how(learn: Learn) -> None:
    learner = learn("learn", "3", program=(sys.executable, "-c", NOBODY), env={"PATH": "/nonexistent"})
    learner.wait_for("Go on without root? [Y/n]", PATIENCE)
    said = flat(learner)
    assert "The workshop needs root: it makes namespaces, mounts and cgroups" in said
    assert "There is no sudo here" in said
    learner.type("n\r")
    assert learner.wait_end(PATIENCE) == 3
    assert "Nothing was started." in learner.text and "-m workshop learn 3" in flat(learner)


@pytest.mark.parametrize("no", ["n\r", "\x04"])
def test_without_root_it_offers_sudo_and_takes_no_for_an_answer(learn: Learn, no: str) -> None:
    with_sudo = f"import shutil\nshutil.which = lambda name: name\n{NOBODY}"
    learner = learn("learn", "3", program=(sys.executable, "-c", with_sudo))
    learner.wait_for("Run it with sudo now? [Y/n]", PATIENCE)
    learner.type(no)
    learner.wait_for("Go on without root? [Y/n]", PATIENCE)
    learner.type(no)
    assert learner.wait_end(PATIENCE) == 3
    assert "Nothing was started." in learner.text


# -- bad luck -----------------------------------------------------------------------------------------------


def container(lab: str) -> int:
    """The process of the lab that is PID 1 in a pid namespace within it, as the machine counts."""
    for pid in living(lab):
        status = Path(f"/proc/{pid}/status").read_text()
        comm = status.split()[1]
        nspids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
        if comm == "bash" and nspids[-1] == "1":
            return pid
    raise AssertionError("there is no container in the lab")


def test_a_container_that_is_killed_from_elsewhere_is_told_at_once_and_nothing_is_run(learn: Learn) -> None:
    learner = learn("learn", "process-trees")
    learner.line("unshare --pid --fork bash")
    learner.type("touch /lab/typed-for-the-container")
    learner.wait_for(lambda s: s.cursor_line.endswith("typed-for-the-container"))
    os.kill(container(learner.lab), signal.SIGKILL)
    learner.wait_for("which you were in, has ended, and not by your line", PATIENCE)
    learner.wait_for(
        lambda s: s.cursor_line.endswith("(container shell) /lab # touch /lab/typed-for-the-container")
    )
    assert ":reset builds it again" in learner.text.replace("\n", " ")
    learner.type("\x15")
    assert "typed-for-the-container" not in learner.line("ls /lab").partition("ls /lab")[2]
    assert learner.quit() == 0


def test_a_bridge_that_goes_in_a_later_step_is_named_and_reset_builds_it_again(learn: Learn) -> None:
    learner = learn("learn", "networks")
    learner.line(":goto two-addresses-one-ping")
    told = learner.line("ip link delete br0")
    assert "Gone: br0, a bridge. This step began with it." in told and "Way out" not in told
    learner.enter(":reset")
    learner.wait_for("Go ahead?", PATIENCE)
    learner.enter("y")
    again = "The steps before this one were done for you"
    learner.wait_for(lambda s: s.transcript.count(again) == 2, PATIENCE)
    assert "br0: <" in learner.line("ip link show br0")
    assert learner.quit() == 0


def test_an_address_that_is_taken_is_told(learn: Learn) -> None:
    learner = learn("learn", "names")
    learner.type_in("ip link add br0 type bridge", "ip address add 10.0.0.1/24 dev br0")
    told = learner.line("ip address add 10.0.0.1/24 dev br0")
    assert "It is there already" in told and "Way out" in told
    assert "Way out" not in learner.line("ip address show dev br0")
    assert learner.quit() == 0
