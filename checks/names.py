"""Names: of hosts, of System V's and POSIX's objects. uts_namespaces(7), ipc_namespaces(7)."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import Ipc, NsKind, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed, unsupported

_OBJECTS = {"shm": "shared memory", "msg": "message queue", "sem": "semaphores"}


def own_hostname(view: View, *, name: str = "") -> Verdict:
    """The process is in a uts namespace of its own, with another host name in it than the host has.

    Evidence: `/proc/PID/ns/uts`, and the name inside each namespace. Near misses: a new namespace with
    the old name, which is where each begins; a new name without a namespace, which is the host's then.
    """
    expected = "a process with a host name of its own" + (f", {name}" if name else "")
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    was, host = view.before.hostnames.get(view.host.ns.get("uts", 0)), _name(view, view.host)
    renamed = was is not None and was != host
    if not facts.differs(view, process, "uts"):
        evidence = facts.both(view, process, "uts")
        if renamed:
            found = f"the host itself is called {host} now"
            return missed(expected, found, [*evidence, _named(view, view.host)], diagnosis="host-renamed")
        return _not_own(view, process, "uts", expected)
    evidence = (_named(view, process), _named(view, view.host))
    if renamed:
        found = f"the host itself is called {host} now, and was {was}"
        return missed(expected, found, evidence, diagnosis="host-renamed")
    inside = _name(view, process)
    if inside == host:
        found = f"a new uts namespace, but it is called {inside}, as the host is"
        return missed(expected, found, evidence, diagnosis="same-name")
    if name and inside != name:
        return missed(expected, f"it is called {inside}", evidence, diagnosis="other-name")
    return passed(expected, f"inside it is {inside}, outside {host}", evidence)


def renamed_from_outside(view: View) -> Verdict:
    """The host's shell has entered the container's uts namespace, and no other, and changed the name.

    Evidence: `/proc/PID/ns/*` beside that of a process which was in it before, and the name then and now.
    Near misses: one more namespace instead of that one; entered, but nothing changed; the host renamed.
    """
    expected = "the container's name changed by a process that shares only its uts namespace"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    own = own_hostname(view)
    if own.diagnosis == "host-renamed" or not facts.differs(view, process, "uts"):
        return missed(expected, own.found, own.evidence, diagnosis=own.diagnosis)
    inode = process.ns["uts"]
    then = {p.key: p for p in view.before.processes.values() if p.ns.get("uts") == inode and facts.alive(p)}
    inside = [p for p in view.now.processes.values() if p.key in then and p.ns.get("uts") == inode]
    evidence = [facts.ns(process, "uts"), *(facts.ns(p, "uts") for p in inside[:1])]
    if not inside:
        found = "that is one more namespace, and not the container's"
        return missed(expected, found, [*evidence, _named(view, process)], diagnosis="not-joined")
    if _came_from(view, process, {p.pid for p in inside}):
        found = "this is the container's own shell"
        return missed(expected, found, evidence, diagnosis="from-inside")
    more = [kind for kind in facts.differing(view, process) if kind != "uts"]
    if more:
        found = f"it shares the container's {', '.join(more)} as well"
        return missed(expected, found, [facts.ns(process, more[0])], diagnosis="other-namespaces")
    was, name = view.before.hostnames.get(inode), _name(view, process)
    if was == name:
        return missed(expected, f"the container is still called {name}", evidence, diagnosis="same-name")
    return passed(expected, f"the container was {was}, and is {name}", [*evidence, _named(view, process)])


def predict_segment_seen(view: View) -> Verdict:
    """Answered `yes` or `no`: whether the host sees the shared memory that the process has just made.

    Evidence: `/proc/sysvipc/shm` in the ipc namespace of the process, and whether that is the host's. Near
    miss: answered before anything was made.
    """
    expected = "whether the host sees shared memory that was made in here"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "uts"):
        return _not_own(view, process, "uts", expected)
    new = _new(view, process, "shm")
    if not new:
        found = "no shared memory was made in this step"
        return missed(expected, found, [_listed(view, process, "shm")], diagnosis="nothing-made")
    evidence = [_listed(view, process, "shm"), *facts.both(view, process, "ipc")]
    truth = "no" if facts.differs(view, process, "ipc") else "yes"
    if view.answer is None:
        return missed(expected, "no answer yet: :answer gives one")
    if view.answer.strip().casefold() != truth:
        found = f"you said {view.answer.strip()}; look at the evidence"
        return missed(expected, found, evidence, diagnosis="keys-are-ipc")
    return passed(expected, f"{truth}, as you said", evidence)


def own_ipc_object(view: View, *, kind: str = "shm") -> Verdict:
    """In an ipc namespace of its own, the process has an object of System V's: `shm`, `msg` or `sem`.

    Evidence: `/proc/PID/ns/ipc`, and `/proc/sysvipc/KIND` as it looks in there. Near misses: made on the
    host; a new namespace with nothing in it.
    """
    what = _OBJECTS.get(kind, kind)
    expected = f"{what} in an ipc namespace of its own"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    at_home = _new(view, view.host, kind)
    if not facts.differs(view, process, "ipc"):
        if at_home:
            evidence = [*facts.both(view, process, "ipc"), _listed(view, view.host, kind)]
            return missed(expected, f"the {what} is the host's", evidence, diagnosis="made-on-host")
        return _not_own(view, process, "ipc", expected)
    evidence = [_listed(view, process, kind), _listed(view, view.host, kind)]
    if not _objects(view, process, kind):
        found = f"a new ipc namespace, and no {what} in it"
        why = "made-on-host" if at_home else "nothing-made"
        return missed(expected, found, evidence, diagnosis=why)
    found = f"its {what} is in its own ipc namespace"
    return passed(expected, found, [*facts.both(view, process, "ipc"), *evidence])


def own_queue(view: View) -> Verdict:
    """The process sees the POSIX queues of its own ipc namespace at `/dev/mqueue`, and there is one.

    Evidence: the device of the mqueue file system in `/proc/PID/mountinfo`, beside that of the namespace.
    Near misses: the folder still shows the host's queues; mounted over the host's; no queue made.
    """
    expected = "a POSIX queue of its own, to be seen at /dev/mqueue"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    ours, theirs = _ipc(view, process), _ipc(view, view.host)
    if theirs is None or theirs.mqueue is None:
        return unsupported(expected, "this kernel does not tell which queues belong to whom; Linux 5.2 does")
    if not facts.differs(view, process, "ipc"):
        return _not_own(view, process, "ipc", expected)
    entry = facts.mounted_at(view.now.mounts_of(process.pid), "/dev/mqueue")
    if entry is None or ours is None or entry.fstype != "mqueue":
        return missed(expected, "no mqueue is mounted at /dev/mqueue", [facts.ns(process, "ipc")])
    evidence = [facts.mount(process, entry), *facts.both(view, process, "ipc")]
    if entry.dev != ours.mqueue:
        found = "/dev/mqueue still shows the host's queues"
        return missed(expected, found, evidence, diagnosis="old-mqueue")
    at_home = facts.mounted_at(view.now.mounts_of(view.now.host), "/dev/mqueue")
    if at_home is not None and at_home.dev == entry.dev:
        found = "it was mounted over the host's /dev/mqueue"
        return missed(
            expected, found, [*evidence, facts.mount(view.host, at_home)], diagnosis="mqueue-over-host"
        )
    if not ours.queues:
        return missed(expected, "there is no queue in it", evidence, diagnosis="nothing-made")
    names = Evidence("queues", " ".join(ours.queues), f"/proc/{process.pid}/root/dev/mqueue")
    return passed(expected, f"/{ours.queues[0]} is in its own namespace", [*evidence, names])


def own_shm(view: View) -> Verdict:
    """`/dev/shm` of the process is a file system that the host has nowhere.

    Evidence: `/proc/PID/mountinfo` of both. Near misses: the host's, inherited, as a new ipc namespace
    changes nothing here; mounted on the host; a folder of the host's.
    """
    expected = "a /dev/shm that the host does not see"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    entry = facts.mounted_at(view.now.mounts_of(process.pid), "/dev/shm")
    was = facts.mounted_at(view.before.mounts_of(view.before.host), "/dev/shm")
    theirs = view.now.mounts_of(view.now.host)
    if not facts.differs(view, process, "mnt"):
        if entry is not None and was is not None and entry.dev != was.dev:
            evidence = [facts.mount(process, entry)]
            return missed(expected, "it is mounted on the host", evidence, diagnosis="mounted-on-host")
        return _not_own(view, process, "mnt", expected)
    if entry is None:
        return missed(expected, "nothing is mounted at /dev/shm", [facts.ns(process, "mnt")])
    same = next((m for m in theirs if m.dev == entry.dev), None)
    if same is not None:
        evidence = [facts.mount(process, entry), facts.mount(view.host, same)]
        why = "shm-is-a-mount" if same.target == "/dev/shm" else "mount-leaks"
        return missed(expected, "it is a file system of the host's", evidence, diagnosis=why)
    return passed(expected, "/dev/shm is its own", [facts.mount(process, entry)])


def _not_own(view: View, process: Process, kind: NsKind, expected: str) -> Verdict:
    why = "namespace-missing" if facts.differing(view, process) else "no-new-namespace"
    found = f"the {kind} namespace is still the host's"
    return missed(expected, found, facts.both(view, process, kind), diagnosis=why)


def _name(view: View, process: Process) -> str | None:
    return view.now.hostnames.get(process.ns.get("uts", 0))


def _named(view: View, process: Process) -> Evidence:
    whose = "host name of the host" if process.pid == view.now.host else "host name inside"
    return Evidence(whose, _name(view, process) or "not readable", f"/proc/{process.pid}/ns/uts: uname(2)")


def _ipc(view: View, process: Process) -> Ipc | None:
    return view.now.ipc.get(process.ns.get("ipc", 0))


def _objects(view: View, process: Process, kind: str) -> set[tuple[int, int]]:
    ipc = _ipc(view, process)
    return set(_of(ipc, kind))


def _new(view: View, process: Process, kind: str) -> set[tuple[int, int]]:
    """The objects in its ipc namespace that were not there before the step."""
    then = view.before.ipc.get(process.ns.get("ipc", 0))
    return _objects(view, process, kind) - set(_of(then, kind))


def _of(ipc: Ipc | None, kind: str) -> list[tuple[int, int]]:
    if ipc is None:
        return []
    return list({"shm": ipc.shm, "msg": ipc.msg, "sem": ipc.sem}.get(kind, {}).items())


def _listed(view: View, process: Process, kind: str) -> Evidence:
    keys = ", ".join(f"{key:#010x}" for _, key in sorted(_objects(view, process, kind))) or "none"
    whose = "the host's" if process.ns.get("ipc") == view.host.ns.get("ipc") else "its own"
    return Evidence(
        f"{_OBJECTS.get(kind, kind)}, {whose}", keys, f"/proc/sysvipc/{kind} in ipc of {process.pid}"
    )


def _came_from(view: View, process: Process, pids: set[int]) -> bool:
    """Is it, or is it a descendant of, one of these?"""
    seen: set[int] = set()
    here: Process | None = process
    while here is not None and here.pid not in seen:
        if here.pid in pids:
            return True
        seen.add(here.pid)
        here = view.now.processes.get(here.ppid)
    return False
