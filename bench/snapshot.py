"""A snapshot of everything with 2,000 processes against `lsns` alone, and whether it grows linearly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bench.pairs import PAIRS, Row, pairs, ratio, timed
from workshop.kernel.collect import Collector, Reader


def measure() -> list[Row]:
    rows = []
    with _processes(2000):
        with closing(Collector(Reader())) as collector:
            warm = pairs(lambda: timed(collector.collect), _lsns, PAIRS)
        rows.append(ratio("a snapshot, 2,000 processes / lsns", warm, 0.2))
        # It reads three times what lsns reads, and happens once, while the lab is being made.
        rows.append(ratio("the first one of a program / lsns", pairs(_cold, _lsns, PAIRS), 1.5))
    with _processes(500) as _, closing(Collector(Reader())) as few:
        small = [timed(few.collect) for _ in range(PAIRS + 1)][1:]
    with _processes(4000) as _, closing(Collector(Reader())) as many:
        large = [timed(many.collect) for _ in range(PAIRS + 1)][1:]
    rows.append(
        ratio(
            "eight times the processes / eight times the time",
            [(b, a * 8) for a, b in zip(small, large, strict=True)],
            1.0,
        )
    )
    return rows


def _cold() -> float:
    def once() -> None:
        with closing(Collector(Reader())) as collector:
            collector.collect()

    return timed(once)


def _lsns() -> float:
    return timed(lambda: subprocess.run(["lsns"], check=True, stdout=subprocess.DEVNULL))


@contextmanager
def _processes(count: int) -> Iterator[None]:
    """`count` more processes, all of one shell."""
    script = f"for i in $(seq {count}); do sleep 3600 & done; echo; wait"
    shell = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, process_group=0)
    assert shell.stdout is not None
    shell.stdout.readline()
    try:
        yield
    finally:
        subprocess.run(["kill", "-9", "--", f"-{shell.pid}"], check=True)
        shell.wait()
