"""A line `true`: in the session, traced, observed, judged; against bash through pexpect and nothing else."""

from __future__ import annotations

import pexpect

from bench.lab import played
from bench.pairs import PAIRS, Row, difference, pairs, timed
from workshop.shell import Silent

STEP = "process-trees/become-pid-1"


def measure() -> list[Row]:
    bash = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env={"PS1": "ready> ", "PATH": "/usr/bin:/bin"}
    )
    bash.delaybeforesend = None
    bash.expect_exact("ready> ")

    def theirs() -> float:
        def line() -> None:
            bash.sendline("true")
            bash.expect_exact("ready> ")

        return timed(line)

    try:
        with played(STEP, calls=True) as session:

            def ours() -> float:
                return timed(lambda: list(session.run("true", Silent())))

            return [difference("a line `true`, observed and judged", pairs(ours, theirs, 4 * PAIRS), 15)]
    finally:
        bash.close(force=True)
