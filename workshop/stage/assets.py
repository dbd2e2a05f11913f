"""The style sheets and scripts of the pages, as text."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def asset(name: str) -> str:
    return (files("workshop.stage") / "web" / "assets" / name).read_text(encoding="utf-8")
