from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from workshop import ledger, machine, removal
from workshop.ledger import Entry, Ledger
from workshop.ui import clean, doctor


@pytest.fixture
def where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(ledger, "home", lambda: tmp_path / "ledgers")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "ledgers"


def dead(entry: Entry) -> None:
    one = Ledger.open()
    one.add(entry)
    os.close(one._lock)


def test_clean_says_what_it_removed(where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tank"
    folder.mkdir()
    dead(Entry("folder", str(folder)))
    assert clean.main([]) == 0
    assert f"removed the folder {folder}" in capsys.readouterr().out.replace("\n", "").replace(
        "folder/", "folder /"
    )
    assert not folder.exists()
    assert clean.main([]) == 0
    assert "Nothing was left" in capsys.readouterr().out


def test_clean_says_what_it_could_not_remove(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/precious").touch()
    dead(Entry("path", str(tmp_path / "x"), {"id": "a"}))
    with Ledger.open():
        assert clean.main([]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "left alone" in said and "one workshop is running" in said
    assert (tmp_path / "x/precious").exists()


def test_without_root_only_what_is_ones_own_is_cleaned(
    where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    roots, own = tmp_path / "run", tmp_path / "own"
    (roots / ledger.NAME / "0123456789ab").mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(ledger, "RUN", roots)
    monkeypatch.setattr(ledger, "home", lambda: own)
    assert clean.main([]) == 0
    assert "sudo workshop clean" in capsys.readouterr().err
    assert (roots / ledger.NAME / "0123456789ab").is_dir()


def test_every_kind_of_entry_has_words_for_it() -> None:
    assert set(clean._WORDS) == set(removal.REMOVERS)


def test_a_folder_with_our_mark_goes_and_links_in_it_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    ours = tmp_path / "lab"
    ours.mkdir()
    (ours / removal.MARK).write_text("0123456789ab\n")
    (ours / "link").symlink_to(outside)
    assert "left alone" in removal.REMOVERS["path"](Entry("path", str(ours), {"id": "another"}))
    assert removal.REMOVERS["path"](Entry("path", str(ours), {"id": "0123456789ab"})) == ""
    assert not ours.exists() and (outside / "precious").exists()


@pytest.mark.parametrize(
    ("listed", "destroyed"), [("/var/x/tank.img", True), ("/dev/sdb", False), (None, False)]
)
def test_a_pool_is_destroyed_only_if_it_lies_on_our_file(
    monkeypatch: pytest.MonkeyPatch, listed: str | None, destroyed: bool
) -> None:
    calls: list[tuple[str, ...]] = []

    def run(*args: str) -> str | None:
        calls.append(args)
        return (
            f"tank\t960M\n\t{listed}\t960M\n"
            if args[1] == "list" and listed
            else None
            if args[1] == "list"
            else ""
        )

    monkeypatch.setattr(removal, "run", run)
    assert removal.REMOVERS["pool"](Entry("pool", "tank", {"file": "/var/x/tank.img"})) == ""
    assert (("zpool", "destroy", "-f", "tank") in calls) == destroyed


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    status = doctor.main(["--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"capability", "has", "reason", "package", "remedy"} == set(lines[0])
    assert status == (0 if next(one["has"] for one in lines if one["capability"] == "root") else 3)
    assert doctor.main([]) == status
    assert "ZFS" in capsys.readouterr().out


def test_doctor_without_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    here = machine.examine()
    root = machine.Capability("root", False, "not root", "", "sudo workshop")
    monkeypatch.setattr(
        doctor, "examine", lambda: replace(here, capabilities={**here.capabilities, "root": root})
    )
    assert doctor.main([]) == 3
    assert "sudo workshop" in capsys.readouterr().out


def test_packages_to_install_leave_out_what_another_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine.examine()
    none = {name: replace(one, has=False) for name, one in here.capabilities.items()}
    bare = machine.Machine(none, "6", "debian-13")
    assert {"busybox-static", "strace", "zfs-fuse", "nftables"} <= set(doctor.missing_packages(bare))
    with_zfs = replace(bare, capabilities={**none, "zfs": replace(none["zfs"], has=True)})
    assert "zfs-fuse" not in doctor.missing_packages(with_zfs)
    assert doctor.missing_packages(replace(bare, system="other-1")) == ()
