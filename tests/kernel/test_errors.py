"""The real errors, made in a real lab: the diagnosis comes with the line that made them, in a step that is
about something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import lacks

from workshop.events import Judged
from workshop.host import Host
from workshop.lab import Lab
from workshop.ledger import Ledger
from workshop.lesson import CheckCall, Course, Lesson, Place, Script, Step
from workshop.machine import Machine, examine
from workshop.parse import load
from workshop.session import Session
from workshop.shell import Silent

pytestmark = pytest.mark.root
HERE = Place("tests", 1)
DIAGNOSES = load().diagnoses
CHECK = CheckCall("own_namespaces", {"kinds": "uts ipc"}, HERE)
ELSEWHERE = Step("errors/elsewhere", "Elsewhere", "", HERE, checks=(CHECK,))
"""A step that none of these lines is meant for, and whose check knows none of them."""

ROOT = ("mkdir -p /lab/r", "tar -C /lab/r -xf {{image}}", "mkdir -p /lab/r/old")
FOLDERS = "mkdir -p /lab/l /lab/u /lab/w /lab/m; cd /lab"
OVERLAY = "mount -t overlay overlay -o lowerdir={},upperdir=u,workdir={} m"
USER = "setpriv --reuid 1000 --regid 1000 --clear-groups"
GROUP = "mkdir {{cgroup2}}/box {{cgroup2}}/box/web"
BRIDGE = "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set br0 up"

ERRORS: dict[str, tuple[str, ...]] = {
    # the diagnosis, and what the real programs say: the last line makes the error, in one way or another
    "forgot-fork": ("unshare --pid bash", "/bin/true", "/bin/true"),
    "forgot-fork, busybox": ("unshare --pid busybox sh", "/bin/true", "/bin/true"),
    "no-such-program": (*ROOT, "chroot /lab/r /bin/nope"),
    "no-such-program, busybox": (*ROOT, "busybox chroot /lab/r /bin/nope"),
    "no-such-program, unshare": (*ROOT, "unshare --root=/lab/r nope"),
    "wrong-folder": ("chroot /lab/nope",),
    "wrong-folder, busybox": ("busybox chroot /lab/nope",),
    "pivot-no-mount-point": ("mkdir -p /r/old", "unshare -m bash", "cd /r", "pivot_root . old"),
    "pivot-refused": (
        "unshare -m bash",
        "mount -t tmpfs t /mnt; cd /mnt",
        "mkdir r r/old; cd r; pivot_root . old",
    ),
    "pivot-no-folder": ("unshare -m bash", "mount -t tmpfs t /mnt; cd /mnt", "pivot_root . old"),
    "mount-busy": ("mount -t tmpfs t /mnt; cd /mnt", "umount /mnt"),
    "mount-busy, busybox": ("mount -t tmpfs t /mnt; cd /mnt", "busybox umount /mnt"),
    "old-root-busy": ("mkdir /old; mount -t tmpfs t /old; cd /old", "umount /old"),
    "no-mount-point": ("mount -t tmpfs t /lab/nope",),
    "volume-after-root": ("mount --bind /lab/nope /mnt",),
    "volume-after-root, busybox": ("busybox mount --bind /lab/nope /mnt",),
    "overlay-no-folder": (FOLDERS, OVERLAY.format("nope", "w")),
    "overlay-no-folder, busybox": (FOLDERS, "busybox " + OVERLAY.format("nope", "w")),
    "overlay-bad-work": (FOLDERS, "mkdir x; mount -t tmpfs x x; mkdir x/w", OVERLAY.format("l", "x/w")),
    "overlay-bad-work, no workdir": (FOLDERS, OVERLAY.format("l", "").replace(",workdir=", "")),
    "overlay-bad-work, busybox": (FOLDERS, "busybox " + OVERLAY.format("l", "").replace(",workdir=", "")),
    "no-proc": ("unshare -m bash", "umount -l /proc; mount -t tmpfs t /proc", "ps"),
    "no-proc, another namespace's": (
        "unshare --pid --fork --mount-proc sleep 100 &",
        "sleep 0.5",
        "nsenter --target $(pgrep -P $!) --mount ps",
    ),
    "device-no-dev": (
        "mkdir d; mount -t tmpfs -o nodev d d; mknod d/null c 1 3",
        "mount --bind d /dev",
        "echo > /dev/null",
    ),
    "propagation-in-chroot": (
        *ROOT,
        "cp /usr/bin/busybox /lab/r/bin/busybox",
        "chroot /lab/r /bin/busybox unshare -m /bin/sh",
    ),
    "link-exists": ("ip link add br0 type bridge", "ip link add br0 type bridge"),
    "link-exists, an address": (BRIDGE, "ip addr add 10.0.0.1/24 dev br0"),
    "link-exists, a route": (
        BRIDGE,
        "ip route add 10.1.0.0/16 via 10.0.0.2",
        "ip route add 10.1.0.0/16 via 10.0.0.2",
    ),
    "no-such-process": ("ip link add v type veth peer name w", "ip link set v netns 99999"),
    "no-such-link": ("ip link set nope up",),
    "no-netns": ("ip -n nope link",),
    "netns-name-taken": ("ip netns add x1", "ip netns add x1"),
    "invalid-gateway": (BRIDGE, "ip route add default via 10.9.9.9"),
    "lo-down": ("unshare --net ping -c 1 127.0.0.1",),
    "lo-down, busybox": ("unshare --net busybox ping -c 1 127.0.0.1",),
    "no-route": ("unshare --net bash", "ping -c 1 10.10.1.2"),
    "no-route, busybox": ("unshare --net bash", "busybox ping -c 1 10.10.1.2"),
    "no-route, bash": ("unshare --net bash", "echo > /dev/tcp/10.10.1.2/80"),
    "echo-lost": (
        BRIDGE,
        "ip link add v type veth peer name w; ip link set v master br0 up; ip link set w up",
        "ping -c 1 -W 1 10.0.0.77",
    ),
    "no-dns": ("unshare --net bash", "ping -c 1 web.example"),
    "no-dns, busybox": ("unshare --net bash", "busybox ping -c 1 web.example"),
    "name-too-long": ("ip link add veth-of-the-first-container type bridge",),
    "name-too-long, a peer": ("ip link add v type veth peer name veth-of-the-first-container",),
    "port-taken": ("busybox httpd -p 8", "busybox httpd -p 8"),
    "nsenter-gone": ("nsenter --target 99999 --pid bash",),
    "nsenter-gone, all": ("nsenter --target 99999 --all bash",),
    "nsenter-gone, busybox": ("busybox nsenter -t 99999 -p sh",),
    "not-permitted": (f"{USER} unshare --mount bash",),
    "capability-missing": (f"{USER} mount -t tmpfs t /mnt",),
    "too-many-namespaces": (
        "unshare -Ur bash",
        "echo 0 > /proc/sys/user/max_net_namespaces",
        "unshare -n true",
    ),
    "proc-not-permitted": ("unshare --user --map-root-user --mount bash", "mount -t proc proc /mnt"),
    "map-twice": ("unshare --user --map-root-user sleep 100 &", "sleep 0.5", "echo 0 0 1 > /proc/$!/uid_map"),
    "map-twice, groups": (
        f"{USER} bash",
        "unshare --user sleep 100 &",
        "sleep 0.5",
        "echo 0 1000 1 > /proc/$!/gid_map",
    ),
    "inner-processes": (
        GROUP,
        "echo $$ > {{cgroup2}}/box/cgroup.procs",
        "echo +hugetlb > {{cgroup2}}/box/cgroup.subtree_control",
    ),
    "not-handed-down": (GROUP, "echo 1M > {{cgroup2}}/box/web/memory.max"),
    "controller-not-here": (GROUP, "echo +rdma > {{cgroup2}}/box/cgroup.subtree_control"),
    "no-such-member": (GROUP, "echo 99999 > {{cgroup2}}/box/cgroup.procs"),
    "group-busy": (
        GROUP,
        "sleep 100 & echo $! > {{cgroup2}}/box/web/cgroup.procs",
        "rmdir {{cgroup2}}/box/web",
    ),
    "folder-busy": ("mkdir x; mount -t tmpfs x x", "rmdir x"),
    "rm-on-cgroupfs": (GROUP, "rm -r {{cgroup2}}/box"),
    "other-versions-file": (GROUP, "echo 1 > {{cgroup2}}/box/notify_on_release"),
    "killed": ("sh -c 'kill -9 $$'",),
    "overlay-user-xattr": (
        FOLDERS + "; mkdir l/d; touch l/d/f; chown -R 1000:1000 l u w m",
        f"{USER} unshare -Urm bash",
        "cd /lab; " + OVERLAY.format("l", "w"),
        "rm -r m/d",
    ),
}
NO_ERRORS: dict[str, tuple[str, ...]] = {
    "a file with the words": ("echo 'RTNETLINK answers: File exists' > x", "cat x"),
    "a search that finds them": ("echo 'bash: fork: Cannot allocate memory' > x", "grep -n Cannot x nope"),
    "a complaint in a line that went well": ("chroot /nope || true",),
    "a full device": ("echo x > /dev/full",),
    "a name with a slip": ("sl /lab",),
    "one that was not found": ("cat /lab/nope",),
}


@pytest.fixture(scope="module")
def machine() -> Machine:
    return examine()


@pytest.fixture(scope="module")
def session(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    machine.require("busybox")
    host = Host(Lab.begin(machine, Ledger.open(tmp_path_factory.mktemp("errors") / "ledgers")), machine)
    lesson = Lesson("errors", 1, "Errors", 1, "", HERE, needs=("image",), steps=(ELSEWHERE,))
    yield Session(Course((lesson,), diagnoses=DIAGNOSES), (ELSEWHERE,), host)
    assert host.close() == ()


def last(session: Session, lines: tuple[str, ...]) -> Judged:
    """What is said about the last of the lines, in a fresh lab."""
    session.forget()
    for _ in session.enter(ELSEWHERE.id):
        pass
    events = list(session.play(session.filled(Script(lines, HERE)), Silent()))
    return [event for event in events if isinstance(event, Judged)][-1]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_known_where_it_is_made(session: Session, machine: Machine, name: str) -> None:
    lines = ERRORS[name]
    if "{{cgroup2}}" in " ".join(lines) and not machine.has("unified"):
        lacks("cgroup2", machine.capabilities["unified"].reason)
    judged = last(session, lines)
    assert judged.printed == (name.partition(",")[0],), session.result


@pytest.mark.parametrize("name", NO_ERRORS)
def test_what_only_looks_like_one_is_none(session: Session, name: str) -> None:
    assert last(session, NO_ERRORS[name]).printed == (), session.result
