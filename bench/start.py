"""From start to the first prompt, lab included, against importing the libraries any such program needs."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.guide import guide
from bench.pairs import Row, pairs, ratio, timed


def measure() -> list[Row]:
    return [ratio("start to the first prompt / importing the ui", pairs(_ours, _theirs), 2.5)]


def _ours() -> float:
    started = time.perf_counter()
    with guide():
        return time.perf_counter() - started


def _theirs() -> float:
    return timed(lambda: subprocess.run([sys.executable, "-c", "import prompt_toolkit, rich"], check=True))
