"""Real readings: a small lab of namespaces, looked at from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from workshop.errors import LabError
from workshop.kernel.collect import Collector, Reader
from workshop.kernel.diff import diff
from workshop.kernel.model import Process, Snapshot
from workshop.kernel.procfs import to_inner
from workshop.kernel.serial import from_json, to_json
from workshop.kernel.syscalls import Tracer

pytestmark = [pytest.mark.root, pytest.mark.machine]

UNSHARE = ("unshare", "--kill-child", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--mount-proc")


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(condition: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Shell:
    """bash on pipes; each line is waited for."""

    def __init__(self, *prefix: str) -> None:
        self.process = subprocess.Popen(
            [*prefix, "bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.pid = self.process.pid

    def run(self, line: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line.encode() + b"\necho; echo '='done=\n")
        out = b""
        while not out.endswith(b"=done=\n"):
            part = os.read(self.process.stdout.fileno(), 65536)
            assert part, "the shell has ended"
            out += part
        return out.decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclass
class Small:
    init: int
    shell: Shell
    collector: Collector

    def look(self) -> Snapshot:
        return self.collector.collect([self.pid])

    @property
    def pid(self) -> int:
        found = to_inner(self.shell.pid, 1)
        assert found is not None
        return found

    @contextmanager
    def elsewhere(self) -> Iterator[Shell]:
        """A shell in a mount namespace that the lab knows nothing of."""
        shell = Shell("unshare", "--mount")
        yield shell
        shell.close()

    def after(self, line: str) -> list[tuple[str, str, str, str | None, str | None]]:
        before = self.look()
        self.shell.run(line)
        changes = diff(before, self.look(), self.pid)
        return [(c.area, c.verb, c.subject, c.before, c.after) for c in changes if c.area != "cgroups"]


@pytest.fixture
def lab() -> Iterator[Small]:
    first = subprocess.Popen([*UNSHARE, "sh", "-c", "mount -t tmpfs t /run; exec sleep infinity"])
    until(lambda: children(first.pid))
    (init,) = children(first.pid)
    until(lambda: Path(f"/proc/{init}/comm").read_text() == "sleep\n")
    enter = ("nsenter", f"--target={init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--wdns=/")
    shell = Shell(*enter)
    until(lambda: children(shell.pid))
    (shell.pid,) = children(shell.pid)
    until(lambda: Path(f"/proc/{shell.pid}/comm").read_text() == "bash\n")
    root = Path(f"/proc/{init}/root")
    collector = Collector(Reader(proc=root / "proc", host=1, cgroup_root=root / "sys/fs/cgroup"))
    yield Small(init, shell, collector)
    collector.close()
    first.kill()
    first.wait()
    shell.close()


def test_pids_are_those_of_the_lab(lab: Small) -> None:
    now = lab.look()
    assert now.processes[1].comm == "sleep"
    assert set(now.processes) == {1, lab.pid}
    process = now.processes[lab.pid]
    assert process.nspids == (lab.pid,) and process.proc_pid_ns == process.ns["pid"]
    assert process.ns["net"] == os.stat(f"/proc/{lab.init}/ns/net").st_ino  # noqa: PTH116
    assert process.ids is not None and process.ids.uid == (0, 0, 0, 0)
    assert now.mounts_of(lab.pid)[-1].target == "/run"
    assert from_json(to_json(now)) == now


def test_nothing_changes_by_looking(lab: Small) -> None:
    assert lab.after("true") == []
    first, second = lab.look(), lab.look()
    assert replace(first, cgroups=()) == replace(second, cgroups=())


def test_host_names_inside_and_outside(lab: Small) -> None:
    lab.shell.run("hostname one")
    assert lab.after("hostname two") == [("hostname", "changed", "name of the host", "one", "two")]


def test_mounts(lab: Small) -> None:
    assert lab.after("mount -t tmpfs 'a b' /mnt") == [("mounts", "added", "/mnt", None, "tmpfs a b")]
    assert lab.after("mount -o remount,ro /mnt") == [("mounts", "changed", "options of /mnt", "rw", "ro")]
    assert lab.after("umount /mnt") == [("mounts", "removed", "/mnt", "tmpfs a b", None)]


def test_loop_devices_of_the_lab_only(lab: Small) -> None:
    if not Path("/dev/loop-control").exists():
        pytest.fail("this kernel has no loop devices")
    inside = "mount -t tmpfs t /mnt; truncate -s 1M /mnt/disk; losetup --find --show /mnt/disk"
    with lab.elsewhere() as other:
        theirs = other.run(inside).split()[0]
        assert lab.look().loops == {}
        ours = lab.shell.run(inside).split()[0]
        assert set(lab.look().loops) == {Path(ours).name}
        other.run(f"losetup --detach {theirs}")
        lab.shell.run(f"losetup --detach {ours}")
    until(lambda: not lab.look().loops, 10)  # as long as udev has it open it is not detached
    assert lab.look().loops == {}


def test_bridge_veth_and_a_named_namespace(lab: Small) -> None:
    lab.shell.run("ip netns add blue; ip link add br0 type bridge; ip link set br0 up")
    found = lab.after(
        "ip link add v0 type veth peer name v1 netns blue; ip link set v0 master br0 up;"
        " ip addr add 10.9.0.1/24 dev br0; ip -n blue link set v1 up"
    )
    assert ("network", "added", "v0", None, "veth, up, port of br0") in found
    assert ("network", "added", "v1 in blue", None, "veth, up") in found
    assert ("network", "added", "address 10.9.0.1/24", None, "on br0") in found
    assert ("network", "added", "route 10.9.0.0/24", None, "on br0") in found
    now = lab.look()
    host = now.networks[now.processes[1].ns["net"]]
    (blue,) = (network for network in now.networks.values() if network.name == "blue")
    v0, v1 = (next(link for link in net.links if link.kind == "veth") for net in (host, blue))
    assert blue.pid is None and v0.peer == v1.index and v1.peer == v0.index and v0.peer_netns is not None
    inodes = {network.name: inode for inode, network in now.networks.items()}
    assert (v0.peer_inode, v1.peer_inode) == (inodes["blue"], inodes[None])
    assert blue.named_in == inodes[None]


def test_traffic_is_counted_where_it_was(lab: Small) -> None:
    lab.shell.run("ip netns add blue; ip -n blue link set lo up; sysctl -q -w net.ipv4.ip_forward=0")
    lab.look()
    found = lab.after("ip netns exec blue busybox ping -c 2 127.0.0.1")
    assert ("network", "changed", "traffic in blue", None, "2 echo out, 2 reply in, 2 echo in") in found
    assert ("network", "changed", "forwarding", "off", "on") in lab.after("sysctl -w net.ipv4.ip_forward=1")


def test_who_listens_where_there_is_no_link_but_lo(lab: Small) -> None:
    lab.shell.run("ip netns add blue; ip -n blue link set lo up")
    lab.shell.run("ip netns exec blue busybox httpd -p 8099 -h /tmp")
    found = lab.look()
    blue = next(network for network in found.networks.values() if network.name == "blue")
    assert [link.name for link in blue.links] == ["lo"]
    assert [place.rpartition(":")[2] for place in blue.listening] == ["8099"]


def test_a_machine_within_the_machine_has_names_of_its_own(lab: Small) -> None:
    lab.shell.run("ip netns add blue")
    lab.shell.run(
        "ip netns exec blue unshare --mount sh -c"
        " 'mount -t tmpfs run /run; ip netns add blue; exec sleep 1000' & sleep 0"
    )
    until(lambda: [net.name for net in lab.look().networks.values()].count("blue") == 2)
    networks = lab.look().networks
    (host,) = (inode for inode, network in networks.items() if network.name is None)
    (outer,) = (inode for inode, network in networks.items() if network.named_in == host)
    (inner,) = (inode for inode, network in networks.items() if network.named_in == outer)
    assert {networks[inode].name for inode in (outer, inner)} == {"blue"}


def test_reading_keeps_no_network_namespace_alive(lab: Small) -> None:
    lab.shell.run("ip netns add blue; ip link add v0 type veth peer name v1 netns blue")
    lab.look()
    lab.shell.run("ip netns del blue")
    until(lambda: all(link.name != "v0" for net in lab.look().networks.values() for link in net.links))


def test_a_pid_namespace_of_its_own(lab: Small) -> None:
    lab.shell.run("unshare --pid --fork --mount-proc --kill-child sleep 1000 & sleep 0")
    until(lambda: sum(p.comm == "sleep" for p in lab.look().processes.values()) == 2)
    now = lab.look()
    (inner,) = (p for p in now.processes.values() if p.comm == "sleep" and p.pid != 1)
    assert inner.nspids == (inner.pid, 1)
    assert inner.proc_pid_ns == inner.ns["pid"] != now.processes[1].ns["pid"]


def test_unshare_without_fork_then_its_first_child(lab: Small) -> None:
    lab.shell.run("exec unshare --pid bash --norc")
    ns = lab.look().processes[lab.pid].ns
    assert ns["pid"] == lab.look().processes[1].ns["pid"] and "pid_for_children" not in ns
    lab.shell.run("/bin/true")
    ns = lab.look().processes[lab.pid].ns
    assert ns["pid_for_children"] != ns["pid"]


def test_pivot_root_moves_an_idle_neighbour_too(lab: Small) -> None:
    """What was remembered of a process that did not run must not be believed when its mounts changed."""
    lab.shell.run("exec unshare --mount bash --norc")
    lab.shell.run("sleep 1000 & mount -t tmpfs t /mnt; mkdir /mnt/old /mnt/proc")
    until(lambda: any(p.args == ("sleep", "1000") and p.state == "S" for p in lab.look().processes.values()))
    before = lab.look()
    lab.shell.run("mount --rbind /proc /mnt/proc; pivot_root /mnt /mnt/old")
    now = lab.look()
    (idle,) = (p for p in now.processes.values() if p.args == ("sleep", "1000"))
    assert idle.root != before.processes[idle.pid].root
    assert idle.root == now.processes[lab.pid].root
    fresh = Collector(lab.collector.reader)
    assert fresh.collect([lab.pid]).processes[idle.pid] == idle
    fresh.close()


def test_an_id_map_that_another_writes_is_seen_though_nobody_ran(lab: Small) -> None:
    """Who did not run is who it was, but for the maps: the parent writes them."""
    lab.shell.run("unshare --user sleep 1000 &")
    idle = named(lab, "sleep", "1000")
    assert idle.ids is not None and not idle.ids.uid_map and idle.ids.uid[0] == 0
    lab.shell.run(f"echo 0 7 5 > /proc/{idle.pid}/uid_map; echo 0 8 5 > /proc/{idle.pid}/gid_map")
    mapped = named(lab, "sleep", "1000")
    assert mapped.ids is not None
    assert (mapped.ids.uid_map, mapped.ids.gid_map) == (((0, 7, 5),), ((0, 8, 5),))


def test_who_runs_is_asked_again_who_it_is(lab: Small) -> None:
    lab.shell.run("exec unshare --uts setpriv --bounding-set -chown bash --norc")
    before = lab.look().processes[lab.pid].ids
    lab.shell.run("exec setpriv --no-new-privs --bounding-set -kill bash --norc")
    now = lab.look().processes[lab.pid].ids
    assert before is not None and now is not None
    assert now.no_new_privs and not before.no_new_privs
    assert before.cap_bnd - now.cap_bnd == 1 << 5  # CAP_KILL


def named(lab: Small, *args: str) -> Process:
    """The one process with these arguments, asleep."""
    until(lambda: any(p.args == args and p.state == "S" for p in lab.look().processes.values()))
    (found,) = (p for p in lab.look().processes.values() if p.args == args)
    return found


def test_orphans_get_a_new_parent_though_they_sleep(lab: Small) -> None:
    lab.shell.run("bash -c 'sleep 1000 & kill -STOP $$' & sleep 0")
    until(lambda: any(p.args == ("sleep", "1000") for p in lab.look().processes.values()))
    (orphan,) = (p for p in lab.look().processes.values() if p.args == ("sleep", "1000"))
    parent = orphan.ppid
    assert parent not in (1, lab.pid)
    lab.shell.run(f"kill -9 {parent}; wait {parent}")
    assert lab.look().processes[orphan.pid].ppid == 1


def test_a_lab_that_is_gone_is_said(lab: Small) -> None:
    lab.look()
    os.kill(lab.init, 9)
    until(lambda: not Path(f"/proc/{lab.init}").exists())
    with pytest.raises(LabError, match="gone"):
        lab.collector.collect()


# The tracer


@pytest.fixture
def shell() -> Iterator[Shell]:
    found = Shell()
    yield found
    found.close()


def tracer_pid(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text().partition("TracerPid:\t")[2].partition("\n")[0]


def test_the_calls_behind_a_line(shell: Shell) -> None:
    shell.run("true")
    tracer = Tracer(shell.pid)
    assert tracer.why == ""
    shell.run("unshare --uts sh -c 'hostname x'; chroot /nowhere 2>&1")
    calls = tracer.drain()
    assert calls is not None
    names = [(call.name, call.error) for call in calls]
    assert (
        names.index(("unshare", None))
        < names.index(("sethostname", None))
        < names.index(("chroot", "ENOENT"))
    )
    assert any(call.meaning == "Sets the host name of its uts namespace to x." for call in calls)
    shell.run("true")
    assert tracer.drain() == ()
    tracer.close()
    assert tracer_pid(shell.pid) == "0"
    assert "5" in shell.run("echo $((2 + 3))")


def test_a_second_tracer_is_told_why(shell: Shell) -> None:
    shell.run("true")
    first = Tracer(shell.pid)
    second = Tracer(shell.pid)
    assert "tracing the shell already" in second.why and second.drain() is None
    second.close()
    first.close()


def test_a_killed_strace_leaves_the_shell_running(shell: Shell) -> None:
    shell.run("true")
    tracer = Tracer(shell.pid)
    os.kill(int(tracer_pid(shell.pid)), 9)
    until(lambda: tracer_pid(shell.pid) == "0")
    assert "7" in shell.run("echo $((3 + 4))")
    until(lambda: not tracer.alive)
    tracer.drain()
    assert tracer.why == "strace has ended"


def test_kill_9_of_the_program_takes_strace_along(shell: Shell) -> None:
    shell.run("true")
    code = f"""
from workshop.kernel.syscalls import Tracer
tracer = Tracer({shell.pid})
print(tracer.why or "ok", flush=True)
input()
"""
    program = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == b"ok\n"
    strace = int(tracer_pid(shell.pid))
    program.kill()
    program.communicate()
    until(lambda: tracer_pid(shell.pid) == "0")
    until(lambda: has_ended(strace))
    assert "9" in shell.run("echo $((4 + 5))")
