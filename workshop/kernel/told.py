"""A change as one line of text: `~ pid of bash (41): 4026531836 → 4026532281  (/proc/41/ns/pid)`."""

from __future__ import annotations

from workshop.kernel.diff import Change

MARKS = {"added": "+", "removed": "-", "changed": "~"}


def sentence(change: Change) -> str:
    source = f"  ({change.source})" if change.source else ""
    return f"{MARKS[change.verb]} {change.subject}{value(change)}{source}"


def value(change: Change, arrow: str = "→") -> str:
    """What stands behind the subject: what it became."""
    match change.before, change.after:
        case None, None:
            return ""
        case _ if change.area == "processes" and change.verb == "removed":
            return " has ended"
        case (None, only) | (only, None):
            return f": {only}"
        case old, new:
            return f": {old} {arrow} {new}"
