"""An OCI image layout (a folder with `oci-layout` and `index.json`) as one tar: the topmost layer wins.

OCI image spec, "Image Layout" and "Filesystem Layer": a file `.wh.NAME` in a layer removes NAME of the
layers below it, `.wh..wh..opq` empties the folder it is in.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workshop.errors import UsageError

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


def flatten(layout: Path, target: Path) -> None:
    """Write the root file system of the image in `layout` to the tar `target`."""
    paths = [_blob(layout, layer["digest"]) for layer in _manifest(layout).get("layers", [])]
    if not paths:
        raise UsageError(f"The image in {layout} has no layers.", "Was it copied completely?")
    owner: dict[str, int] = {}
    layers = []
    try:
        for number, path in enumerate(paths):
            try:
                layers.append(tarfile.open(path))  # noqa: SIM115 - all stay open until the end
            except tarfile.ReadError as error:
                raise UsageError(
                    f"The layer {path.name} of {layout} cannot be read.",
                    "Plain and gzip layers can: `skopeo copy --dest-compress-format gzip` rewrites them.",
                ) from error
            _apply(layers[-1], number, owner)
        with tarfile.open(target, "w") as out:
            for number, layer in enumerate(layers):
                for member in layer:
                    if owner.get(_clean(member.name)) == number:
                        out.addfile(member, layer.extractfile(member) if member.isreg() else None)
    finally:
        for layer in layers:
            layer.close()


def _apply(layer: tarfile.TarFile, number: int, owner: dict[str, int]) -> None:
    """Which layer each path is taken from, with one more layer on top."""
    names = [_clean(member.name) for member in layer]
    for name in names:
        folder, _, base = name.rpartition("/")
        if base == _OPAQUE:
            _drop(owner, folder, below=number, itself=False)
        elif base.startswith(_WHITEOUT):
            _drop(owner, f"{folder}/{base[len(_WHITEOUT) :]}".lstrip("/"), below=number, itself=True)
    for member, name in zip(layer, names, strict=True):
        if name and not name.rpartition("/")[2].startswith(_WHITEOUT):
            if not member.isdir():
                _drop(owner, name, below=number, itself=False)  # a file in the place of a folder
            owner[name] = number


def _drop(owner: dict[str, int], name: str, *, below: int, itself: bool) -> None:
    prefix = f"{name}/" if name else ""
    for path in [
        p for p, n in owner.items() if n < below and (p.startswith(prefix) or (itself and p == name))
    ]:
        del owner[path]


def _manifest(layout: Path) -> Mapping[str, Any]:
    """The manifest of the image for this machine; an index may lead to it by others."""
    document = _json(layout / "index.json")
    for _ in range(4):
        entries = document.get("manifests")
        if entries is None:
            return document
        here = _ARCH.get(os.uname().machine, os.uname().machine)
        fitting = [e for e in entries if e.get("platform", {}).get("architecture", here) == here]
        if not fitting:
            raise UsageError(f"The image in {layout} is not for {here}.", "Fetch it for this machine.")
        document = _json(_blob(layout, fitting[0]["digest"]))
    raise UsageError(f"The indexes in {layout} lead nowhere.", "Was it copied completely?")


def _blob(layout: Path, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise UsageError(f"{layout} names a blob {digest!r}, which is no digest.", "Make or fetch it again.")
    path = layout / "blobs" / digest.replace(":", "/")
    if not path.exists():
        raise UsageError(f"The blob {digest} is missing in {layout}.", "Was it copied completely?")
    return path


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Is the folder an OCI image layout?") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path} is not a JSON object.", "Is the folder an OCI image layout?")
    return value


def _clean(name: str) -> str:
    return name.removeprefix("./").strip("/").replace("//", "/") if name != "." else ""
