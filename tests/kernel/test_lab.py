"""The lab on a real kernel: what it is made of, that labs do not meet, and that nothing of them is left."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import lacks

from workshop import cgroups, lab_init, libc, traces
from workshop.errors import LabError, MachineError, UsageError
from workshop.kernel import mountinfo
from workshop.lab import NO_OVERLAY, Lab
from workshop.ledger import Ledger
from workshop.machine import Capability, Machine, examine

pytestmark = [pytest.mark.root, pytest.mark.machine]
Make = Callable[..., Lab]


@pytest.fixture(scope="module")
def machine() -> Machine:
    return examine()


@pytest.fixture
def make(machine: Machine, tmp_path: Path) -> Iterator[Make]:
    """Makes labs; when the test is over they are closed, and nothing of them may be left."""
    labs: list[Lab] = []

    def make_one(on: Machine = machine, image: Path | None = None) -> Lab:
        labs.append(Lab.create(on, Ledger.open(tmp_path / "ledgers"), image))
        return labs[-1]

    loops = traces.look().loops
    yield make_one
    for lab in labs:
        assert lab.close() == ()
        assert traces.look().of(lab.name) == traces.Traces()
    assert traces.look().loops == loops
    assert not (tmp_path / "ledgers").exists()


def without(machine: Machine, *names: str) -> Machine:
    gone = {name: Capability(name, False, "taken away by the test") for name in names}
    return replace(machine, capabilities={**machine.capabilities, **gone})


def run(lab: Lab, script: str) -> str:
    """The output of a script in the lab, errors included; it must end well."""
    done = subprocess.run(
        (*lab.enter, "sh", "-c", script), stdout=-1, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def wait_for(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _counts_pids(group: cgroups.Group) -> bool:
    return (group.path / "pids.max").exists()


def test_all_namespaces_are_its_own(make: Make) -> None:
    lab = make()
    for kind in ("pid", "mnt", "net", "uts", "ipc", "cgroup"):
        own, ours = Path(f"/proc/{lab.pid}/ns/{kind}").readlink(), Path(f"/proc/self/ns/{kind}").readlink()
        assert own != ours
        inside = run(lab, f"readlink /proc/self/ns/{kind}")
        assert inside == str(own)
    assert run(lab, "hostname") == "lab" and os.uname().nodename != "lab"
    assert run(lab, "getent hosts lab") != ""
    assert (lab.proc / "1/comm").read_text() == "sleep\n"
    assert Path("/proc/self/ns/pid_for_children").readlink() == Path("/proc/self/ns/pid").readlink()


def test_first_process_reaps_orphans(make: Make) -> None:
    lab = make()
    run(lab, "sh -c 'sleep 0 & exec true'; sh -c '(sleep 0.01 &) &'")
    run(lab, "while pgrep -x sleep | grep -qv '^1$'; do :; done")
    states = [(p / "stat").read_text().split()[2] for p in lab.proc.glob("[0-9]*") if p.exists()]
    assert "Z" not in states


def test_root_is_the_machine_and_cannot_harm_it(make: Make, tmp_path: Path) -> None:
    there = run(
        lab := make(),
        "echo changed > /etc/hostname; rm -r /etc/os-release /dev/null /dev/full; mkdir /tank; ls /",
    )
    assert "usr" in there and "tank" in there
    assert (
        Path("/etc/os-release").exists()
        and Path("/dev/null").is_char_device()
        and Path("/dev/full").is_char_device()
    )
    assert Path("/etc/hostname").read_text() != "changed\n"
    sources = {m.fstype for m in mountinfo.read("/proc", lab.pid) or ()}
    assert "overlay" in sources
    targets = [m.target for m in mountinfo.read("/proc", lab.pid) or ()]
    assert not [t for t in targets if "container-workshop" in t or str(tmp_path) in t]


def test_network_is_only_loopback_and_up(make: Make) -> None:
    lab = make()
    assert run(lab, "ls /sys/class/net") == "lo"
    assert "inet 127.0.0.1/8" in run(lab, "ip -o -4 addr show up")


def test_images_start(make: Make, machine: Machine) -> None:
    machine.require("busybox", "bash-static")
    lab = make()
    lab.prepare("image")
    image = lab.variables()["image"]
    out = run(
        lab,
        # systemd of today leaves /bin out of PATH, and an image may have a /bin of its own
        "PATH=$PATH:/bin; mkdir /lab/d /lab/b;"
        f"tar -C /lab/d -xf {image}; tar -C /lab/b -xf /lab/images/busybox.tar;"
        " chroot /lab/d /bin/bash -c 'echo $BASH_VERSION; cat /etc/os-release; ls /etc; id -un' &&"
        " chroot /lab/b /bin/sh -c 'test ! -e /bin/bash && echo no bash'",
    )
    assert "ID=debian" in out and "resolv.conf" in out and "root" in out.split() and "no bash" in out


def test_pools_of_two_labs_do_not_meet(make: Make, machine: Machine) -> None:
    if not machine.has("zfs-fuse"):
        lacks("zfs-fuse", machine.capabilities["zfs-fuse"].reason)
    one, two = make(), make()
    assert one.pool is None
    for lab in (one, two):
        lab.prepare("pool")
        lab.prepare("pool")
        assert lab.pool == lab.variables()["pool"] == "tank"
    run(one, "zfs create tank/only-here && touch /tank/only-here/file")
    assert "only-here" not in run(two, "zfs list -H; ls /tank")
    one.reset()
    assert one.pool is None
    assert "tank" in run(two, "zfs list -H")
    one.prepare("pool")
    assert "only-here" not in run(one, "zfs list -H")
    assert "/tank" not in traces.look().mounts


def test_reset_ends_everything_and_makes_it_anew(make: Make) -> None:
    lab = make()
    run(
        lab,
        "ip link add b type bridge; touch /lab/x /root/x; hostname other; sleep 1000 >/dev/null 2>&1 & echo",
    )
    old = lab.pid
    lab.reset()
    assert lab.alive and lab.pid != old
    assert run(lab, "ls /sys/class/net; ls /lab /root; hostname").split()[0] == "lo"
    assert run(lab, "hostname") == "lab"
    assert run(lab, "ls /lab/x /root/x 2>&1 | grep -c 'No such'") == "2"
    assert run(lab, "pgrep -c sleep") == "1"


def test_groups_below_the_labs_can_have_limits(make: Make, machine: Machine) -> None:
    lab = make()
    assert lab.problems == ()
    group = next(g for g in lab.groups if g.hierarchy.v2 or "pids" in g.hierarchy.controllers)
    base = "/sys/fs/cgroup" if machine.has("cgroup2") else "/sys/fs/cgroup/pids"
    if not machine.has("cgroup2"):
        group = next(g for g in lab.groups if "pids" in g.hierarchy.controllers)
    run(lab, f"mkdir -p {base}/a/b && echo 7 > {base}/a/pids.max && echo $$ > {base}/a/b/cgroup.procs")
    assert (group.path / "a/pids.max").read_text() == "7\n"
    assert "a" in {
        p.name for p in (lab.cgroup_root / base.removeprefix("/sys/fs/cgroup").lstrip("/")).iterdir()
    }
    everyone = {pid for g in lab.groups for pid in cgroups.members(g.path)}
    assert lab.pid in everyone


def test_frozen_processes_do_not_hold_up_the_end(make: Make, machine: Machine) -> None:
    lab = make()
    if machine.has("cgroup1"):
        freeze = (
            "mkdir /sys/fs/cgroup/freezer/f; cd /sys/fs/cgroup/freezer/f; state='echo FROZEN > freezer.state'"
        )
    else:
        freeze = "mkdir /sys/fs/cgroup/f; cd /sys/fs/cgroup/f; state='echo 1 > cgroup.freeze'"
    run(
        lab,
        "sleep 1000 >/dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done;"
        f"{freeze}; echo $! > cgroup.procs; eval $state",
    )
    lab.reset()
    assert run(lab, "pgrep -c sleep") == "1"


def test_a_fork_bomb_without_a_limit_does_not_outlive_a_reset(make: Make, machine: Machine) -> None:
    lab = make()
    files = cgroups.places(lab.groups)["pids"], cgroups.places(lab.groups)["freezer"]
    group = next(g for g in lab.groups if g.hierarchy.v2 == machine.has("cgroup2") and _counts_pids(g))
    assert (group.path / "pids.max").read_text() == f"{cgroups.MOST_PROCESSES}\n"
    bomb = "b() { b & b & wait; }; b </dev/null >/dev/null 2>&1 &"
    run(lab, f"mkdir {files[0]}/bomb; echo $$ > {files[0]}/bomb/cgroup.procs; bash -c '{bomb}'")
    # before Linux 6.11 a refusal was counted in the group of who was refused, not where the limit is
    events = [path / "pids.events" for path in (group.path, group.path / "bomb")]
    wait_for(lambda: any("max 0" not in path.read_text() for path in events))
    assert int((group.path / "pids.current").read_text()) <= cgroups.MOST_PROCESSES
    lab.reset()
    assert run(lab, "ps -e -o comm= | grep -c bash || true") == "0"
    assert not cgroups.members(group.path / "bomb")


def test_a_frozen_group_in_a_frozen_group_does_not_outlive_a_reset(make: Make, machine: Machine) -> None:
    lab = make()
    places = {cgroups.places(lab.groups)["freezer"]}
    places |= {"/sys/fs/cgroup/freezer"} if machine.has("cgroup1") else set()
    freeze = "if [ -w cgroup.freeze ]; then echo 1 > cgroup.freeze; else echo FROZEN > freezer.state; fi"
    for place in places:
        run(
            lab,
            "sleep 1000 >/dev/null 2>&1 </dev/null & until grep -q sleep /proc/$!/comm; do :; done;"
            f"mkdir -p {place}/a/b; cd {place}/a/b; echo $! > cgroup.procs; {freeze}; cd ..; {freeze}",
        )
    lab.reset()
    assert run(lab, "pgrep -c sleep") == "1"


def test_loop_device_of_a_learner_goes_with_the_lab(make: Make) -> None:
    if not Path("/dev/loop-control").exists():
        pytest.fail("no loop devices on this machine")
    lab = make()
    before = traces.look().loops
    run(lab, "truncate -s 4M /lab/disk && losetup -f /lab/disk")
    assert len(traces.look().loops - before) == 1
    lab.reset()
    assert traces.look().loops == before


def test_a_lab_that_was_killed_is_not_alive(make: Make) -> None:
    lab = make()
    assert lab.alive
    os.kill(lab.pid, 9)
    os.waitid(os.P_PID, lab.pid, os.WEXITED | os.WNOWAIT)
    assert not lab.alive
    lab.reset()
    assert lab.alive


def test_image_by_path(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "my image"
    (folder / "bin").mkdir(parents=True)
    for name in ("mine", "sh", "bash"):
        (folder / "bin" / name).write_text("mine")
        (folder / "bin" / name).chmod(0o755)
    lab = make(image=folder)
    assert "bin/mine" in run(lab, f"tar -tf {lab.variables()['image']}")
    lab.reset()
    assert "bin/mine" in run(lab, f"tar -tf {lab.variables()['image']}")


def test_bad_image_is_refused_before_anything_is_made(machine: Machine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"no tar at all" * 100)
    with Ledger.open(tmp_path / "ledgers") as ledger:
        with pytest.raises(UsageError, match="is no tar file"):
            Lab.create(machine, ledger, bad)
        assert ledger.entries == ()


def test_without_overlay(make: Make, machine: Machine) -> None:
    lab = make(without(machine, "overlay"))
    root = next(m for m in mountinfo.read("/proc", lab.pid) or () if m.target == "/")
    assert root.fstype == "tmpfs" and lab.problems == (NO_OVERLAY,)
    run(
        lab,
        "mkdir /tank /lab/x; echo x > /etc/new; test -x /usr/bin/env; ls /dev/null; grep -q lab /etc/hosts",
    )
    assert not Path("/etc/new").exists()
    assert "Read-only" in run(lab, "touch /usr/x /var/x 2>&1 || :")
    if machine.has("zfs-fuse"):
        lab.prepare("pool")
        assert "/tank" in run(lab, "zfs list -H")


def test_without_busybox_all_else_goes_on(
    make: Make, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.images.tools", lambda: None)
    lab = make(without(machine, "busybox"))
    assert run(lab, "ls /lab/images") == ""
    with pytest.raises(MachineError, match="busybox is missing"):
        lab.prepare("image")


@pytest.mark.parametrize("missing", ["zfs"])
def test_without_zfs(make: Make, machine: Machine, missing: str) -> None:
    lab = make(without(machine, missing))
    with pytest.raises(MachineError, match="zfs is missing"):
        lab.prepare("pool")
    assert lab.pool is None


def test_without_root(machine: Machine, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledgers") as ledger, pytest.raises(MachineError, match="root is missing"):
        Lab.create(without(machine, "root"), ledger)


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("unshare", libc.SyscallError("unshare", 28), "limit on namespaces"),
        ("unshare", libc.SyscallError("unshare", 22), "built without one of the namespaces"),
        ("pivot_root", libc.SyscallError("pivot_root .", 22), "chroot"),
        ("mount", libc.SyscallError("mount tmpfs on /x", 1), "--privileged"),
        ("mount", OSError(28, "No space left on device"), "out of memory"),
    ],
)
def test_what_the_first_process_meets_is_said(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception, said: str
) -> None:
    """The fork inherits the broken call; the program hears of it, and leaves nothing."""
    real, program = getattr(libc, what), os.getpid()

    def broken(*args: object) -> None:
        if os.getpid() == program:  # moving the fork into its pid namespace still works
            real(*args)
        else:
            raise error

    for module in (libc, lab_init):
        if hasattr(module, what):
            monkeypatch.setattr(module, what, broken)
    with Ledger.open(tmp_path / "ledgers") as ledger:
        with pytest.raises(LabError) as caught:
            Lab.create(machine, ledger)
        assert said in caught.value.hint
    assert not (tmp_path / "ledgers").exists()


def test_a_first_process_that_is_killed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_init, "_build", lambda plan: os._exit(9))
    with Ledger.open(tmp_path / "ledgers") as ledger, pytest.raises(LabError, match="was killed"):
        Lab.create(machine, ledger)


def test_ledger_is_written_before_the_groups_are_made(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(tmp_path / "ledgers")
    early: list[str] = []
    real = Path.mkdir

    def mkdir(self: Path, *args: int, **kwargs: bool) -> None:
        if (
            self.name == f"container-workshop-{ledger.id}"
            and str(self) not in (ledger.folder / "ledger.json").read_text()
        ):
            early.append(str(self))
        real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    lab = Lab.create(machine, ledger)
    assert len(lab.groups) >= 1 and early == []
    assert lab.close() == ()
