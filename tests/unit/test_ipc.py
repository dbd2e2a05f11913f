"""Reading an ipc namespace, and telling what changed in it."""

from __future__ import annotations

from pathlib import Path

from kernel_builders import HOST_NS, own, process, snapshot

from workshop.kernel import ipc
from workshop.kernel.diff import diff
from workshop.kernel.model import Ipc
from workshop.kernel.serial import from_json, to_json

TEXT = """\
       key      shmid perms                  size  cpid  lpid nattch   uid   gid
 529955295          0   644                  4096    57     0      0     0     0
        -1      32769   600                  4096    57     0      0     0     0
"""


def test_parse():
    assert ipc.parse(TEXT) == {0: 529955295, 32769: 0xFFFFFFFF}
    assert ipc.parse(TEXT.splitlines()[0]) == {}
    assert ipc.parse("") == {}


def test_read_leaves_no_file_open():
    before = sorted(Path("/proc/self/fd").iterdir())
    assert ipc.read(5).pid == 5
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_diff_tells_whose_it_is():
    inode = own("ipc")["ipc"]
    shell = process(7, ns=own("ipc"))
    before = snapshot(shell, ipc={HOST_NS["ipc"]: Ipc(1), inode: Ipc(7)})
    held = Ipc(7, shm={4: 42}, queues=("mine",))
    now = snapshot(shell, ipc={HOST_NS["ipc"]: Ipc(1, sem={0: 7}), inode: held})
    assert [(c.area, c.verb, c.subject, c.after) for c in diff(before, now)] == [
        ("ipc", "added", "semaphores 0", "key 0x00000007"),
        ("ipc", "added", "POSIX queue /mine of bash (7)", None),
        ("ipc", "added", "shared memory 4 of bash (7)", "key 0x0000002a"),
    ]
    assert [c.verb for c in diff(now, before)] == ["removed"] * 3
    assert from_json(to_json(now)) == now
