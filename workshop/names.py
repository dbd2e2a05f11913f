"""Names of containers → pids, by the engines' own programs: docker, podman, runc."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from workshop.errors import UsageError
from workshop.frozen import frozen

PATIENCE = 5.0
"""Seconds that an engine may take to answer."""


@frozen
class Named:
    """A process, and what it was called by."""

    pid: int
    name: str
    engine: str = ""
    """Empty for a plain pid."""


def _inspect(text: str) -> int:
    return int(text.split()[0])


def _state(text: str) -> int:
    found = json.loads(text)
    return int(found["pid"]) if found.get("status") in ("running", "paused") else 0


_FORMAT = ("inspect", "--type", "container", "--format", "{{.State.Pid}}")
ENGINES: Mapping[str, tuple[tuple[str, ...], Callable[[str], int]]] = {
    "docker": (_FORMAT, _inspect),
    "podman": (_FORMAT, _inspect),
    "runc": (("state",), _state),
}
"""What to ask each for the pid of a container, and how to read the answer. 0: it does not run."""


def resolve(name: str, find: Callable[[str], Path | None] | None = None) -> Named:
    """A pid is a pid; anything else is a name, and every engine is asked for it.

    UsageError when none knows it, when two know different containers by it, and when it does not run.
    """
    if name.isascii() and name.isdigit():
        return Named(int(name), name)
    if not name or name.startswith("-"):
        raise UsageError(
            f"{name!r} is neither a pid nor a name.", "`workshop verify 812`, `workshop verify web`"
        )
    programs = {engine: path for engine in ENGINES if (path := (find or _find)(engine)) is not None}
    if not programs:
        raise UsageError(f"{name!r} is no pid, and no engine is here that could know the name.", _HINT)
    answers = _ask(programs, name)
    pids = {engine: pid for engine, pid in answers.items() if pid}
    if len(set(pids.values())) > 1:
        known = " and ".join(f"{engine}'s ({pid})" for engine, pid in pids.items())
        raise UsageError(f"{name!r} is the name of two containers: {known}.", "Name the pid instead.")
    for engine, pid in pids.items():
        return Named(pid, name, engine)
    if answers:
        engine = next(iter(answers))
        raise UsageError(
            f"{engine}'s container {name!r} does not run.", "Start it first: only processes are judged."
        )
    asked = ", ".join(programs)
    raise UsageError(f"No container is called {name!r}; asked: {asked}.", _HINT)


_HINT = "`docker ps`, `podman ps` and `runc list` show the names; a pid always does."


def _find(engine: str) -> Path | None:
    from workshop.machine import which  # not for a plain pid: that is to be fast

    return which(engine)


def _ask(programs: Mapping[str, Path], name: str) -> dict[str, int]:
    """All at once: one after the other would add up. Those that do not know the name are left out."""
    asked = {}
    for engine, path in programs.items():
        arguments, read = ENGINES[engine]
        asked[engine] = (
            read,
            subprocess.Popen(
                [str(path), *arguments, name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ),
        )
    found = {}
    for engine, (read, process) in asked.items():
        try:
            text, _ = process.communicate(timeout=PATIENCE)
            if process.returncode == 0:
                found[engine] = read(text)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        except (ValueError, KeyError, IndexError, TypeError):
            pass  # an answer that is none
    return found
