"""Timing in pairs, ours and theirs in turn: a machine whose speed drifts does the same wrong to both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

PAIRS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One measure. `unit` is what `goal` and `value` count: a ratio, milliseconds, MiB."""

    name: str
    ours: str
    theirs: str
    value: float
    goal: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.goal


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def pairs(
    ours: Callable[[], float], theirs: Callable[[], float], count: int = PAIRS
) -> list[tuple[float, float]]:
    """Seconds of both sides, in turn, after one turn that does not count."""
    ours(), theirs()
    return [(ours(), theirs()) for _ in range(count)]


def ratio(name: str, found: list[tuple[float, float]], goal: float) -> Row:
    """The median of the pairs' ratios, ours over theirs."""
    return Row(
        name,
        f"{statistics.median(a for a, _ in found) * 1000:.1f} ms",
        f"{statistics.median(b for _, b in found) * 1000:.1f} ms",
        statistics.median(a / b for a, b in found),
        goal,
        "×",
    )


def difference(name: str, found: list[tuple[float, float]], goal: float) -> Row:
    """The median of the pairs' differences, ours less theirs, in milliseconds."""
    return Row(
        name,
        f"{statistics.median(a for a, _ in found) * 1000:.1f} ms",
        f"{statistics.median(b for _, b in found) * 1000:.1f} ms",
        statistics.median((a - b) * 1000 for a, b in found),
        goal,
        "ms more",
    )
