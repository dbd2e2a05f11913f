from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workshop import conditions, engines, libc, loops, machine, packages
from workshop.errors import MachineError
from workshop.ledger import Entry


def test_every_capability_that_lessons_can_name_is_examined() -> None:
    assert set(machine.examine().capabilities) == set(conditions.CAPABILITIES)


def test_what_is_missing_has_a_reason_and_a_way_out() -> None:
    here = machine.examine()
    for one in here.capabilities.values():
        assert one.reason, one.name
        if not one.has and one.name in (
            "zfs",
            "strace",
            "busybox",
            "bash-static",
            "sudo",
            "nft",
            "iptables",
            "ping",
        ):
            assert one.remedy == f"apt install {one.package}", one.name
    missing = machine.Capability("strace", False, "strace is not installed", "strace", "apt install strace")
    with pytest.raises(MachineError, match="strace is missing: strace is not installed") as caught:
        machine.Machine({"strace": missing}, "6", "debian-12").require("strace")
    assert caught.value.hint == "apt install strace"


def test_a_user_is_told_about_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    root = machine.examine().capabilities["root"]
    assert not root.has and "sudo" in root.remedy


@pytest.fixture
def nobody() -> Iterator[None]:
    """The rights of an ordinary user."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(4711)
    yield
    os.seteuid(mine)


def test_folders_that_a_user_may_not_enter_hinder_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: None
) -> None:
    """`su user` keeps the PATH of root, and with it /root/bin."""
    monkeypatch.setenv("PATH", f"{_closed(tmp_path)}:/usr/bin")
    monkeypatch.setattr(engines, "SOCKETS", {"docker": (f"{_closed(tmp_path)}/docker.sock",)})
    assert machine.which("sh") and machine.which("no-such-program") is None
    assert engines.socket_of("docker") is None


def _closed(folder: Path) -> Path:
    """A folder that only root may look into: pytest's own is one for any other user; else it is made so."""
    if os.access(folder, os.X_OK, effective_ids=True):
        folder.chmod(0)
    return folder / "closed"


def test_root_in_a_container_is_told_about_privileged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "_effective", lambda: 0xA80425FB)
    root = machine.examine().capabilities["root"]
    assert not root.has and "--privileged" in root.remedy and "CAP_SYS_ADMIN" in root.reason


@pytest.mark.parametrize(
    ("programs", "kernel", "fuse_device", "expected"),
    [
        ({"zfs", "zpool", "zfs-fuse"}, False, True, "zfs-fuse"),
        ({"zfs", "zpool", "zfs-fuse"}, True, True, "zfs-fuse"),
        ({"zfs", "zpool"}, True, False, "zfs-kernel"),
        ({"zfs", "zpool", "zfs-fuse"}, False, False, ""),
        ({"zfs", "zpool"}, False, True, ""),
        (set(), True, True, ""),
    ],
)
def test_which_zfs(
    monkeypatch: pytest.MonkeyPatch, programs: set[str], kernel: bool, fuse_device: bool, expected: str
) -> None:
    real = Path.exists
    monkeypatch.setattr(machine, "which", lambda name: Path("/x", name) if name in programs else None)
    monkeypatch.setattr(machine, "knows_filesystem", lambda name: kernel)
    monkeypatch.setattr(Path, "exists", lambda self: fuse_device if str(self) == "/dev/fuse" else real(self))
    found = {one.name: one for one in machine._zfs()}
    assert [n for n in ("zfs-kernel", "zfs-fuse") if found[n].has] == ([expected] if expected else [])
    assert found["zfs"].has == bool(expected)
    assert found["zfs-diff"].has == (expected == "zfs-kernel")
    if "zfs-fuse" in programs and not fuse_device:
        assert "/dev/fuse" in found["zfs"].reason and "modprobe fuse" in found["zfs"].remedy


def test_modules_of_this_kernel(tmp_path: Path) -> None:
    folder = tmp_path / os.uname().release
    assert not machine.has_module("overlay", tmp_path)
    folder.mkdir()
    (folder / "modules.dep").write_text("kernel/fs/overlayfs/overlay.ko.xz:\n")
    (folder / "modules.builtin").write_text("kernel/fs/btrfs/btrfs.ko\n")
    assert machine.has_module("overlay", tmp_path) and machine.has_module("btrfs", tmp_path)
    assert not machine.has_module("lay", tmp_path)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["cgroup2 cgroup2 rw"], {"cgroup2", "unified", "cgroups"}),
        (["cgroup cgroup rw,cpu"], {"cgroup1", "cgroups", "cpu"}),
        (["cgroup cgroup rw,cpu", "cgroup2 cgroup2 rw"], {"cgroup1", "hybrid", "unified", "cgroups", "cpu"}),
        (["cgroup cgroup rw,name=systemd", "cgroup2 cgroup2 rw"], {"cgroup2", "unified", "cgroups"}),
        ([], set()),
    ],
)
def test_which_cgroups(monkeypatch: pytest.MonkeyPatch, lines: list[str], expected: set[str]) -> None:
    text = "".join(f"3{n} 1 0:{n} / /sys/fs/cgroup/{n} rw - {line}\n" for n, line in enumerate(lines))
    monkeypatch.setattr(machine.rootless, "inside", lambda: False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert {one.name for one in machine._cgroups() if one.has and one.name != "psi"} == expected


def test_a_controller_that_is_mounted_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = "31 1 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    monkeypatch.setattr(machine.rootless, "inside", lambda: False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: cpu)
    found = {one.name: one for one in machine._cgroups()}
    assert found["cpu"].has and not found["memory"].has and not found["pids"].has
    assert "memory controller is in no cgroup hierarchy" in found["memory"].reason
    assert "mount -t cgroup -o memory cgroup /sys/fs/cgroup/memory" in found["memory"].remedy


# -- packages -----------------------------------------------------------------------------------------------


def test_the_table_of_packages_is_whole() -> None:
    table = packages.packages()
    assert {p.need for p in table} >= {"required", "wanted", "offered"}
    assert {p.capability for p in table if p.capability} <= set(conditions.CAPABILITIES)
    assert all(set(p.names) <= {"debian-12", "debian-13", "ubuntu-24.04"} and p.names for p in table)
    assert packages.package_for("nft", "debian-13") == "nftables"
    assert packages.package_for("nft", "some-99") == "nftables"
    assert packages.package_for("overlay") == ""


def test_a_dash_is_no_package() -> None:
    (one,) = packages.parse("# need capability debian-12 debian-13\n\nwanted ping - iputils-ping\n")
    assert one.names == {"debian-13": "iputils-ping"}


def test_release(tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    path.write_text('ID=ubuntu\nVERSION_ID="24.04"\nNAME=x\n')
    assert packages.release(path) == "ubuntu-24.04"
    assert packages.release(tmp_path / "missing") == ""


# -- engines ------------------------------------------------------------------------------------------------


class Engine:
    """A container engine with nothing behind its socket."""

    def __init__(self) -> None:
        self.containers: dict[str, tuple[str, object]] = {}
        self.stubborn: set[str] = set()

    def answer(self, method: str, path: str) -> tuple[int, str]:
        import json

        if path == "/_ping":
            return 200, "OK"
        if path.startswith("/containers/json"):
            items = [{"Id": i, "Image": image, "Command": c} for i, (image, c) in self.containers.items()]
            return 200, json.dumps(items)
        id_ = path.split("/")[2].partition("?")[0]
        if method == "DELETE" and id_ not in self.stubborn:
            return (204, "") if self.containers.pop(id_, None) else (404, "{}")
        return 409, "{}"


@contextmanager
def serving(path: Path, engine: Engine) -> Iterator[None]:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                method, what, _ = connection.recv(4096).decode().split(" ", 2)
                if what == "/quit":
                    return
                status, body = engine.answer(method, what)
                connection.sendall(f"HTTP/1.0 {status} X\r\nContent-Type: x\r\n\r\n{body}".encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        engines._ask(str(path), "GET", "/quit")
        thread.join()
        server.close()


def test_only_the_demos_new_containers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, engine = tmp_path / "docker.sock", Engine()
    monkeypatch.setitem(engines.SOCKETS, "docker", (str(path),))  # type: ignore[arg-type]
    engine.containers = {"old": ("debian", "true")}
    assert engines.socket_of("docker") is None
    with serving(path, engine):
        assert engines.socket_of("docker") == path
        entry = engines.note("docker", path)
        engine.containers |= {
            "ours": ("debian", "true"),
            "also-ours": ("docker.io/library/debian:latest", ["true"]),
            "web": ("nginx", "true"),
            "shell": ("debian", "bash"),
        }
        engine.stubborn = {"ours"}
        assert engines.remove(entry) == "could not remove ours"
        engine.stubborn = set()
        assert engines.remove(entry) == ""
        assert set(engine.containers) == {"old", "web", "shell"}
    assert engines.socket_of("docker") is None
    assert engines.remove(entry) == ""  # the engine is gone, and so are its containers


# -- the rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "number", "said"),
    [
        ("unshare", 1, "CAP_SYS_ADMIN"),
        ("unshare", 22, "built without"),
        ("unshare", 28, "limit on namespaces"),
        ("unshare", 38, "without namespaces"),
        ("mount overlay on /x", 19, "does not know that file system"),
        ("mount overlay on /x", 13, "--privileged"),
        ("pivot_root .", 22, "chroot"),
    ],
)
def test_errors_of_the_kernel_name_the_likely_cause(call: str, number: int, said: str) -> None:
    error = libc.SyscallError(call, number)
    assert said in error.hint and os.strerror(number) in error.message and call in error.message


def test_a_refused_call_is_an_error_with_its_name() -> None:
    with pytest.raises(libc.SyscallError, match="mount nosuchfs on /nosuchplace"):
        libc.mount("x", "/nosuchplace", "nosuchfs")


def test_loops_that_are_not_ours_are_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        loops, "attached", lambda: (loops.Loop("loop99", 41, "/home/disk"), loops.Loop("loop98", 7, "/lab/x"))
    )
    opened: list[str] = []
    monkeypatch.setattr(os, "open", lambda path, flags: opened.append(path) or 1 // 0)
    assert loops.remove(Entry("loops", "a", {"devices": "40 42", "below": ""})) == ""
    assert opened == []
    with pytest.raises(ZeroDivisionError):
        loops.remove(Entry("loops", "a", {"devices": "", "below": "/lab/"}))
    assert opened == ["/dev/loop98"]
