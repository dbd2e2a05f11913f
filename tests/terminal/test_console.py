"""The real terminal: raw while a line runs, put back in every case."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import termios
import threading
from collections.abc import Iterator

import pexpect
import pytest

from workshop.console import Console, Silent, write_all


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    ends = os.openpty()
    yield ends
    for end in ends:
        os.close(end)


def is_raw(fd: int) -> bool:
    return not termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO)


def test_raw_meanwhile_and_put_back(pty: tuple[int, int]) -> None:
    _, end = pty
    before, handler = termios.tcgetattr(end), signal.getsignal(signal.SIGTERM)
    console = Console(end, end)
    with console:
        assert is_raw(end)
    assert termios.tcgetattr(end) == before
    with pytest.raises(RuntimeError), console:
        raise RuntimeError
    assert termios.tcgetattr(end) == before
    assert signal.getsignal(signal.SIGTERM) == handler


def test_size_and_keys(pty: tuple[int, int]) -> None:
    _, end = pty
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    assert Console(end, end).size() == (33, 111)
    assert Console(end, end).keys() == end
    read, write = os.pipe()
    assert Console(read, write).keys() is None
    with Console(read, write) as console:
        console.write(b"to a pipe")
    assert os.read(read, 100) == b"to a pipe"
    os.close(read)
    os.close(write)


PROGRAM = """
import signal, sys
from workshop.console import Console
with Console() as console:
    console.write(b"raw now")
    signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_raw_terminal(number: signal.Signals) -> None:
    child = pexpect.spawn(sys.executable, ["-c", PROGRAM], timeout=20)
    before = termios.tcgetattr(child.child_fd)
    child.expect_exact("raw now")
    assert is_raw(child.child_fd)
    child.kill(number)
    child.expect(pexpect.EOF)
    # A pty's settings can be asked for on the side that is still open.
    assert termios.tcgetattr(child.child_fd) == before
    child.close()
    assert child.exitstatus == 128 + number


def test_a_slow_reader_gets_everything() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    data = bytes(range(256)) * 4096
    got = bytearray()

    def reader() -> None:
        while len(got) < len(data):
            got.extend(os.read(read, 1000))

    thread = threading.Thread(target=reader)
    thread.start()
    write_all(write, data)
    thread.join()
    assert bytes(got) == data
    os.close(read)
    os.close(write)


def test_nobodys_terminal_keeps_the_end() -> None:
    silent = Silent((10, 20))
    for _ in range(100):
        silent.write(b"0123456789" * 1000)
    silent.write(b"end")
    assert silent.output.endswith(b"89end")
    assert len(silent.output) == 64 * 1024
    assert (silent.keys(), silent.size()) == (None, (10, 20))
