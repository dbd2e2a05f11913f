"""Docker's and podman's services, over their sockets: do they run, and which containers do they have?

A container of the demo (`docker run -d debian true`) is made in the machine's engine and outlives the lab.
The ids there at the beginning are in the ledger; of the new ones, those that are the demo's are removed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workshop.ledger import Entry

SOCKETS: Mapping[str, tuple[str, ...]] = {
    "docker": ("/run/docker.sock", "/var/run/docker.sock"),
    "podman": ("/run/podman/podman.sock",),
}
"""Where an engine listens; Docker's API is podman's too."""
NAMES = tuple(SOCKETS)

_DEMO_COMMANDS = ("true", "/bin/true")
_DEMO_IMAGES = ("debian", "debian:latest", "docker.io/library/debian", "docker.io/library/debian:latest")
_SECONDS = 2.0


def socket_of(name: str) -> Path | None:
    """The socket of an engine that answers."""
    for path in SOCKETS[name]:
        if _ask(path, "GET", "/_ping", seconds=0.3) is not None:
            return Path(path)
    return None


def containers(path: str) -> Mapping[str, Mapping[str, Any]] | None:
    """All containers of an engine, running or not, by id; None when it does not answer."""
    text = _ask(path, "GET", "/containers/json?all=1")
    if text is None:
        return None
    try:
        return {str(item["Id"]): item for item in json.loads(text)}
    except (ValueError, KeyError, TypeError):
        return None


def note(name: str, path: Path) -> Entry:
    """What to write down before a lab begins: the containers that are there, and are not ours."""
    there = containers(str(path)) or {}
    return Entry("engine", name, {"socket": str(path), "before": " ".join(sorted(there))})


def remove(entry: Entry) -> str:
    """Remove the demo's containers: new since the entry was written, of its image, with its command."""
    path = entry.proof.get("socket", "")
    before = set(entry.proof.get("before", "").split())
    problems = []
    for id_, item in (containers(path) or {}).items():
        if id_ not in before and is_demo(item) and _ask(path, "DELETE", f"/containers/{id_}?force=1") is None:
            problems.append(id_[:12])
    return f"could not remove {', '.join(problems)}" if problems else ""


def is_demo(item: Mapping[str, Any]) -> bool:
    """Was the container made by the demo's line? Its image and its command say so."""
    command = item.get("Command", "")
    words = " ".join(command) if isinstance(command, list) else str(command)
    return item.get("Image") in _DEMO_IMAGES and words in _DEMO_COMMANDS


def _ask(path: str, method: str, what: str, seconds: float = _SECONDS) -> str | None:
    """One request over a Unix socket; the body of a good answer, else None."""
    request = f"{method} {what} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
    chunks = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(request)
            while chunk := connection.recv(65536):
                chunks.append(chunk)
    except OSError:
        return None
    head, _, body = b"".join(chunks).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if not status or not status[0].startswith(b"2"):
        return None
    return os.fsdecode(body)
