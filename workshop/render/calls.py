"""System calls → renderables: one call, and below it one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.kernel.syscalls import Call
from workshop.render.layout import indented
from workshop.render.theme import UNICODE, Signs, counted

NOISE = re.compile(
    r"child_stack=NULL, "
    r"|,? ?(?:child_tidptr|parent_tidptr|tls)=(?:0x[0-9a-f]+|NULL)"
    r"|, 0x[0-9a-f]+ /\* \d+ vars \*/"
)
"""Pointers: they say nothing to anyone who reads them here."""
MOST = 15
"""More calls than this are counted, not shown."""


def calls(
    calls: Sequence[Call] | None, why: str = "", signs: Signs = UNICODE, most: int = MOST
) -> RenderableType:
    """The system calls behind a line; None says that they could not be watched."""
    head = Text("System calls", style="label")
    if calls is None:
        return head.append(f": not shown; {why or 'they cannot be watched on this machine'}.", "none")
    if not calls:
        return head.append(": none of those that make containers.", "none")
    parts: list[RenderableType] = [head]
    for call in calls[:most]:
        parts.append(indented(_call(call)))
        if call.meaning:
            parts.append(indented(Text(call.meaning, overflow="fold"), 6))
    if len(calls) > most:
        parts.append(indented(Text(f"{signs.ellipsis} and {counted(len(calls) - most, 'more call')}.")))
    return Group(*parts)


def _call(call: Call) -> Text:
    text = Text(f"{call.pid} ", overflow="fold").append(call.name, "command")
    text.append(f"({readable_arguments(call.args)})")
    if call.error:
        return text.append(" = ").append(f"failed, {call.error}", "bad")
    return text.append(f" = {call.result}" if call.result is not None else " does not return")


def readable_arguments(args: str) -> str:
    """The arguments without pointers into the caller's memory."""
    return NOISE.sub("", args)
