"""Recorded snapshots of a real kernel, read again without root. `record.py` records them anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop.kernel.diff import diff
from workshop.kernel.model import Snapshot
from workshop.kernel.serial import from_json, to_json
from workshop.kernel.subject import subject

FOLDER = Path(__file__).parent / "snapshots"
FILES = sorted(FOLDER.glob("*.json"))


def snapshot(name: str) -> Snapshot:
    return from_json((FOLDER / f"{name}.json").read_text())


def told(before: Snapshot, now: Snapshot) -> list[tuple[str, str, str]]:
    changes = diff(before, now, subject(now, 1))
    return [(c.area, c.verb, c.subject) for c in changes if c.area != "cgroups"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recordings_come_back(file: Path) -> None:
    found = from_json(file.read_text())
    assert from_json(to_json(found)) == found
    assert found.processes[found.host].comm == "sleep"


def test_a_bridge() -> None:
    assert told(snapshot("1-nothing"), snapshot("2-bridge")) == [
        ("network", "added", "br0"),
        ("network", "added", "address 10.10.0.1/24"),
        ("network", "added", "route 10.10.0.0/24"),
    ]


def test_a_container() -> None:
    now = snapshot("3-container")
    pid = subject(now, 1)
    inner = now.processes[pid]
    assert inner.nspids == (pid, 1) and inner.proc_pid_ns == inner.ns["pid"]
    assert [s for area, _, s in told(snapshot("2-bridge"), now) if area == "namespaces"] == [
        f"{kind} of sleep ({pid})" for kind in ("mnt", "pid", "uts")
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format"),
        ({"snapshot": 3}, "snapshot: not an object"),
        ({"snapshot": {"host": 1}}, "unknown or missing"),
    ],
)
def test_what_is_no_recording_is_said(change: dict[str, object], says: str) -> None:
    data = json.loads(FILES[0].read_text()) | change
    with pytest.raises(ValueError, match=says):
        from_json(json.dumps(data))


def test_a_wrong_type_is_said_with_its_place() -> None:
    data = json.loads(FILES[0].read_text())
    data["snapshot"]["host"] = "one"
    with pytest.raises(ValueError, match=r"snapshot\.host: 'one' is not of type int"):
        from_json(json.dumps(data))
