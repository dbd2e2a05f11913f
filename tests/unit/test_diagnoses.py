"""The real errors, as programs really print them: each is known by one diagnosis, and by the right one."""

from __future__ import annotations

import re

import pytest

from workshop.parse import load
from workshop.printed import best, errors

KNOWN = load().diagnoses
PROCS = "echo $$ > /sys/fs/cgroup/box/cgroup.procs"
SUBTREE = "echo +memory > cgroup.subtree_control"
OVERLAY = "mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m"
MAP = "echo 0 1000 1 > /proc/812/gid_map"
BIND = "mount --bind /lab/data /data"
DMESG = "\r\n       dmesg(1) may have more information after failed mount system call."
WRONG_FS = "wrong fs type, bad option, bad superblock on"
OR_ELSE = ", missing codepage or helper program, or other error."

PRINTED: tuple[tuple[str, str, str], ...] = (
    # what is shown, what was typed, what was printed
    # -- namespaces and processes
    ("forgot-fork", "ls", "bash: fork: Cannot allocate memory"),
    ("forgot-fork", "ls", "-bash: fork: Cannot allocate memory"),
    ("forgot-fork", "./run", "./run: line 2: fork: Cannot allocate memory"),
    ("forgot-fork", "ls", "sh: can't fork: Cannot allocate memory"),
    ("forgot-fork", "unshare -pf ls", "unshare: fork failed: Cannot allocate memory"),
    ("forgot-fork", "python3 x", "OSError: [Errno 12] Cannot allocate memory"),
    ("cannot-fork", "ls", "sh: 1: Cannot fork"),
    ("nsenter-gone", "nsenter -t 9 -p", "nsenter: cannot open /proc/9/ns/pid: No such file or directory"),
    ("nsenter-gone", "nsenter -t 9 -a", "nsenter: stat of /proc/9/ns/user failed: No such file or directory"),
    ("nsenter-gone", "nsenter -t 9 -p", "nsenter: can't open '/proc/9/ns/pid': No such file or directory"),
    ("nsenter-gone", "nsenter -t 9 --root", "nsenter: cannot open /proc/9/root: No such file or directory"),
    ("nsenter-gone", "nsenter -t $P -a", "nsenter: failed to parse pid: '--all'"),
    ("nsenter-gone", "nsenter -a", "nsenter: no target PID specified for --all"),
    ("not-permitted", "unshare -m sh", "unshare: unshare failed: Operation not permitted"),
    ("not-permitted", "unshare -m sh", "unshare: unshare(0x20000): Operation not permitted"),
    ("capability-missing", "mount -t tmpfs a /mnt", "mount: /mnt: must be superuser to use mount." + DMESG),
    ("capability-missing", "mount -t tmpfs a /mnt", "mount: permission denied (are you root?)"),
    (
        "capability-missing",
        "chroot /",
        "chroot: cannot change root directory to '/': Operation not permitted",
    ),
    ("capability-missing", "chroot /", "chroot: can't change root directory to '/': Operation not permitted"),
    ("capability-missing", "hostname x", "hostname: you must be root to change the host name"),
    ("capability-missing", "hostname x", "hostname: sethostname: Operation not permitted"),
    ("capability-missing", "ip link add br0 type bridge", "RTNETLINK answers: Operation not permitted"),
    ("too-many-namespaces", "unshare -n", "unshare: unshare failed: No space left on device"),
    ("too-many-namespaces", "unshare -n", "unshare: unshare(0x40000000): No space left on device"),
    (
        "user-namespaces-closed",
        "unshare -Ur",
        "unshare: write failed /proc/self/uid_map: Operation not permitted",
    ),
    ("map-twice", MAP, "bash: echo: write error: Operation not permitted"),
    ("map-twice", MAP, "sh: write error: Operation not permitted"),
    ("map-twice", "echo 0 0 1 | tee /proc/8/gid_map", "tee: /proc/8/gid_map: Operation not permitted"),
    ("proc-not-permitted", "mount -t proc proc /proc", "mount: /proc: permission denied." + DMESG),
    ("proc-not-permitted", "mount -t proc proc /proc", "mount: permission denied (are you root?)"),
    (
        "proc-not-permitted",
        "unshare -Ur --mount-proc",
        "unshare: mount /proc failed: Operation not permitted",
    ),
    ("killed", "tail /dev/zero", "Killed"),
    ("moved-program", "mount -t proc proc /proc", "bash: /usr/bin/mount: No such file or directory"),
    ("mydocker-no-image", "./mydocker.sh run -d one base sleep 9", "mydocker: no image base"),
    ("mydocker-exists", "./mydocker.sh run one base ls", "mydocker: there is a container one already"),
    (
        "no-job-control",
        "bash",
        "bash: cannot set terminal process group (-1): Inappropriate ioctl for device",
    ),
    ("no-job-control", "bash", "bash: no job control in this shell"),
    ("no-job-control", "sh", "sh: can't access tty; job control turned off"),
    # -- roots and mounts
    ("no-such-program", "chroot r", "chroot: failed to run command ‘/bin/bash’: No such file or directory"),
    ("no-such-program", "chroot r", "chroot: can't execute '/bin/bash': No such file or directory"),
    ("no-such-program", "unshare -R r bash", "unshare: failed to execute bash: No such file or directory"),
    ("no-such-program", "r/run", "bash: r/run: cannot execute: required file not found"),
    ("wrong-folder", "chroot r", "chroot: cannot change root directory to 'r': No such file or directory"),
    ("wrong-folder", "chroot r", "chroot: can't change root directory to 'r': No such file or directory"),
    (
        "wrong-folder",
        "unshare -R r",
        "unshare: cannot change root directory to 'r': No such file or directory",
    ),
    (
        "pivot-no-mount-point",
        "pivot_root . old",
        "pivot_root: failed to change root from `.' to `old': Device or resource busy",
    ),
    ("pivot-no-mount-point", "pivot_root . old", "pivot_root: (null): Device or resource busy"),
    (
        "pivot-refused",
        "pivot_root . old",
        "pivot_root: failed to change root from `.' to `old': Invalid argument",
    ),
    ("pivot-refused", "pivot_root . old", "pivot_root: (null): Invalid argument"),
    (
        "pivot-no-folder",
        "pivot_root . old",
        "pivot_root: failed to change root from `.' to `old': No such file or directory",
    ),
    ("old-root-busy", "umount /old", "umount: /old: target is busy."),
    ("old-root-busy", "umount /old", "umount: can't unmount /old: Device or resource busy"),
    ("mount-busy", "umount /lab/m", "umount: /lab/m: target is busy."),
    ("mount-busy", "umount /lab/m", "umount: can't unmount /lab/m: Device or resource busy"),
    ("no-proc", "ps", "Error, do this: mount -t proc proc /proc"),
    (
        "no-proc",
        "free",
        "Error: /proc must be mounted\r\n  To mount /proc at boot you need an /etc/fstab line",
    ),
    ("no-proc", "ps", "ps: can't open '/proc': No such file or directory"),
    ("no-proc", "free", "free: can't open '/proc/meminfo': No such file or directory"),
    ("old-proc", "ps", "fatal library error, lookup self"),
    (
        "propagation-in-chroot",
        "unshare -m",
        "unshare: cannot change root filesystem propagation: Invalid argument",
    ),
    (
        "propagation-in-chroot",
        "unshare -m",
        "unshare: can't mount none on / (flags:0x44000): Invalid argument",
    ),
    ("volume-after-root", BIND, "mount: /data: special device /lab/data does not exist." + DMESG),
    ("volume-after-root", BIND, "mount: mounting /lab/data on /data failed: No such file or directory"),
    ("no-mount-point", BIND, "mount: /data: mount point does not exist." + DMESG),
    ("device-no-dev", "echo > /dev/null", "bash: /dev/null: Permission denied"),
    ("device-no-dev", "echo > /dev/null", "sh: can't create /dev/null: Permission denied"),
    ("device-no-dev", "echo > /dev/null", "sh: 1: cannot create /dev/null: Permission denied"),
    ("device-no-dev", "cat /dev/zero", "cat: /dev/zero: Permission denied"),
    # -- layers
    ("overlay-no-folder", OVERLAY, "mount: /lab/m: special device overlay does not exist." + DMESG),
    ("overlay-no-folder", OVERLAY, "mount: mounting overlay on m failed: No such file or directory"),
    (
        "overlay-no-folder",
        OVERLAY,
        "mount: /lab/m: fsconfig() failed: overlay: failed to resolve 'l': -2." + DMESG,
    ),
    ("overlay-bad-work", OVERLAY, f"mount: /lab/m: {WRONG_FS} overlay{OR_ELSE}{DMESG}"),
    ("overlay-bad-work", OVERLAY.replace(" overlay -o", " none -o"), f"mount: /m: {WRONG_FS} none{OR_ELSE}"),
    ("overlay-bad-work", OVERLAY, "mount: mounting overlay on m failed: Invalid argument"),
    (
        "overlay-bad-work",
        OVERLAY,
        "mount: /m: fsconfig() failed: overlay: workdir and upperdir must reside under the same mount.",
    ),
    ("overlay-user-xattr", "rm -r m/d", "rm: cannot remove 'm/d': Input/output error"),
    ("overlay-user-xattr", "rm -r m/d", "rm: can't remove 'm/d': Input/output error"),
    ("no-file-system", "mount -o loop img m", f"mount: /m: {WRONG_FS} /dev/loop0{OR_ELSE}{DMESG}"),
    (
        "dependent-clones",
        "zfs destroy tank/images/debian@latest",
        "cannot destroy 'tank/images/debian@latest': snapshot has dependent clones",
    ),
    ("clone-of-dataset", "zfs clone tank/a tank/b", "cannot open 'tank/a': operation not applicable"),
    ("rollback-needs-snapshot", "zfs rollback tank/a", "cannot open 'tank/a': operation not applicable"),
    # -- control groups
    ("inner-processes", PROCS, "bash: echo: write error: Device or resource busy"),
    ("inner-processes", SUBTREE, "bash: line 3: echo: write error: Device or resource busy"),
    ("inner-processes", SUBTREE, "sh: write error: Device or resource busy"),
    ("inner-processes", "echo 8 | tee b/cgroup.procs", "tee: b/cgroup.procs: Device or resource busy"),
    ("not-handed-down", "echo 1M > box/memory.max", "bash: box/memory.max: Permission denied"),
    ("not-handed-down", "echo 1M > box/memory.max", "sh: can't create box/memory.max: Permission denied"),
    ("not-handed-down", "echo 1M > box/memory.max", "sh: 1: cannot create box/memory.max: Permission denied"),
    ("not-handed-down", "echo 9 | tee box/pids.max", "tee: box/pids.max: Permission denied"),
    ("controller-not-here", SUBTREE, "bash: echo: write error: No such file or directory"),
    ("controller-not-here", SUBTREE, "sh: write error: No such file or directory"),
    ("controller-not-here", SUBTREE.replace("+", ""), "bash: echo: write error: Invalid argument"),
    ("cpuset-is-empty", PROCS, "bash: echo: write error: No space left on device"),
    ("cpuset-is-empty", "echo 8 | tee box/tasks", "tee: box/tasks: No space left on device"),
    ("no-such-member", PROCS, "bash: echo: write error: No such process"),
    ("no-such-member", PROCS, "sh: write error: No such process"),
    ("other-versions-file", "echo 1 > b/notify_on_release", "bash: b/notify_on_release: Permission denied"),
    (
        "other-versions-file",
        "./old.py",
        "open /sys/fs/cgroup/box/notify_on_release: permission denied",
    ),
    (
        "other-versions-file",
        "echo 9 > b/memory.limit_in_bytes",
        "bash: b/memory.limit_in_bytes: Permission denied",
    ),
    (
        "other-versions-file",
        "cat memory.limit_in_bytes",
        "cat: memory.limit_in_bytes: No such file or directory",
    ),
    (
        "other-versions-file",
        "echo 9 > /sys/fs/cgroup/memory/box/memory.max",
        "bash: /sys/fs/cgroup/memory/box/memory.max: Permission denied",
    ),
    ("other-versions-file", "cgcreate -g memory:x", "cgcreate: can't create cgroup x: Cgroup is not mounted"),
    ("fork-refused", "ls", "bash: fork: retry: Resource temporarily unavailable"),
    ("fork-refused", "ls", "sh: can't fork: Resource temporarily unavailable"),
    ("fork-refused", "unshare -pf ls", "unshare: fork failed: Resource temporarily unavailable"),
    (
        "group-busy",
        "rmdir /sys/fs/cgroup/box",
        "rmdir: failed to remove '/sys/fs/cgroup/box': Device or resource busy",
    ),
    ("group-busy", "rmdir /sys/fs/cgroup/box", "rmdir: '/sys/fs/cgroup/box': Device or resource busy"),
    ("folder-busy", "rmdir old", "rmdir: failed to remove 'old': Device or resource busy"),
    (
        "rm-on-cgroupfs",
        "rm -r box",
        (
            "rm: cannot remove 'box/cgroup.events': Operation not permitted\r\n"
            "rm: cannot remove 'box/cpu.stat': Operation not permitted"
        ),
    ),
    ("rm-on-cgroupfs", "rm -r box", "rm: can't remove 'box/cgroup.procs': Operation not permitted"),
    # -- networks
    ("link-exists", "ip link add br0 type bridge", "RTNETLINK answers: File exists"),
    ("link-exists", "ip address add 10.0.0.1/24 dev br0", "Error: ipv4: Address already assigned."),
    ("link-exists", "ip addr add 10.0.0.1/24 dev br0", "ip: RTNETLINK answers: File exists"),
    ("no-such-process", "ip link set v netns 99", "RTNETLINK answers: No such process"),
    ("no-such-process", "ip link set v netns 99", "ip: RTNETLINK answers: No such process"),
    ("no-netns", "ip -n box link", 'Cannot open network namespace "box": No such file or directory'),
    ("no-netns", "ip link set v netns box", 'Error: argument "box" is wrong: Invalid "netns" value\r\n'),
    ("netns-name-taken", "ip netns add x1", 'Cannot create namespace file "/run/netns/x1": File exists'),
    ("no-such-link", "ip link set br1 up", 'Cannot find device "br1"'),
    ("no-such-link", "ip link show br1", 'Device "br1" does not exist.'),
    ("no-such-link", "ip addr add 10.0.0.1 dev br1", "ip: can't find device 'br1'"),
    ("no-such-link", "ip link set v master br1", 'Error: argument "br1" is wrong: Device does not exist\r\n'),
    ("invalid-gateway", "ip route add default via 9.9.9.9", "Error: Nexthop has invalid gateway."),
    ("invalid-gateway", "ip route add default via 10.0.5.9", "Error: Device for nexthop is not up."),
    ("invalid-gateway", "ip route add default via 9.9.9.9", "ip: RTNETLINK answers: Network is unreachable"),
    ("lo-down", "ping -c 1 127.0.0.1", "ping: connect: Network is unreachable"),
    (
        "lo-down",
        "ping 127.0.0.1",
        "PING 127.0.0.1 (127.0.0.1): 56 data bytes\r\nping: sendto: Network is unreachable",
    ),
    ("no-route", "ping -c 1 10.10.1.2", "ping: connect: Network is unreachable"),
    ("no-route", "ping 10.10.1.2", "ping: sendto: Network is unreachable"),
    ("no-route", "echo > /dev/tcp/9.9.9.9/80", "bash: connect: Network is unreachable"),
    (
        "no-route",
        "wget http://9.9.9.9/",
        "wget: can't connect to remote host (9.9.9.9): Network is unreachable",
    ),
    ("no-route", "python3 x", "OSError: [Errno 101] Network is unreachable"),
    (
        "echo-lost",
        "ping -c 1 10.0.0.7",
        "--- 10.0.0.7 ping statistics ---\r\n1 packets transmitted, 0 received, 100% packet loss, time 0ms",
    ),
    ("echo-lost", "ping -c 1 10.0.0.7", "1 packets transmitted, 0 packets received, 100% packet loss"),
    (
        "router-lost",
        "ping -c 1 10.10.1.2",
        (
            "From 10.10.0.1 icmp_seq=1 Destination Net Unreachable\r\n\r\n"
            "--- 10.10.1.2 ping statistics ---\r\n"
            "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms"
        ),
    ),
    (
        "no-docker-here",
        "docker ps",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ),
    ("no-dns", "ping web.example", "ping: web.example: Temporary failure in name resolution"),
    ("no-dns", "ping web.example", "ping: bad address 'web.example'"),
    ("no-dns", "curl http://web", "curl: (6) Could not resolve host: web"),
    ("no-dns", "wget http://web", "wget: unable to resolve host address ‘web’"),
    ("name-too-long", "ip link add …", "Error: Attribute failed policy validation."),
    (
        "name-too-long",
        "ip link add …",
        'Error: argument "veth-of-the-first-container" is wrong: "name" not a valid ifname',
    ),
    ("port-taken", "busybox httpd -p 80", "httpd: bind: Address already in use"),
    ("port-taken", "python3 -m http.server 80", "OSError: [Errno 98] Address already in use"),
    (
        "port-taken",
        "nginx -c /lab/nginx.conf",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
    ),
    (
        "upstream-missing",
        "nginx -c /lab/nginx.conf",
        'nginx: [emerg] open() "/lab/upstream.conf" failed (2: No such file or directory) in /lab/n:9',
    ),
)

OTHERS: tuple[tuple[str, str], ...] = (
    # what was typed, what was printed: an error with another cause, or none at all
    ("grep -r Cannot notes nope", "notes:bash: fork: Cannot allocate memory\r\ngrep: nope: No such file"),
    ("cat notes nope", "7 RTNETLINK answers: File exists\r\ncat: nope: No such file or directory"),
    ("grep -n busy notes; false", "3:umount: /old: target is busy."),
    ("echo x > /full/file", "bash: echo: write error: No space left on device"),
    ("echo x > /dev/full", "bash: echo: write error: No space left on device"),
    ("echo 1 > /proc/sys/kernel/pid_max", "bash: echo: write error: Invalid argument"),
    ("echo 1 > /sys/block/x", "bash: echo: write error: Operation not permitted"),
    ("echo 1 > /etc/shadow", "bash: /etc/shadow: Permission denied"),
    ("cat /etc/shadow", "cat: /etc/shadow: Permission denied"),
    ("rm /proc/1/comm", "rm: cannot remove '/proc/1/comm': Operation not permitted"),
    ("rm nope", "rm: cannot remove 'nope': No such file or directory"),
    ("mkdir d", "mkdir: cannot create directory ‘d’: File exists"),
    ("mkdir a/b", "mkdir: cannot create directory ‘a/b’: No such file or directory"),
    ("ls nope", "ls: cannot access 'nope': No such file or directory"),
    ("chroot f", "chroot: cannot change root directory to 'f': Not a directory"),
    ("mount -t nofs x /mnt", "mount: /mnt: unknown filesystem type 'nofs'."),
    ("mount /dev/sdb /mnt", f"mount: /mnt: {WRONG_FS} /dev/sdb{OR_ELSE}"),
    ("umount /mnt", "umount: /mnt: not mounted."),
    ("ip addr add 10.0.0.300/24 dev d0", 'Error: any valid prefix is expected rather than "10.0.0.300/24".'),
    ("ip link add a/b type bridge", 'Error: argument "a/b" is wrong: "name" not a valid ifname'),
    ("ping -c 2 10.0.0.7", "2 packets transmitted, 1 received, 50% packet loss, time 1001ms"),
    (
        "curl http://127.0.0.1",
        "curl: (7) Failed to connect to 127.0.0.1 port 80 after 0 ms: Couldn't connect",
    ),
    ("kill 99", "bash: kill: (99) - No such process"),
    ("nginx", 'nginx: [emerg] unknown directive "lisen" in /lab/nginx.conf:3'),
    ("kill -9 $!; false", "[1]+  Killed                  sleep 1000"),
    ("echo Killed by whom; false", "Killed by whom"),
    ("unshare --map-auto -U", "unshare: failed to execute newuidmap: Permission denied"),
    ("zsf list", "bash: zsf: command not found"),
    ("grep x notes", ""),
)


def told(line: str, output: str, status: int | None = 1) -> list[str]:
    return [each.id for each in best(errors(KNOWN.values(), line, output + "\r\n", status))]


@pytest.mark.parametrize(("wanted", "line", "output"), PRINTED)
def test_an_error_has_one_diagnosis(wanted: str, line: str, output: str) -> None:
    assert told(line, output) == [wanted]


@pytest.mark.parametrize(("line", "output"), OTHERS)
def test_what_only_looks_alike_has_none(line: str, output: str) -> None:
    assert told(line, output) == []


@pytest.mark.parametrize(("wanted", "line", "output"), PRINTED)
def test_a_line_that_succeeded_has_none(wanted: str, line: str, output: str) -> None:
    assert told(line, output, 0) == []
    assert told(line, output, None) == [wanted], "a shell was entered, and complained"


def test_every_diagnosis_with_a_message_was_seen() -> None:
    """So nobody adds a pattern that has never met the program's own words."""
    elsewhere = {"no-such-folder", "no-parent", "dataset-exists", "dataset-has-children", "dataset-busy"}
    assert {each.id for each in KNOWN.values() if each.message} == {row[0] for row in PRINTED} | elsewhere


def test_colours_and_titles_are_not_in_the_way() -> None:
    assert told("ls", "\x1b[?2004l\x1b]0;title\x07\x1b[1mbash: fork: Cannot allocate memory\x1b[0m") == [
        "forgot-fork"
    ]


def test_of_two_errors_the_first_comes_first() -> None:
    two = 'Cannot find device "br0"\r\nError: Nexthop has invalid gateway.'
    assert told("ip link set br0 up; ip route add default via 10.0.0.1", two) == [
        "no-such-link",
        "invalid-gateway",
    ]


def test_the_better_one_wins() -> None:
    """What is vague steps back for what a check or another message says more exactly."""
    ping = errors(KNOWN.values(), "ping 10.0.0.2", "2 packets transmitted, 0 received, 100% packet loss", 1)
    assert [each.id for each in best([KNOWN["forward-off"], *ping])] == ["forward-off"]
    pivot = errors(KNOWN.values(), "pivot_root . old", "pivot_root: failed …: Invalid argument", 1)
    assert [each.id for each in best([KNOWN["pivot-shared"], *pivot])] == ["pivot-shared"]
    assert [each.id for each in best([KNOWN["no-new-namespace"], *pivot])] == [
        "no-new-namespace",
        "pivot-refused",
    ]


@pytest.mark.parametrize("name", KNOWN)
def test_two_sentences_at_the_most_and_a_way_out(name: str) -> None:
    each = KNOWN[name]
    assert set(each.unless) <= set(KNOWN) - {name}
    assert each.cause and each.remedy and not each.title.endswith(".")
    plain = re.sub(r"`[^`]*`", "x", each.cause)
    assert len(re.findall(r"[.!?](?=\s|$)", plain)) <= 2, plain
