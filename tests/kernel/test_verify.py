"""`workshop verify` on containers that others started: runc, with and without everything on, and unshare."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workshop.errors import UsageError
from workshop.kernel.container import look
from workshop.kernel.serial import from_json, to_json
from workshop.machine import which
from workshop.names import resolve
from workshop.scorecard import ROWS, score

pytestmark = pytest.mark.root

DOCKERS = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
    "SETUID SYS_CHROOT"
)
NOT_OF_RUNC = {"security module"}
"""Where AppArmor is at work, it is the engine that loads a profile; runc only names one."""
Config = dict[str, Any]


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"


def runc(*words: str) -> str:
    done = subprocess.run(
        ["runc", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A bundle: a root file system of busybox alone. Mapped ids must get there: not below tmp_path."""
    busybox = which("busybox")
    assert busybox and which("runc"), "script/test installs busybox-static and runc"
    where = Path(tempfile.mkdtemp(prefix="workshop-verify-"))
    where.chmod(0o755)
    (where / "rootfs/bin").mkdir(parents=True)
    shutil.copy(busybox, where / "rootfs/bin/sleep")
    for name in ("proc", "sys", "dev"):
        (where / "rootfs" / name).mkdir()
    runc("spec", "--bundle", str(where))
    yield where
    shutil.rmtree(where)


def start(folder: Path, name: str, change: Callable[[Config], None]) -> int:
    config = json.loads((folder / "config.json").read_text())
    config["process"] |= {"terminal": False, "args": ["sleep", "1000"]}
    change(config)
    bundle = folder / name
    bundle.mkdir()
    config["root"]["path"] = str(folder / "rootfs")
    (bundle / "config.json").write_text(json.dumps(config))
    log = bundle / "log"  # not a pipe: the container would keep it open
    with log.open("w") as out:
        done = subprocess.run(
            ["runc", "run", "--detach", "--bundle", str(bundle), name],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    assert done.returncode == 0, log.read_text()
    pid = int(json.loads(runc("state", name))["pid"])
    until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    return pid


def plainly(config: Config) -> None:
    pass


def with_everything(config: Config) -> None:
    """What a careful engine would ask runc for."""
    held = [f"CAP_{name}" for name in DOCKERS.split()]
    config["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), held)
    config["process"]["noNewPrivileges"] = True
    linux = config["linux"]
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    linux["uidMappings"] = linux["gidMappings"] = ids
    kinds = {n["type"] for n in linux["namespaces"]} | {"user", "cgroup"}
    linux["namespaces"] = [{"type": kind} for kind in sorted(kinds)]
    linux["resources"]["memory"] = {"limit": 32 << 20}
    linux["resources"]["cpu"] = {"quota": 50000, "period": 100000}
    linux["resources"]["pids"] = {"limit": 20}
    linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}],
    }


@pytest.fixture(scope="module")
def containers(folder: Path) -> Iterator[dict[str, int]]:
    found = {}
    try:
        for name, change in (("plain", plainly), ("full", with_everything)):
            found[name] = start(folder, f"workshop-{os.getpid()}-{name}", change)
        yield found
    finally:
        for name in ("plain", "full"):
            subprocess.run(
                ["runc", "delete", "--force", f"workshop-{os.getpid()}-{name}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )


def states(pid: int) -> dict[str, str]:
    return {each.row.title: each.verdict.state for each in score(look(pid), pid)}


def test_a_careful_container_of_runc_passes_in_every_row(containers: dict[str, int]) -> None:
    found = states(containers["full"])
    assert {title for title, state in found.items() if state == "missed"} <= NOT_OF_RUNC
    may_be_unknown = {"security module", "device rules"}
    assert {title for title, state in found.items() if state == "unsupported"} <= may_be_unknown


def test_runc_spec_as_it_stands_lacks_what_it_lacks(containers: dict[str, int]) -> None:
    found = states(containers["plain"])
    lacking = {title for title, state in found.items() if state == "missed"}
    assert lacking - {"cgroup namespace", "security module"} == {
        "memory limit",
        "cpu limit",
        "limit of processes",
        "root is a nobody outside",
        "seccomp filter",
    }


def without(kind: str) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        kinds = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [one for one in kinds if one["type"] != kind]
        if kind == "uts":
            del config["hostname"]
        if kind == "network":  # sysfs can be mounted by who owns the network namespace only
            config["mounts"] = [one for one in config["mounts"] if one["type"] != "sysfs"]

    return change


def may_gain(config: Config) -> None:
    config["process"]["noNewPrivileges"] = False


def net_admin(config: Config) -> None:
    for names in config["process"]["capabilities"].values():
        names.append("CAP_NET_ADMIN")


def unmasked(config: Config) -> None:
    config["linux"]["maskedPaths"] = []


def writable(config: Config) -> None:
    config["linux"]["readonlyPaths"] = []


def sys_writable(config: Config) -> None:
    for one in config["mounts"]:
        if one["type"] == "sysfs":
            one["options"].remove("ro")


def limited(config: Config) -> None:
    config["linux"]["resources"]["pids"] = {"limit": 20}


def with_a_disk(config: Config) -> None:
    disk = {"path": "/dev/disk", "type": "b", "major": 7, "minor": 0, "fileMode": 0o600, "uid": 0, "gid": 0}
    config["linux"]["devices"] = [disk]


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (without("uts"), {"uts namespace"}),
        (without("ipc"), {"ipc namespace"}),
        (without("network"), {"network namespace", "network of its own"}),
        (may_gain, {"no_new_privs"}),
        (net_admin, {"Docker's capabilities at most"}),
        (unmasked, {"masked paths"}),
        (writable, {"read-only paths"}),
        (sys_writable, {"/sys is read-only"}),
        (limited, {"limit of processes"}),
        (with_a_disk, {"harmless /dev"}),
    ],
)
def test_one_thing_changed_is_one_row(
    folder: Path, containers: dict[str, int], change: Callable[[Config], None], rows: set[str]
) -> None:
    name = f"workshop-{os.getpid()}-changed"
    try:
        changed, plain = states(start(folder, name, change)), states(containers["plain"])
    finally:
        subprocess.run(["runc", "delete", "--force", name], check=True)
        shutil.rmtree(folder / name)
    assert {title for title, state in changed.items() if state != plain[title]} == rows


def test_a_paused_container(containers: dict[str, int]) -> None:
    name = f"workshop-{os.getpid()}-plain"
    runc("pause", name)
    try:
        paused = resolve(name)
        assert states(paused.pid) == states(containers["plain"])
    finally:
        runc("resume", name)


def test_every_row_says_where_it_was_read(containers: dict[str, int]) -> None:
    for pid in containers.values():
        for each in score(look(pid), pid):
            if each.verdict.state != "unsupported":
                assert each.verdict.evidence, each.row.title
            for evidence in each.verdict.evidence:
                assert evidence.source.startswith((f"/proc/{pid}/", "/proc/", "/sys/fs/cgroup/")), (
                    each.row.title
                )
                readable = Path(evidence.source)
                assert os.path.lexists(readable), (each.row.title, evidence.source)


def test_what_was_read_can_be_recorded(containers: dict[str, int]) -> None:
    found = look(containers["full"])
    assert from_json(to_json(found)) == found


def test_names_of_runc(containers: dict[str, int]) -> None:
    name = f"workshop-{os.getpid()}-plain"
    named = resolve(name)
    assert (named.pid, named.engine) == (containers["plain"], "runc")


UNSHARED = ["unshare", "--kill-child", "-m", "-p", "-f", "-n", "-u", "-i", "--mount-proc"]


@pytest.mark.parametrize(
    ("prefix", "met"),
    [
        (UNSHARED, {"mount namespace", "pid namespace", "network namespace", "/proc is its own"}),
        (["unshare", "--uts"], {"uts namespace"}),
        (["setpriv", "--no-new-privs", "--bounding-set", "-all,+chown"], {"no_new_privs"}),
        (["setpriv", "--bounding-set", "-all,+chown,+kill"], {"Docker's capabilities at most"}),
    ],
)
def test_containers_made_by_hand(prefix: list[str], met: set[str]) -> None:
    with subprocess.Popen([*prefix, "sleep", "1000"]) as process:
        try:
            until(lambda: _sleeper(process.pid))
            pid = _sleeper(process.pid)
            assert pid is not None
            found = states(pid)
            assert {title for title in met if found[title] != "passed"} == set()
            assert found["root is a mount of its own"] == found["memory limit"] == "missed"
            if "-n" in prefix:
                assert found["network of its own"] == "missed"  # lo is down
        finally:
            process.kill()


def _sleeper(pid: int) -> int | None:
    """The process itself, or its child, once it has become `sleep`."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (str(pid), *children):
        if Path(f"/proc/{one}/comm").read_text() == "sleep\n":
            return int(one)
    return None


def verify(*words: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workshop", "verify", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **kwargs,
    )


def test_the_command_line(containers: dict[str, int]) -> None:
    done = verify(str(containers["full"]), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    missed = {row["row"] for row in rows if row["state"] == "missed"}
    assert missed <= NOT_OF_RUNC and len(rows) == len(ROWS), done.stdout
    assert done.returncode == (1 if missed else 0)
    assert {"event", "pid", "row", "check", "state", "expected", "found", "evidence"} <= rows[0].keys()
    name = f"workshop-{os.getpid()}-plain"
    both = verify(name, str(containers["full"]))
    assert both.returncode == 1
    assert name in both.stdout and "seccomp filter" in both.stdout


def test_what_cannot_be_judged_is_said() -> None:
    child = subprocess.Popen(["true"])
    try:
        until(lambda: b") Z " in Path(f"/proc/{child.pid}/stat").read_bytes())
        for word, says in (
            ("1", "first one"),
            (str(child.pid), "has ended"),
            ("999999999", "no process"),
            ("no-such-container", "No container is called"),
        ):
            done = verify(word)
            assert done.returncode == 2, word
            assert says in done.stderr, word
    finally:
        child.wait()
    assert verify().returncode == 2


def test_without_permission_by_the_command_line(containers: dict[str, int]) -> None:
    done = verify(
        str(containers["plain"]), user=65534, group=65534, extra_groups=[], env={**os.environ, "HOME": "/"}
    )
    assert done.returncode == 3, done.stderr
    assert "may not be looked at" in done.stderr and "sudo" in done.stderr


def test_it_takes_a_moment(containers: dict[str, int]) -> None:
    """Processor time, the best of five: what else this machine does is not to count."""
    spent = []
    for _ in range(5):
        before = os.times()
        verify(str(containers["full"]), "--json")
        after = os.times()
        spent.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert min(spent) < 0.3, spent


def test_a_thread_of_the_kernels() -> None:
    if not Path("/proc/2/comm").exists() or Path("/proc/2/comm").read_text() != "kthreadd\n":
        return  # a pid namespace shows none
    with pytest.raises(UsageError, match="thread of the kernel"):
        look(2)


def test_without_permission(containers: dict[str, int]) -> None:
    from workshop.errors import MachineError

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            look(containers["plain"])
        except MachineError:
            os.write(write, b"3")
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"3"
    os.close(read)


def test_it_ends_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    from workshop.kernel import container

    with subprocess.Popen(["sleep", "1000"]) as process:
        found = container._devices

        def dying(folder: Path) -> tuple[str, ...]:
            process.kill()
            process.wait()
            return found(folder)

        monkeypatch.setattr(container, "_devices", dying)
        with pytest.raises(UsageError, match="ended while"):
            look(process.pid)
