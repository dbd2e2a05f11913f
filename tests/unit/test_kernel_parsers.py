# ruff: noqa: E501
"""Every parser of kernel text: what it understands, and that rubbish is a ValueError and nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.kernel import cgroupfs, meanings, mountinfo, procfs, storage, strace
from workshop.kernel.model import Mount

LINE = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue"
STATUS = (
    b"Name:\tbash\nUid:\t0\t1\t2\t3\nGid:\t4\t5\t6\t7\nNSpid:\t42\t1\nCapInh:\t0\nCapPrm:\t1f\nCapEff:\t1\n"
    b"CapBnd:\t3\nCapAmb:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
)

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
plain = st.text("abcdefghij/-_.:=0123456789", min_size=1, max_size=20)


def stat_line(comm: bytes, pid: int = 42, start: int = 99) -> bytes:
    rest = [
        b"S",
        b"1",
        b"42",
        b"42",
        b"34816",
        b"42",
        *[b"0"] * 11,
        b"3",
        b"0",
        b"%d" % start,
        *[b"0"] * 11,
        b"65538",
    ]
    return b"%d (%s) " % (pid, comm) + b" ".join(rest) + b" 0 0\n"


@given(words, st.integers(1, 1 << 22), st.integers(0, 1 << 60))
def test_stat_takes_any_comm(comm: str, pid: int, start: int) -> None:
    stat = procfs.parse_stat(stat_line(comm.encode(), pid, start))
    assert (stat.comm, stat.pid, stat.start) == (comm, pid, start)
    assert (stat.state, stat.ppid, stat.session, stat.tty, stat.threads) == ("S", 1, 42, 34816, 3)
    assert stat.sig_caught == 65538


@pytest.mark.parametrize(("flags", "state", "told"), [(4, "D", "X"), (0x404140, "S", "S"), (0x40C, "Z", "Z")])
def test_a_process_that_has_begun_to_exit_is_dead(flags: int, state: str, told: str) -> None:
    line = stat_line(b"sleep").replace(
        b") S 1 42 42 34816 42 0 ", b") %s 1 42 42 34816 42 %d " % (state.encode(), flags)
    )
    assert procfs.parse_stat(line).state == told


def test_status_gives_pids_and_rights() -> None:
    status = procfs.parse_status(STATUS)
    assert procfs.parse_nspids(status) == (42, 1)
    ids = procfs.parse_ids(status, b"         0     100000      65536\n", b"0 1 2\n")
    assert ids.uid == (0, 1, 2, 3) and ids.gid == (4, 5, 6, 7)
    assert (ids.cap_prm, ids.cap_eff, ids.cap_bnd) == (0x1F, 1, 3)
    assert ids.no_new_privs and (ids.seccomp, ids.seccomp_filters) == (2, 1)
    assert ids.uid_map == ((0, 100000, 65536),) and ids.gid_map == ((0, 1, 2),)


@given(st.lists(words.filter(bool), min_size=1))
def test_cmdline(args: list[str]) -> None:
    assert procfs.parse_cmdline("".join(arg + "\0" for arg in args).encode()) == tuple(args)


def test_cgroup_lines_of_a_hybrid_machine() -> None:
    text = b"4:cpu,cpuacct:/a:b\n3:memory:/x\n1:name=systemd:/\n0::/user\n"
    assert procfs.parse_cgroup(text) == {
        "cpu": "/a:b",
        "cpuacct": "/a:b",
        "memory": "/x",
        "name=systemd": "/",
        "": "/user",
    }


def test_mountinfo() -> None:
    (mount,) = mountinfo.parse(LINE + "\n")
    assert mount == Mount(
        36,
        35,
        (98, 0),
        "/mnt1",
        "/mnt 2",
        ("rw", "noatime"),
        ("master:1", "shared:7"),
        "ext3",
        "/dev/root",
        ("rw", "errors=continue"),
    )
    assert mount.propagation == "slave,shared"


def escape(text: str) -> str:
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in text)


@given(words)
def test_mountinfo_escapes_come_back(path: str) -> None:
    line = LINE.replace("/mnt\\0402", "/" + escape(path))
    assert mountinfo.parse(line)[0].target == "/" + path


@given(st.binary(max_size=200))
def test_rubbish_is_a_value_error(data: bytes) -> None:
    text = data.decode(errors="replace")
    for parse in (procfs.parse_stat, procfs.parse_id_map, procfs.parse_cgroup, procfs.parse_cmdline):
        with contextlib.suppress(ValueError):
            parse(data)
    with contextlib.suppress(ValueError):
        procfs.parse_ids(procfs.parse_status(data))
    with contextlib.suppress(ValueError):
        procfs.parse_nspids(procfs.parse_status(data))
    for reader in (mountinfo.parse, cgroupfs.parse_flat, storage.parse, strace.parse_line):
        with contextlib.suppress(ValueError):
            reader(text)


@given(st.data())
def test_damaged_lines_are_value_errors(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([LINE, stat_line(b"x").decode(), STATUS.decode()]))
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    bad = good[:start] + data.draw(st.text(max_size=3)) + good[end:]
    with contextlib.suppress(ValueError):
        mountinfo.parse(bad)
    with contextlib.suppress(ValueError):
        procfs.parse_stat(bad.encode(errors="replace"))
    with contextlib.suppress(ValueError):
        procfs.parse_ids(procfs.parse_status(bad.encode(errors="replace")))


@pytest.mark.parametrize(
    ("path", "base", "seen"),
    [
        ("/lab/demo", "/lab", "/demo"),
        ("/lab", "/lab", "/"),
        ("/laboratory", "/lab", "/../laboratory"),
        ("/", "/lab", "/.."),
        ("/a", "/", "/a"),
    ],
)
def test_cgroup_paths_as_seen_from_a_namespace(path: str, base: str, seen: str) -> None:
    assert cgroupfs.relative(path, base) == seen


def test_datasets_with_and_without_written() -> None:
    text = (
        "tank/a@s\ttype\tsnapshot\ntank/a@s\torigin\t-\ntank/a@s\tused\t0\ntank/a@s\treferenced\t114688\n"
        "tank/c\ttype\tfilesystem\ntank/c\torigin\ttank/a@s\ntank/c\tused\t5\ntank/c\twritten\t7\n"
        "tank/c\tmountpoint\t/tank/c\n"
    )
    found = storage.parse(text)
    assert found["tank/a@s"].type == "snapshot" and found["tank/a@s"].origin is None
    assert found["tank/a@s"].referenced == 114688 and found["tank/a@s"].written is None
    assert found["tank/c"].origin == "tank/a@s" and found["tank/c"].written == 7
    assert found["tank/c"].mountpoint == "/tank/c"


def test_a_zfs_that_does_not_know_written_is_asked_without() -> None:
    asked = []

    def run(argv: tuple[str, ...]) -> str:
        asked.append(argv)
        if any("written" in word for word in argv):
            raise ValueError("bad property list: invalid property 'written'")
        return "tank\ttype\tfilesystem\n"

    datasets = storage.Datasets(run, "tank")
    assert list(datasets.read()) == ["tank"] and list(datasets.read()) == ["tank"]
    assert len(asked) == 3, "found out once"


# strace


def test_strace_calls_and_halves() -> None:
    whole = strace.parse_line(
        '7 mount("a) = 1", "/m", "tmpfs", 0, NULL) = -1 EPERM (Operation not permitted)'
    )
    assert (whole.name, whole.result, whole.error) == ("mount", -1, "EPERM")
    assert strace.string(strace.split(whole.args)[0]) == "a) = 1"
    begun = strace.parse_line("8  vfork( <unfinished ...>")
    resumed = strace.parse_line("8  <... vfork resumed>)              = 2")
    assert begun.half == "begun" and resumed.half == "resumed"
    assert strace.join(begun, resumed) == strace.Line(8, "vfork", "", 2, None, "")


@pytest.mark.parametrize("line", ["", "12", "12 +++ exited with 0 +++", "12 --- SIGCHLD {} ---", "x(1) = 0"])
def test_strace_lines_that_are_no_calls(line: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        strace.parse_line(line)


@given(st.lists(words, min_size=1, max_size=5))
def test_strace_strings_come_back(texts: list[str]) -> None:
    quoted = ['"' + "".join(f"\\{ord(c):03o}" if c in '"\\\n' else c for c in text) + '"' for text in texts]
    assert [strace.string(arg) for arg in strace.split(", ".join(quoted))] == texts


@given(st.sampled_from(meanings.TRACED), st.text(max_size=80), st.one_of(st.none(), st.integers()))
def test_a_meaning_never_raises(name: str, args: str, result: int | None) -> None:
    said = meanings.meaning(name, args, result)
    assert said is None or said.endswith(".")


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("unshare", "CLONE_NEWPID", "CLONE_NEWPID: its children get a new pid namespace, it stays in its own."),
        ("unshare", "CLONE_NEWNS|CLONE_NEWUTS", "Moves to new mount and uts (host name) namespaces."),
        ("clone", "child_stack=NULL, flags=CLONE_NEWNET|SIGCHLD", "Makes a child process in a new network namespace."),
        ("clone3", "{flags=CLONE_NEWPID, exit_signal=SIGCHLD}, 88", "Makes a child process in a new pid namespace."),
        ("clone", "child_stack=0x1, flags=CLONE_VM|CLONE_THREAD", None),
        ("mount", '"none", "/", NULL, MS_REC|MS_PRIVATE, NULL', "Makes the mount / and all below it private: mounts made there stay there."),
        ("mount", '"proc", "/proc", "proc", 0, NULL', "Mounts a file system proc on /proc."),
        ("pivot_root", '".", "old"', "Makes . the root of this mount namespace and puts the old one at old."),
        ("kill", "1, 0", None),
        ("kill", "1, SIGKILL", "Sends SIGKILL to process 1."),
        ("prctl", 'PR_SET_NAME, "x"', None),
        ("openat", 'AT_FDCWD, "/etc/passwd", O_WRONLY', None),
        ("openat", 'AT_FDCWD, "/sys/fs/cgroup/a/memory.max", O_WRONLY|O_TRUNC', "Opens memory.max for writing: sets it for the cgroup /a."),
        ("mkdir", '"/tmp/x", 0777', None),
        ("mkdir", '"/sys/fs/cgroup/a", 0777', "Makes the cgroup /a."),
    ],
)  # fmt: skip
def test_meanings(name: str, args: str, said: str | None) -> None:
    assert meanings.meaning(name, args) == said


def test_looking_along_the_path_is_noise_but_a_refusal_is_not() -> None:
    args = '"/usr/bin/x", ["x"], 0x1 /* 3 vars */'
    assert meanings.meaning("execve", args, -1, "ENOENT") is None
    assert meanings.meaning("execve", args, -1, "EACCES") == (
        "Failed (permission denied): becomes the program /usr/bin/x."
    )
