"""Reading layers: options of overlay mounts, and what is in folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kernel_builders import mount, snapshot

from workshop.kernel.diff import diff
from workshop.kernel.layers import named, overlay, read, top, tree
from workshop.kernel.model import File
from workshop.kernel.serial import from_json, to_json


def entry(*options, target="/lab/one/merged"):
    return mount(target, "overlay", super_options=("rw", *options))


def test_options_as_they_were_typed():
    found = overlay(entry("lowerdir=/a:/b/../c", "upperdir=/u", "workdir=/w"))
    assert found is not None
    assert (found.lowers, found.upper, found.work) == (("/a", "/c"), "/u", "/w")
    added = overlay(entry("lowerdir+=/a", "lowerdir+=/b"))
    assert added is not None and (added.lowers, added.upper) == (("/a", "/b"), None)
    assert overlay(mount("/mnt", "tmpfs")) is None


def test_relative_names_start_above_the_mount_point():
    typed = entry("lowerdir=../base", "upperdir=upper", "workdir=work")
    known = {"/lab/base", "/lab/one/upper"}
    found = overlay(typed, known)
    assert found is not None and (found.lowers, found.upper) == (("/lab/base",), "/lab/one/upper")
    from_lab = overlay(entry("lowerdir=base", "upperdir=one/upper"), known)
    assert from_lab is not None and (from_lab.lowers, from_lab.upper) == (("/lab/base",), "/lab/one/upper")
    assert {"/lab/base", "/lab/one/upper"} <= set(named([typed, mount("/mnt")]))


def test_tree(tmp_path: Path):
    (tmp_path / "etc").mkdir(mode=0o700)
    (tmp_path / "etc/hosts").write_text("x" * 5000)
    (tmp_path / "link").symlink_to("etc")
    found = tree(str(tmp_path))
    assert {name: file.kind for name, file in found.items()} == {
        "etc": "folder",
        "etc/hosts": "file",
        "link": "link",
    }
    assert found["etc/hosts"].size == 5000 and found["etc/hosts"].allocated >= 5000
    assert found["etc"].mode == 0o700 and found["etc"].changed == (tmp_path / "etc").lstat().st_ctime_ns
    (tmp_path / "big").write_text("x")
    whole = tree(str(tmp_path))["etc/hosts"].allocated
    (tmp_path / "etc/again").hardlink_to(tmp_path / "etc/hosts")
    assert tree(str(tmp_path))["etc/again"].allocated == whole // 2
    assert {name: file.size for name, file in top(str(tmp_path)).items()} == {"big": 1}
    assert top(str(tmp_path / "nothing")) == {}
    assert tree(str(tmp_path / "nothing")) == {}


def test_opaque_by_attribute(tmp_path: Path):
    (tmp_path / "srv").mkdir()
    try:
        os.setxattr(tmp_path / "srv", "user.overlay.opaque", b"y")
    except OSError:
        pytest.skip("no attributes of users on this file system")
    assert tree(str(tmp_path))["srv"].kind == "opaque"


def test_read_the_folders_of_a_parent_and_those_named(tmp_path: Path):
    for name in ("lab/layers/base/etc", "lab/one/upper", "pool/image/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pool/image/big").touch()
    (tmp_path / "lab/layers/a-file").touch()
    found = read(tmp_path, "/lab/layers", ["/lab/one/upper", "/lab/nothing"], ["/pool/image"])
    assert {path: sorted(files) for path, files in found.items()} == {
        "/lab/layers/base": ["etc"],
        "/lab/one/upper": [],
        "/pool/image": ["big"],
    }


def test_diff_tells_of_files_and_not_of_folders_times():
    old = {"etc": File("folder", changed=1), "etc/hosts": File("file", 20), "a": File("file", 1)}
    new = {"etc": File("folder", changed=2), "etc/hosts": File("whiteout"), "b": File("opaque")}
    before, now = snapshot(layers={"/u": old}), snapshot(layers={"/u": new, "/new": {}})
    assert [(c.verb, c.subject, c.before, c.after) for c in diff(before, now)] == [
        ("added", "/new", None, "empty"),
        ("removed", "/u/a", "file, 1 B", None),
        ("added", "/u/b", None, "an opaque folder"),
        ("changed", "/u/etc/hosts", "file, 20 B", "a whiteout: c 0 0"),
    ]
    many = {f"f{number}": File("file") for number in range(9)}
    assert [(c.subject, c.after) for c in diff(before, snapshot(layers={"/u": old | many}))] == [
        ("/u", "9 files")
    ]
    assert from_json(to_json(now)) == now


def test_a_layer_that_no_overlay_names_any_more_is_not_removed():
    before = snapshot(layers={"/lab/x/base": {"etc": File("folder")}})
    assert [c.verb for c in diff(before, snapshot())] == ["removed"]
    for folders in ({"/lab/x/base": ("etc",)}, {"/lab/x": ("base", "other")}):
        assert list(diff(before, snapshot(folders=folders))) == []
