from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from workshop import ledger
from workshop.errors import LabError
from workshop.ledger import Entry, Ledger


class Things:
    """A world in which things can be removed, and some refuse."""

    def __init__(self) -> None:
        self.removed: list[Entry] = []
        self.refuses: dict[str, str] = {}

    def remove(self, entry: Entry) -> str:
        if problem := self.refuses.get(entry.name, ""):
            return problem
        self.removed.append(entry)
        return ""

    @property
    def removers(self) -> dict[str, ledger.Remover]:
        return {"first": self.remove, "second": self.remove}


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "ledgers"


def die(one: Ledger) -> None:
    """What the kernel does to the lock when the program is killed."""
    os.close(one._lock)
    one._lock = -1


def test_an_entry_is_on_disk_when_add_returns(where: Path, things: Things) -> None:
    with Ledger.open(where, things.removers) as one:
        entry = one.add(Entry("first", "a", {"guid": "7"}))
        assert ledger.read(one.folder / "ledger.json") == (entry,)
        one.add(entry)
        assert one.entries == (entry,)
    assert things.removed == [entry]
    assert not where.exists()


def test_every_write_is_synced_before_it_replaces(
    where: Path, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append("replace"), replace(self, to))[1])
    with Ledger.open(where, things.removers) as one:
        done.clear()
        one.add(Entry("first", "a"))
        assert done == ["fsync", "replace"]


def test_sweep_removes_what_the_dead_left_in_the_order_of_kinds(where: Path, things: Things) -> None:
    one = Ledger.open(where, things.removers)
    for kind, name in (("second", "a"), ("first", "b"), ("first", "c")):
        one.add(Entry(kind, name))
    assert Ledger.sweep(where, things.removers) == () and things.removed == []
    assert ledger.alive(where) == (one.id,)
    die(one)
    assert ledger.alive(where) == ()
    (swept,) = Ledger.sweep(where, things.removers)
    assert [e.name for e in things.removed] == ["c", "b", "a"]
    assert swept.id == one.id and swept.problems == () and len(swept.removed) == 3
    assert Ledger.sweep(where, things.removers) == () and not where.exists()


def test_what_cannot_be_removed_stays_in_the_ledger(where: Path, things: Things) -> None:
    one = Ledger.open(where, things.removers)
    one.add(Entry("first", "easy"))
    one.add(Entry("first", "stuck"))
    one.add(Entry("unknown", "later"))
    things.refuses["stuck"] = "busy"
    die(one)
    (swept,) = Ledger.sweep(where, things.removers)
    assert [e.name for e in swept.removed] == ["easy"]
    assert "first stuck: busy" in swept.problems and "does not know" in " ".join(swept.problems)
    things.refuses.clear()
    (swept,) = Ledger.sweep(where, {**things.removers, "unknown": things.remove})
    assert swept.problems == () and not where.exists()


def test_close_with_a_problem_keeps_the_ledger_for_the_next_sweep(where: Path, things: Things) -> None:
    one = Ledger.open(where, things.removers)
    one.add(Entry("first", "stuck"))
    things.refuses["stuck"] = "busy"
    assert one.close() == ("first stuck: busy",)
    assert one.close() == ()
    things.refuses.clear()
    (swept,) = Ledger.sweep(where, things.removers)
    assert [e.name for e in swept.removed] == ["stuck"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", '[{"kind": "first"}]', '[{"kind": "first", "name": 3, "proof": {}}]', "\udcff",
     '[{"kind": "first", "name": "a", "proof": {"x": 1}}]', '{"kind": 1}', "null"],
)  # fmt: skip
def test_a_broken_ledger_is_set_aside_and_nothing_is_removed(where: Path, things: Things, text: str) -> None:
    one = Ledger.open(where, things.removers)
    die(one)
    content = text.encode(errors="surrogateescape")
    (one.folder / "ledger.json").write_bytes(content)
    (swept,) = Ledger.sweep(where, things.removers)
    aside = where / f"{one.id}.broken"
    assert str(aside) in swept.problems[0] and things.removed == []
    assert (aside / "ledger.json").read_bytes() == content
    assert Ledger.sweep(where, things.removers) == ()
    assert aside.exists()


def test_killed_between_folder_and_first_write(where: Path, things: Things) -> None:
    (where / "0123456789ab").mkdir(parents=True)
    (where / "0123456789ab/ledger.new").write_text('[{"ki')
    (swept,) = Ledger.sweep(where, things.removers)
    assert swept.problems == () and not where.exists()


def test_two_ledgers_have_two_ids(where: Path, things: Things) -> None:
    with Ledger.open(where, things.removers) as one, Ledger.open(where, things.removers) as two:
        assert one.id != two.id
        assert set(ledger.alive(where)) == {one.id, two.id}
        one.close()
        assert where.exists()
        two.add(Entry("first", "still works"))
        assert json.loads((two.folder / "ledger.json").read_text())


def test_a_full_disk_is_said_before_anything_is_made(
    where: Path, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(where, things.removers) as one:

        def full(fd: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(LabError, match="No space left") as caught:
                one.add(Entry("first", "a"))
        assert "disk full" in caught.value.hint


def test_home_falls_back_to_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert ledger.home() == Path("/run/container-workshop")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ledger.home() == tmp_path / "container-workshop/run"
