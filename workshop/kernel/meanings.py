"""What a system call does, in one plain sentence; `meaning(name, args, result, error)`.

None is said of calls that only make noise: looking a program up along `PATH`, starting threads, asking.
"""

from __future__ import annotations

from collections.abc import Callable

from workshop.kernel.strace import split, string

NAMESPACES = {
    "CLONE_NEWNS": "mount",
    "CLONE_NEWPID": "pid",
    "CLONE_NEWNET": "network",
    "CLONE_NEWUTS": "uts (host name)",
    "CLONE_NEWIPC": "ipc",
    "CLONE_NEWUSER": "user",
    "CLONE_NEWCGROUP": "cgroup",
    "CLONE_NEWTIME": "time",
}
ERRORS = {
    "EACCES": "permission denied",
    "EBUSY": "it is in use",
    "EEXIST": "it exists already",
    "EINVAL": "the kernel finds the arguments wrong",
    "ENODEV": "the kernel does not know this kind of file system",
    "ENOENT": "there is no such file or folder",
    "ENOEXEC": "it is no program",
    "ENOMEM": "no memory, or the first process of its pid namespace has ended",
    "ENOSPC": "a limit is reached",
    "ENOSYS": "this kernel does not have the call",
    "ENOTBLK": "it is not a block device",
    "ENOTDIR": "it is not a folder",
    "EPERM": "not permitted",
    "EROFS": "it is read-only",
    "ESRCH": "there is no such process",
    "ETXTBSY": "it is being written",
    "EAGAIN": "a limit on processes is reached",
}
MOUNT_KINDS = {
    "MS_PRIVATE": "private: mounts made there stay there",
    "MS_SLAVE": "a slave: mounts come in, none go out",
    "MS_SHARED": "shared: mounts made there show up in every copy",
    "MS_UNBINDABLE": "unbindable",
}


def meaning(name: str, args: str, result: int | None = 0, error: str | None = None) -> str | None:
    """One sentence; None for noise. Never raises: what it does not know is told by its name."""
    describe = _TABLE.get(name)
    if describe is None:
        return f"Calls {name}."
    try:
        text = describe(split(args), result, error)
    except (IndexError, ValueError):
        text = f"calls {name}"
    if text is None:
        return None
    if error:
        return f"Failed ({ERRORS.get(error, error)}): {text}."
    return f"{text[0].upper()}{text[1:]}."


Describe = Callable[[list[str], int | None, str | None], str | None]


def _flags(text: str) -> list[str]:
    return [flag.strip() for flag in text.split("|")]


def _fields(struct: str) -> dict[str, str]:
    """`{flags=…, exit_signal=SIGCHLD}`."""
    inside = struct.strip().removeprefix("{").partition("}")[0]
    return {key: value for key, _, value in (part.partition("=") for part in split(inside))}


def _new(flags: list[str]) -> str:
    """`new pid namespace` with its article, `new mount and pid namespaces`; empty without any."""
    kinds = [NAMESPACES[flag] for flag in flags if flag in NAMESPACES]
    if len(kinds) < 2:
        return "".join(f"a new {kind} namespace" for kind in kinds)
    return f"new {', '.join(kinds[:-1])} and {kinds[-1]} namespaces"


def _name(arg: str) -> str:
    return string(arg) or arg


def _clone(args: list[str], result: int | None, error: str | None) -> str | None:
    named = dict(arg.partition("=")[::2] for arg in args)
    return _child(_flags(named.get("flags", "")), result)


def _clone3(args: list[str], result: int | None, error: str | None) -> str | None:
    if error == "ENOSYS":
        return None  # the C library falls back to clone
    return _child(_flags(_fields(args[0]).get("flags", "")), result)


def _fork(args: list[str], result: int | None, error: str | None) -> str | None:
    return _child([], result)


def _child(flags: list[str], result: int | None) -> str | None:
    if "CLONE_THREAD" in flags:
        return None
    text = "makes a child process"
    if new := _new(flags):
        text += f" in {new}"
    if result is not None and result > 0:
        text += f", {result} to its parent"
    return text


def _unshare(args: list[str], result: int | None, error: str | None) -> str | None:
    flags = _flags(args[0])
    said = []
    now = [flag for flag in flags if flag in NAMESPACES and flag not in ("CLONE_NEWPID", "CLONE_NEWTIME")]
    if now:
        said.append(f"moves to {_new(now)}")
    said += [
        f"{flag}: its children get a new {kind} namespace, it stays in its own"
        for flag, kind in (("CLONE_NEWPID", "pid"), ("CLONE_NEWTIME", "time"))
        if flag in flags
    ]
    if "CLONE_FS" in flags:
        said.append("no longer shares root and folder with others")
    return "; ".join(said) or None


def _setns(args: list[str], result: int | None, error: str | None) -> str | None:
    flags = _flags(args[1])
    if "CLONE_NEWPID" in flags:
        return "enters an existing pid namespace: its next children are in it"
    kinds = [NAMESPACES[flag] for flag in flags if flag in NAMESPACES]
    return f"enters an existing {' and '.join(kinds)} namespace" if kinds else "enters an existing namespace"


def _execve(args: list[str], result: int | None, error: str | None) -> str | None:
    return None if error == "ENOENT" and "/" in args[0] else f"becomes the program {_name(args[0])}"


def _execveat(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"becomes the program {_name(args[1])}"


def _mount(args: list[str], result: int | None, error: str | None) -> str | None:
    source, target, fstype, flags = _name(args[0]), _name(args[1]), string(args[2]), _flags(args[3])
    deep = " and all below it" if "MS_REC" in flags else ""
    for flag, what in MOUNT_KINDS.items():
        if flag in flags:
            return f"makes the mount {target}{deep} {what}"
    readonly = ", read-only" if "MS_RDONLY" in flags else ""
    if "MS_REMOUNT" in flags:
        return f"changes the options of the mount {target}{readonly}"
    if "MS_MOVE" in flags:
        return f"moves the mount {source} to {target}"
    if "MS_BIND" in flags:
        return f"shows {source}{deep} at {target} too (a bind mount){readonly}"
    return f"mounts a file system {fstype or '?'} on {target}{readonly}"


def _umount(args: list[str], result: int | None, error: str | None) -> str | None:
    lazy = ", as soon as nobody uses it any more" if len(args) > 1 and "MNT_DETACH" in args[1] else ""
    return f"takes the mount {_name(args[0])} away{lazy}"


def _pivot_root(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"makes {_name(args[0])} the root of this mount namespace and puts the old one at {_name(args[1])}"


def _chroot(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"makes {_name(args[0])} its root directory; the old root is still mounted"


def _fsopen(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"begins a new mount of a file system {_name(args[0])}"


def _fsconfig(args: list[str], result: int | None, error: str | None) -> str | None:
    command = args[1]
    if command.startswith("FSCONFIG_CMD"):
        return "makes the file system of the mount that was begun" if "CREATE" in command else None
    value = string(args[3])
    return f"sets {_name(args[2])}{f' to {value}' if value else ''} for the mount that was begun"


def _fsmount(args: list[str], result: int | None, error: str | None) -> str | None:
    return "makes a mount of it that is not yet anywhere"


def _move_mount(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"puts the mount at {_name(args[3])}"


def _open_tree(args: list[str], result: int | None, error: str | None) -> str | None:
    if "OPEN_TREE_CLONE" not in args[2]:
        return None
    return f"takes a copy of the mount {_name(args[1])}, for a bind mount"


def _mount_setattr(args: list[str], result: int | None, error: str | None) -> str | None:
    fields = _fields(args[3])
    said = next((what for flag, what in MOUNT_KINDS.items() if flag in fields.get("propagation", "")), "")
    if not said and "RDONLY" in fields.get("attr_set", ""):
        said = "read-only"
    return f"makes the mount {_name(args[1])} {said}" if said else f"changes the mount {_name(args[1])}"


def _sethostname(args: list[str], result: int | None, error: str | None) -> str | None:
    return f"sets the host name of its uts namespace to {_name(args[0])}"


def _mknod(args: list[str], result: int | None, error: str | None) -> str | None:
    rest = args[1:] if args[0].startswith(("AT_FDCWD", "3", "4", "5", "6", "7", "8", "9")) else args
    what = "block" if "S_IFBLK" in rest[1] else "character" if "S_IFCHR" in rest[1] else ""
    return f"makes the {what} device node {_name(rest[0])}" if what else None


def _kill(args: list[str], result: int | None, error: str | None) -> str | None:
    if args[1] == "0":
        return None  # only asks whether it is there
    pid = int(args[0])
    whom = f"process {pid}" if pid > 0 else "all processes" if pid == -1 else f"process group {abs(pid)}"
    return f"sends {args[1]} to {whom}"


def _prctl(args: list[str], result: int | None, error: str | None) -> str | None:
    value = args[1] if len(args) > 1 else ""
    return {
        "PR_SET_PDEATHSIG": f"wants the signal {value} when its parent dies",
        "PR_SET_NO_NEW_PRIVS": "gives up gaining rights by running a set-user-id program",
        "PR_CAPBSET_DROP": f"gives up {value} for good, for itself and its children",
        "PR_CAP_AMBIENT": None if value == "PR_CAP_AMBIENT_IS_SET" else "changes its ambient capabilities",
        "PR_SET_SECCOMP": "limits the system calls that it may make",
        "PR_SET_KEEPCAPS": "keeps its capabilities when it changes user",
        "PR_SET_SECUREBITS": "changes what being root means to it",
        "PR_SET_CHILD_SUBREAPER": "becomes the parent of orphans among its descendants",
    }.get(args[0])


def _capset(args: list[str], result: int | None, error: str | None) -> str | None:
    return "changes its capabilities"


def _seccomp(args: list[str], result: int | None, error: str | None) -> str | None:
    return "limits the system calls that it may make" if "SET_MODE" in args[0] else None


def _ids(what: str) -> Describe:
    def describe(args: list[str], result: int | None, error: str | None) -> str | None:
        if what == "groups":
            return "sets its supplementary groups"
        return f"becomes {what} {next((arg for arg in args if arg != '-1'), args[0])}"

    return describe


def _bpf(args: list[str], result: int | None, error: str | None) -> str | None:
    if "CGROUP" not in "".join(args):
        return None
    return (
        "gives a cgroup a program of rules"
        if "ATTACH" in args[0]
        else "loads a program of rules for a cgroup"
    )


_CGROUP_FILES = (
    "cgroup.",
    "memory.",
    "cpu.",
    "cpuset.",
    "pids.",
    "io.",
    "freezer.",
    "devices.",
    "blkio.",
    "hugetlb.",
)


def _openat(args: list[str], result: int | None, error: str | None) -> str | None:
    path, flags = _name(args[1]), _flags(args[2])
    folder, _, name = path.rpartition("/")
    if not {"O_WRONLY", "O_RDWR"} & set(flags) or not (name.startswith(_CGROUP_FILES) or name == "tasks"):
        return None
    group = folder.removeprefix("/sys/fs/cgroup") or "/"
    if folder and not folder.startswith("/sys/fs/cgroup") and folder.startswith("/"):
        return None
    where = f"the cgroup {group}" if folder else "the cgroup it stands in"
    if name in ("cgroup.procs", "tasks", "cgroup.threads"):
        return f"opens {name} for writing: a process is moved to {where}"
    if name == "cgroup.subtree_control":
        return f"opens {name} for writing: {where} hands controllers down"
    return f"opens {name} for writing: sets it for {where}"


def _mkdir(verb: str) -> Describe:
    def describe(args: list[str], result: int | None, error: str | None) -> str | None:
        path = next((text for arg in args if (text := string(arg)) is not None), "")
        if not path.startswith("/sys/fs/cgroup/"):
            return None
        return f"{verb} the cgroup {path.removeprefix('/sys/fs/cgroup')}"

    return describe


_TABLE: dict[str, Describe] = {
    "clone": _clone,
    "clone3": _clone3,
    "fork": _fork,
    "vfork": _fork,
    "unshare": _unshare,
    "setns": _setns,
    "execve": _execve,
    "execveat": _execveat,
    "mount": _mount,
    "umount": _umount,
    "umount2": _umount,
    "pivot_root": _pivot_root,
    "chroot": _chroot,
    "fsopen": _fsopen,
    "fsconfig": _fsconfig,
    "fsmount": _fsmount,
    "move_mount": _move_mount,
    "open_tree": _open_tree,
    "mount_setattr": _mount_setattr,
    "sethostname": _sethostname,
    "setdomainname": lambda args, result, error: (
        f"sets the domain name of its uts namespace to {_name(args[0])}"
    ),
    "mknod": _mknod,
    "mknodat": _mknod,
    "kill": _kill,
    "prctl": _prctl,
    "capset": _capset,
    "seccomp": _seccomp,
    "setuid": _ids("user"),
    "setresuid": _ids("user"),
    "setreuid": _ids("user"),
    "setgid": _ids("group"),
    "setresgid": _ids("group"),
    "setregid": _ids("group"),
    "setgroups": _ids("groups"),
    "bpf": _bpf,
    "openat": _openat,
    "mkdir": _mkdir("makes"),
    "mkdirat": _mkdir("makes"),
    "rmdir": _mkdir("removes"),
    "unlinkat": _mkdir("removes"),
}
TRACED = tuple(_TABLE)
"""The calls that strace is asked for."""
