"""The recordings of a rehearsal, step by step, for the rescue."""

from __future__ import annotations

from workshop.lesson import Track
from workshop.stage.lent import Takes


def takes_of(track: Track) -> Takes:
    return lambda step: None
