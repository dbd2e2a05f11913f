from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from workshop import images
from workshop.errors import MachineError, UsageError
from workshop.images import Tools

BUSYBOX = Path(shutil.which("busybox") or "/missing")


def tar_of(path: Path, files: dict[str, str | None], mode: str = "w") -> Path:
    """A tar with these files; None stands for a folder."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            info.size = len(text or "")
            info.mode = 0o755
            tar.addfile(info, io.BytesIO((text or "").encode()))
    return path


def contents(path: Path) -> dict[str, str | None]:
    with tarfile.open(path) as tar:
        return {
            m.name.removeprefix("./"): file.read().decode()
            if m.isreg() and (file := tar.extractfile(m))
            else None
            for m in tar
        }


def layout(folder: Path, layers: list[dict[str, str | None]], architecture: str | None = None) -> Path:
    """An OCI image layout with these layers."""

    def blob(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = folder / "blobs/sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"sha256:{digest}"

    digests = []
    for layer in layers:
        made = tar_of(folder.with_suffix(".layer"), layer, "w:gz")
        digests.append(blob(made.read_bytes()))
    manifest = {"layers": [{"digest": d} for d in digests]}
    entry: dict[str, object] = {"digest": blob(json.dumps(manifest).encode())}
    if architecture:
        entry["platform"] = {"architecture": architecture}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"manifests": [entry]}))
    return folder


def test_our_images_hold_what_the_lessons_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bash = tmp_path / "bash"
    bash.write_bytes(b"bash")
    made = images.prepare(Tools(BUSYBOX, bash))
    with tarfile.open(made["debian.tar"]) as debian, tarfile.open(made["busybox.tar"]) as busybox:
        names = set(debian.getnames())
        assert {
            "bin/sh",
            "bin/bash",
            "etc/passwd",
            "etc/group",
            "etc/hosts",
            "etc/resolv.conf",
            "etc/os-release",
        } <= names
        assert {"proc", "sys", "dev", "tmp", "root"} <= names
        assert debian.getmember("tmp").mode == 0o1777 and debian.getmember("bin/bash").mode == 0o755
        assert debian.getmember("bin/sh").linkname == "bin/busybox"
        assert "bin/bash" not in busybox.getnames() and "bin/sh" in busybox.getnames()


def test_images_are_made_once_and_again_when_busybox_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    other = tmp_path / "busybox"
    shutil.copy(BUSYBOX, other)
    made: list[Path] = []
    real = images.make
    monkeypatch.setattr(images, "make", lambda *tools: (made.append(tools[0]), real(*tools))[1])
    first = images.prepare(Tools(other, None))
    assert len(made) == 1  # both are the same without bash
    assert images.prepare(Tools(other, None)) == first and len(made) == 1
    os.utime(other, (1, 1))
    assert images.prepare(Tools(other, None)) != first and len(made) == 2
    assert not list((tmp_path / "container-workshop").glob("*.tar.*"))


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "container-workshop").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MachineError, match="cannot be written"):
        images.prepare(Tools(BUSYBOX, None))


def test_a_busybox_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="does not say which programs"):
        images.applets(Path(shutil.which("false") or ""))


def test_static_or_not(tmp_path: Path) -> None:
    assert images.is_static(BUSYBOX)
    assert not images.is_static(Path(shutil.which("env") or ""))
    assert not images.is_static(Path(__file__))
    assert not images.is_static(tmp_path / "missing")
    (tmp_path / "cut").write_bytes(b"\x7fELF")
    assert not images.is_static(tmp_path / "cut")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_is_taken_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tar_of(tmp_path / "image.tar", {"./bin": None, "./bin/sh": "sh", "./bin/bash": "bash"}, mode)
    assert images.named(path, tmp_path) == path


def test_a_folder_becomes_a_tar(tmp_path: Path) -> None:
    folder = tmp_path / "root"
    (folder / "bin").mkdir(parents=True)
    for name in ("sh", "bash"):
        (folder / "bin" / name).write_text(name)
        (folder / "bin" / name).chmod(0o755)
    assert contents(images.named(folder, tmp_path))["bin/sh"] == "sh"


def test_what_is_no_image(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    text = tmp_path / "text"
    text.write_text("hello" * 500)
    other = tar_of(tmp_path / "other.tar", {"README": "hello"})
    saved = tar_of(tmp_path / "saved.tar", {"manifest.json": "[]", "blobs": None})
    empty = tmp_path / "empty.tar"
    empty.write_bytes(b"")
    for path, said in (
        (tmp_path / "missing", "no image at"),
        (nothing, "holds no root file system"),
        (text, "is no tar file"),
        (other, "holds no root file system"),
        (saved, "comes from `docker save`"),
        (empty, "is no tar file"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            images.named(path, tmp_path)
        assert str(path) in caught.value.message and caught.value.hint
        assert "\n" not in caught.value.message


SYMLINKS = {"bin": "usr/bin", "usr/bin/sh": "/bin/dash", "usr/bin/bash": "../../opt/bash"}


def rootfs_at(folder: Path, programs: tuple[str, ...], links: dict[str, str], mode: int = 0o755) -> Path:
    for name in programs:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("program")
        (folder / name).chmod(mode)
    for name, target in links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    return folder


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize(
    ("programs", "links", "mode", "lacking"),
    [
        (("bin/sh", "bin/bash"), {}, 0o755, ""),
        (("usr/bin/dash", "opt/bash"), SYMLINKS, 0o755, ""),  # as Debian has it, /bin a link to usr/bin
        (("bin/busybox",), {"bin/sh": "busybox"}, 0o755, "no /bin/bash "),
        (("bin/bash",), {}, 0o755, "no /bin/sh "),
        (("bin/sh", "bin/bash"), {}, 0o644, "no /bin/sh and no /bin/bash "),
        (("bin/bash",), {"bin/sh": "/etc/../bin/sh"}, 0o755, "no /bin/sh "),
        ((), {"bin/sh": "/bin/true", "bin/bash": "/bin/true"}, 0o755, "no /bin/sh and no /bin/bash "),
    ],
)
def test_what_the_lessons_start_must_be_in_an_image(
    tmp_path: Path, programs: tuple[str, ...], links: dict[str, str], mode: int, lacking: str, kind: str
) -> None:
    path = rootfs_at(tmp_path / "root", programs, links, mode)
    if kind == "tar":
        with tarfile.open(tmp_path / "root.tar", "w") as tar:
            tar.add(path, ".")
        path = tmp_path / "root.tar"
    if not lacking:
        assert images.named(path, tmp_path).exists()
        return
    with pytest.raises(UsageError, match=lacking):
        images.named(path, tmp_path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_is_cut_off(tmp_path: Path, mode: str) -> None:
    path = tar_of(
        tmp_path / "cut.tar", {"bin/sh": "sh", **{f"usr/{n}": os.urandom(400).hex() for n in range(50)}}, mode
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UsageError, match="damaged"):
        images.named(path, tmp_path)


def test_layers_of_an_oci_layout(tmp_path: Path) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    layout(
        folder,
        [
            {
                "bin/sh": "old",
                "bin/bash": "bash",
                "etc/a": "a",
                "etc/b": "b",
                "opt/x/1": "1",
                "opt/x/2": "2",
                "var": None,
                "var/f": "f",
            },
            {"bin/sh": "new", "etc/.wh.a": "", "opt/x/.wh..wh..opq": "", "opt/x/3": "3", "var": "a file now"},
        ],
    )
    assert contents(images.named(folder, tmp_path)) == {
        "bin/sh": "new", "bin/bash": "bash", "etc/b": "b", "opt/x/3": "3", "var": "a file now",
    }  # fmt: skip


def test_oci_layouts_that_cannot_be_used(tmp_path: Path) -> None:
    def damaged(name: str, said: str, **how: object) -> None:
        folder = tmp_path / name
        folder.mkdir()
        layout(folder, [{"bin/sh": "sh", "bin/bash": "bash"}], "s390x" if "architecture" in how else None)
        blobs = sorted((folder / "blobs/sha256").iterdir(), key=lambda p: p.read_bytes()[:1] == b"{")
        if "index" in how:
            (folder / "index.json").write_text(str(how["index"]))
        if "layer" in how:
            blobs[0].write_bytes(b"\x28\xb5\x2f\xfd zstd")
        if "missing" in how:
            blobs[0].unlink()
        with pytest.raises(UsageError, match=said):
            images.named(folder, tmp_path)

    damaged("not-json", "cannot be read", index="{")
    damaged("not-an-object", "not a JSON object", index="[]")
    damaged("escape", "is no digest", index='{"manifests": [{"digest": "../../etc/passwd"}]}')
    damaged("zstd", "cannot be read", layer=True)
    damaged("missing", "is missing in", missing=True)
    damaged("other-machine", "is not for", architecture=True)
