"""The real program on a pty, up to its first prompt."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect

PROMPT = rb"(?s)F1(\x1b\[0m)? help.*\x1b\[\?25h"
"""The end of the first prompt: its keys are named, and the cursor is shown again."""


@contextmanager
def guide() -> Iterator[pexpect.spawn[bytes]]:
    """`workshop learn` of a new learner, at its first prompt; ended when the block is left.

    With bytecode, whatever this shell says about it: the libraries have theirs from their installation, and
    the program has it from its first start."""
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "XDG_STATE_HOME": state, "TERM": "xterm-256color"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        child = pexpect.spawn(
            sys.executable, ["-m", "workshop", "learn"], env=environment, timeout=30, dimensions=(24, 80)
        )
        child.delaybeforesend = None
        try:
            child.expect(PROMPT)
            yield child
        finally:
            child.kill(signal.SIGTERM)
            child.expect(pexpect.EOF)
            child.close()
