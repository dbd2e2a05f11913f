"""`packages.txt`: which package of the system gives what, in each release that is known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from workshop.frozen import frozen

FILE = Path(__file__).with_name("packages.txt")


@frozen
class Package:
    need: str
    """`required`, `wanted`, `machine`, `offered` …: the table says what they mean."""
    capability: str
    """Empty: the workshop itself needs it."""
    names: Mapping[str, str]
    """Release (`debian-12`) to the package's name there."""


def parse(text: str) -> tuple[Package, ...]:
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    header = next(line for line in text.splitlines() if line.startswith("# need ")).split()[3:]
    return tuple(
        Package(
            need,
            "" if capability == "-" else capability,
            {r: n for r, n in zip(header, names, strict=True) if n != "-"},
        )
        for need, capability, *names in rows
    )


@cache
def packages() -> tuple[Package, ...]:
    return parse(FILE.read_text(encoding="utf-8"))


@cache
def release(path: Path = Path("/etc/os-release")) -> str:
    """The release this machine runs, as the columns of the table are named: os-release(5)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = {k: v.strip("\"'") for k, _, v in (line.partition("=") for line in lines)}
    return f"{values.get('ID', '')}-{values.get('VERSION_ID', '')}"


def package_for(capability: str, on: str | None = None) -> str:
    """The package that gives a capability here (the newest name on an unknown release); empty: none does."""
    for package in packages():
        if package.capability == capability:
            return package.names.get(on or release()) or list(package.names.values())[-1]
    return ""
