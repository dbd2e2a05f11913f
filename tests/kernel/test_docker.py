"""`workshop verify` on containers of a real Docker, by name: each of its options changes the rows it must."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import lacks

from workshop.errors import UsageError
from workshop.kernel.container import look
from workshop.machine import which
from workshop.names import resolve
from workshop.scorecard import score

pytestmark = pytest.mark.root

Run = Callable[..., str]
START_SECONDS = 60


def docker(*words: str) -> str:
    """Its output. `DOCKER_HOST` names the engine of these tests, here and where the workshop asks."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """An engine that has nothing but the files of a folder, and touches neither links nor firewall."""
    if which("dockerd") is None:
        lacks("docker", "dockerd is not installed")
    folder = Path(tempfile.mkdtemp(prefix="workshop-docker-", dir="/var/tmp"))
    socket = f"unix://{folder}/socket"
    words = (
        *("dockerd", "--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"),
        *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"),
        *("--cgroup-parent", folder.name, "--host", socket),
    )
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("w") as log:
        patch.setenv("DOCKER_HOST", socket)
        daemon = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            end = time.monotonic() + START_SECONDS
            while subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
                if daemon.poll() is not None or time.monotonic() > end:
                    lacks("docker", f"it does not start: {(folder / 'log').read_text()[-300:]}")
                time.sleep(0.1)
            _image(folder)
            yield
        finally:
            for name in docker("ps", "--all", "--quiet").split() if daemon.poll() is None else ():
                docker("rm", "--force", name)
            daemon.terminate()
            daemon.wait(30)
            subprocess.run(["umount", folder / "exec/netns/default"], capture_output=True, check=False)
            shutil.rmtree(folder)
            groups = Path("/sys/fs/cgroup")
            for group in (*groups.glob(folder.name), *groups.glob(f"*/{folder.name}")):
                group.rmdir()


def _image(folder: Path) -> None:
    busybox = which("busybox")
    assert busybox
    (folder / "root/bin").mkdir(parents=True)
    shutil.copy(busybox, folder / "root/bin/sleep")
    docker("import", _tar(folder), "workshop-sleeper")


def _tar(folder: Path) -> str:
    subprocess.run(["tar", "-C", f"{folder}/root", "-cf", f"{folder}/root.tar", "."], check=True)
    return f"{folder}/root.tar"


@pytest.fixture
def run(engine: None) -> Iterator[Run]:
    names: list[str] = []

    def start(*options: str) -> str:
        names.append(f"workshop-{os.getpid()}-{len(names)}")
        words = ("--detach", "--network", "none") if "--network" not in options else ("--detach",)
        docker("run", *words, "--name", names[-1], *options, "workshop-sleeper", "sleep", "1000")
        return names[-1]

    yield start
    for name in names:
        docker("rm", "--force", name)


def missed(name: str) -> set[str]:
    found = resolve(name)
    assert found.engine == "docker"
    return {each.row.title for each in score(look(found.pid), found.pid) if each.verdict.state == "missed"}


def test_a_careful_container_passes_in_every_row_but_one(run: Run) -> None:
    options = ("--memory=64m", "--cpus=0.5", "--pids-limit=20", "--cgroupns=private")
    assert missed(run(*options, "--security-opt=no-new-privileges")) == {"root is a nobody outside"}


@pytest.mark.parametrize(
    ("option", "met", "lost"),
    [
        ("--memory=64m", {"memory limit"}, set()),
        ("--cpus=0.5", {"cpu limit"}, set()),
        ("--pids-limit=20", {"limit of processes"}, set()),
        ("--cgroupns=private", {"cgroup namespace"}, set()),
        ("--security-opt=no-new-privileges", {"no_new_privs"}, set()),
        ("--security-opt=seccomp=unconfined", set(), {"seccomp filter"}),
        ("--security-opt=systempaths=unconfined", set(), {"masked paths", "read-only paths"}),
        ("--cap-add=SYS_TIME", set(), {"Docker's capabilities at most"}),
        ("--pid=host", set(), {"pid namespace", "/proc is its own"}),
        ("--uts=host", set(), {"uts namespace"}),
        ("--ipc=host", set(), {"ipc namespace"}),
        ("--network=host", set(), {"network namespace", "network of its own"}),
    ],
)
def test_one_option_is_one_thing(run: Run, option: str, met: set[str], lost: set[str]) -> None:
    plainly = missed(run("--cgroupns=host"))
    assert plainly == {
        *("cgroup namespace", "memory limit", "cpu limit", "limit of processes"),
        *("root is a nobody outside", "no_new_privs"),
    }
    words = [option] if option.startswith("--cgroupns") else [option, "--cgroupns=host"]
    if option == "--network=host":
        words = ["--network", "host", "--cgroupns=host"]
    assert missed(run(*words)) == plainly - met | lost


def test_a_container_that_was_stopped(run: Run) -> None:
    name = run()
    docker("kill", name)
    with pytest.raises(UsageError, match=r"docker.s container .* does not run"):
        resolve(name)
