"""Would-be roots: the names in them, as the host process sees them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from workshop.kernel import folders


def test_folders_of_a_parent_and_named_ones(tmp_path: Path) -> None:
    one = tmp_path / "lab/containers/one"
    (one / "bin").mkdir(parents=True)
    (one / "bin/sh").touch()
    (one / "etc").mkdir()
    (tmp_path / "lab/containers/two").mkdir()
    (tmp_path / "lab/containers/note").touch()
    (tmp_path / "tank").mkdir()
    found = folders.read(tmp_path, ["/lab/containers"], ["/tank", "/gone"])
    assert found == {
        "/lab/containers/one": ("bin", "bin/sh", "etc"),
        "/lab/containers/two": (),
        "/tank": (),
    }


def test_what_is_not_there_has_no_folders(tmp_path: Path) -> None:
    assert folders.read(tmp_path, ["/lab/containers"]) == {}


def test_a_file_system_whose_daemon_is_gone_has_no_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: object, **_: object) -> os.stat_result:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))

    (tmp_path / "tank").mkdir()
    monkeypatch.setattr(os, "stat", gone)
    assert folders.read(tmp_path, [], ["/tank"]) == {}


def test_texts_are_the_small_files_of_a_folder(tmp_path: Path) -> None:
    notes = tmp_path / "lab/notes"
    assert folders.texts(tmp_path, "/lab/notes") == {}
    (notes / "inside").mkdir(parents=True)
    (notes / "byte").write_text("overlay 32\n")
    (notes / "long").write_text("x" * 5000)
    (notes / "link").symlink_to("byte")
    os.mkfifo(notes / "pipe")
    found = folders.texts(tmp_path, "/lab/notes")
    assert found.keys() == {"byte", "long"}
    assert found["byte"] == "overlay 32\n" and len(found["long"]) == folders.LONGEST
