"""`--rootless` on a real kernel, by an ordinary account: what it plays, and what it leaves out and why."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ordinary
import pytest
from conftest import lacks

from workshop import rootless

pytestmark = pytest.mark.root


@pytest.fixture
def home() -> Iterator[Path]:
    if not ordinary.reachable():
        lacks("ordinary-account", "the checkout and its Python are not for everybody to read")
    for reason, _ in rootless._forbidden():
        lacks("user-namespaces", reason)
    before = processes()
    with ordinary.account() as home:
        yield home
        assert not (home / ".local/state/container-workshop/run").exists(), "a ledger is left"
    assert processes() <= before, "a process is left"


def processes() -> set[str]:
    """The ordinary account's, of whoever."""
    words = ("pgrep", "-u", str(ordinary.UID))
    return set(subprocess.run(words, capture_output=True, text=True, check=False).stdout.split())


def rows(home: Path, *words: str) -> dict[str, dict[str, Any]]:
    """What `run --rootless --json` says of each step."""
    done = ordinary.workshop(home, "run", "--rootless", "--json", *words)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    return {row["id"]: row for row in found}


def test_the_first_lesson(home: Path) -> None:
    done = ordinary.workshop(home, "run", "--rootless", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed, 0 missed, 0 unsupported" in done.stdout


def test_roots_networks_and_layers_need_no_root(home: Path) -> None:
    """A break-out, a cable, and an opaque folder: each has a step before it that has to be built as well."""
    wanted = ("a-root-of-its-own/close-the-door", "networks/a-switch", "in-and-out/docker-exec")
    states = {name: row["state"] for name, row in rows(home, *wanted).items()}
    assert states == dict.fromkeys(wanted, "passed")


def test_the_gate_holds_without_root(home: Path) -> None:
    opaque = "layers-overlay/a-folder-that-lets-nothing-through"
    row = rows(home, "--verify", opaque)[opaque]
    assert row["state"] == "passed", row


def test_what_it_cannot_do_is_named(home: Path) -> None:
    found = rows(
        home, "layers-zfs", "mounts/three-folders-that-are-no-folders", "who-is-root/a-whole-range-of-ids"
    )
    assert {row["state"] for row in found.values()} == {"unsupported"}
    assert (
        "a user namespace has none (--rootless)"
        in found["layers-zfs/a-place-for-images-a-place-for-containers"]["why"]
    )
    assert "only as long as it sees another" in found["mounts/three-folders-that-are-no-folders"]["why"]


def test_the_doctor_tells(home: Path) -> None:
    done = ordinary.workshop(home, "doctor", "--rootless", "--json")
    found = {row["capability"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    assert found["root"]["has"] and not found["real-root"]["has"] and not found["devices"]["has"]


def test_without_the_option_it_is_offered(home: Path) -> None:
    done = ordinary.workshop(home, "run", "1")
    assert done.returncode == 3
    assert "--rootless" in done.stderr


def test_the_machine_is_out_of_reach(home: Path) -> None:
    """The account's own files are root's files in the lab, and may all the same not be changed there."""
    course = home / "course"
    course.mkdir()
    (home / "dear").write_text("mine")
    (course / "01-harm.md").write_text(HARM.replace("HOME", str(home)))
    for path in (home / "dear", course, course / "01-harm.md"):
        path.chmod(0o777)
    row = rows(home, "--course", str(course))["harm/try"]
    assert row["state"] == "passed", row
    assert (home / "dear").read_text() == "mine"


HARM = """+++
title = "Harm"
minutes = 1
+++
Nothing.

## Try

Try.

```toml step
check.own_namespaces = { kinds = "uts" }
```
```sh solution
rm -rf HOME/dear; echo > HOME/dear
unshare --uts bash
```
```text hint
Try.
```
```text why
Why.
```
```text docker
Docker.
```
"""
