"""Would-be roots: the names in them, as the host process sees them."""

from __future__ import annotations

from pathlib import Path

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
