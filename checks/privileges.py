"""Who a process is, and what it may: user_namespaces(7), capabilities(7), seccomp(2), `/proc/PID/status`."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel import capabilities
from workshop.kernel.model import Ids, Mount, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed, unsupported

_SECCOMP = {0: "0 (none)", 1: "1 (strict)", 2: "2 (filter)"}
_KERNELS = frozenset({"proc", "sysfs"})


def mapped_root(view: View, *, ids: int = 1) -> Verdict:
    """The process is root in a user namespace of its own, and somebody else outside: 0 is another id there.

    `ids`: how many user and group ids there must be inside at least. Evidence: `/proc/PID/ns/user`,
    `uid_map`, `gid_map`, and the `Uid` line as the host sees it. Near misses: no map (65534), the map of the
    groups forgotten, root mapped to root, one id only.
    """
    expected = "root inside a user namespace of its own, and somebody else outside"
    expected += f", with {ids} ids or more" if ids > 1 else ""
    process, who = view.process, _who(view)
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "user"):
        found = "the user namespace is still the host's"
        evidence = [*facts.both(view, process, "user"), _uid(process, who)]
        return missed(expected, found, evidence, diagnosis="no-user-namespace")
    evidence = [facts.ns(process, "user"), _map(process, who, "uid"), _map(process, who, "gid")]
    if not who.uid_map:
        return missed(
            expected, "no ids are mapped: everybody is 65534 in there", evidence, diagnosis="no-id-map"
        )
    if not who.gid_map:
        found = "the users are mapped, but no groups"
        return missed(expected, found, evidence, diagnosis="no-group-map")
    outside = _outside(who.uid_map, 0)
    if outside is None:
        return missed(expected, "no user is mapped to 0 in there", evidence, diagnosis="nobody-is-root")
    if outside == 0:
        found = "0 inside is 0 outside: it is the host's root"
        return missed(expected, found, evidence, diagnosis="root-is-root")
    for kind, lines in (("user", who.uid_map), ("group", who.gid_map)):
        count = sum(line[2] for line in lines)
        if count < ids:
            found = f"there is only {count} {kind} id" if count == 1 else f"there are only {count} {kind} ids"
            return missed(expected, found, evidence, diagnosis="too-few-ids")
    evidence.append(_uid(process, who))
    if who.uid[1] != outside:
        found = f"there is a root inside, {outside} outside, but this process is not the one"
        return missed(expected, found, evidence, diagnosis="nobody-is-root")
    return passed(expected, f"process {process.pid} is 0 inside and {outside} outside", evidence)


def capabilities_dropped(view: View, *, names: str) -> Verdict:
    """The process is root, but without these capabilities (a list by spaces), and it cannot get them back.

    Evidence: `CapEff`, `CapBnd` of `/proc/PID/status`. Near misses: still in the bounding set, so that the
    next program has them again; root no more, which takes all of them away for another reason; root of a
    user namespace of its own, who had few rights over the host before.
    """
    expected = f"a root that has no {_listed(names.split())}, and no way back to it"
    process, who = view.process, _who(view)
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    evidence = [_set(process, who, "Eff"), _set(process, who, "Bnd")]
    wanted = capabilities.bits(names)
    lacked = _names(wanted & ~view.host.ids.cap_bnd) if view.host.ids else ()
    if lacked:
        return unsupported(expected, f"nobody on this machine has {_listed(lacked)}")
    if who.uid[1] != 0 and not who.cap_eff:
        found = "it is not root any more, and so it has no capability at all"
        return missed(expected, found, [*evidence, _uid(process, who)], diagnosis="not-root")
    kept = _names(who.cap_bnd & wanted)
    if kept:
        use = "it still has" if who.cap_eff & wanted else "the next program that it runs can have"
        return missed(expected, f"{use} {_listed(kept)}", evidence, diagnosis="not-in-bounding")
    if facts.differs(view, process, "user"):
        found = "it is in a user namespace of its own, so it is not the host's root"
        return missed(expected, found, facts.both(view, process, "user"), diagnosis="not-real-root")
    left = len(_names(who.cap_bnd))
    return passed(expected, f"gone for good: {_listed(names.split())}; {left} others are left", evidence)


def capabilities_within(view: View, *, names: str) -> Verdict:
    """The process cannot have a capability that is not in this list (by spaces): its bounding set is within.

    Evidence: `CapBnd` and `CapEff` of `/proc/PID/status`. Near miss: dropped from the effective set only.
    """
    allowed = capabilities.bits(names)
    expected = f"no more capabilities than {len(names.split())}: {names}"
    process, who = view.process, _who(view)
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    evidence = [_set(process, who, "Bnd"), _set(process, who, "Eff")]
    more = _names(who.cap_bnd & ~allowed)
    if more:
        some = _listed(more[:4]) + (f" and {len(more) - 4} more" if len(more) > 4 else "")
        use = "it has" if who.cap_eff & ~allowed else "in use is nothing more, but the next program can have"
        return missed(expected, f"{use} {some}", evidence, diagnosis="not-in-bounding")
    return passed(expected, f"it can have {len(_names(who.cap_bnd))} of them at the most", evidence)


def no_new_privs(view: View, *, unprivileged: bool = False) -> Verdict:
    """No program that the process runs can have more rights than it has: set-uid bits do nothing.

    With `unprivileged` it must also be somebody else than root. Evidence: `NoNewPrivs` of
    `/proc/PID/status`. Near misses: set for a program that has ended; root no more, but free to become root
    again by `sudo`.
    """
    expected = "no_new_privs is set" + (", for somebody who is not root" if unprivileged else "")
    process, who = view.process, _who(view)
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    if view.host.ids and view.host.ids.no_new_privs:
        return unsupported(expected, "the machine itself has it set already, for every process")
    source = f"/proc/{process.pid}/status"
    evidence = [Evidence("NoNewPrivs", str(int(who.no_new_privs)), source), _uid(process, who)]
    if not who.no_new_privs:
        found = "it may still gain rights by what it runs"
        return missed(expected, found, evidence, diagnosis="privileges-can-grow")
    if unprivileged and who.uid[1] == 0:
        return missed(expected, "it is set, but for root", evidence, diagnosis="still-root")
    return passed(expected, "nothing that it runs will ever have more rights than it has", evidence)


def seccomp_filter(view: View) -> Verdict:
    """A seccomp filter of its own stands before the system calls of the process.

    Evidence: `Seccomp` (2) and `Seccomp_filters` of `/proc/PID/status`, beside the host's. Near misses:
    the filter of a program that has ended; one that the whole machine has.
    """
    expected = "a seccomp filter of its own"
    process, who, host = view.process, _who(view), view.host.ids
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    evidence = _filters(process, who)
    if who.seccomp != 2 or (host is not None and who.seccomp_filters <= host.seccomp_filters):
        found = f"Seccomp is {_SECCOMP.get(who.seccomp, who.seccomp)}"
        found += ", and no filter is its own" if who.seccomp == 2 else ""
        return missed(expected, found, evidence, diagnosis="no-filter")
    return passed(expected, "every system call that it makes goes through a filter first", evidence)


def predict_refused(view: View, *, capability: str) -> Verdict:
    """Answered `yes` or `no`: whether a filtered root, that has the capability, may do what it is for.

    Evidence: `Seccomp` and `CapEff` of `/proc/PID/status`; the host name of its uts namespace, which is
    what it was before. Near miss: answered without a filter, or by somebody who lacks the capability anyway.
    """
    expected = "an answer from a process with a filter"
    process, who = view.process, _who(view)
    if process is None or who is None:
        return missed(expected, facts.gone(view))
    evidence = [*_filters(process, who), _set(process, who, "Eff")]
    if who.seccomp != 2:
        return missed(expected, "there is no filter", evidence, diagnosis="no-filter")
    if not who.cap_eff & capabilities.bits(capability):
        return missed(expected, f"it has no {capability}", evidence, diagnosis="not-root")
    if view.answer is None:
        return missed(expected, "the question has no answer yet")
    name = process.ns.get("uts", 0)
    then, now = view.before.hostnames.get(name), view.now.hostnames.get(name)
    evidence.append(Evidence("host name", str(now), f"/proc/{process.pid}/ns/uts"))
    refused = then is None or then == now
    right = "no" if refused else "yes"
    if view.answer != right:
        return missed(expected, f"answered {view.answer}", evidence, diagnosis="filter-comes-first")
    return passed(expected, f"it has {capability}, and the filter says no", evidence)


def masked(view: View, *, paths: str) -> Verdict:
    """Each of these paths (by spaces) of `/proc` or `/sys` is covered for the process, not for the host.

    Evidence: `/proc/PID/mountinfo`: something mounted at the path that is neither procfs nor sysfs, such as
    `/dev/null` or an empty tmpfs. What this kernel does not have need not be covered. Near misses: covered on
    the host; a bind mount of the thing on itself.
    """
    expected = f"{_listed(paths.split())} covered"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "mnt"):
        evidence = [*facts.both(view, process, "mnt")]
        theirs = view.now.mounts_of(view.now.host)
        if not any(_exposed(theirs, path) for path in _there(view, paths)):
            return missed(expected, "covered, but for everybody", evidence, diagnosis="mounted-on-host")
        return missed(
            expected, "the mount namespace is still the host's", evidence, diagnosis="no-new-namespace"
        )
    mounts, earlier = view.now.mounts_of(process.pid), view.before.mounts_of(view.before.host)
    seen: list[Evidence] = []
    for path in _there(view, paths):
        if _exposed(earlier, path) and not _exposed(view.now.mounts_of(view.now.host), path):
            found = f"{path} is covered for the host, too"
            return missed(expected, found, seen, diagnosis="mounted-on-host")
        entry = facts.covering(mounts, path)
        if entry is None:
            continue  # the root is a plain folder, without a procfs or a sysfs
        if entry.fstype in _KERNELS:
            evidence = [_on(process, entry), *seen]
            return missed(expected, f"{path} can still be read", evidence, diagnosis="not-covered")
        seen.append(_on(process, entry))
    return passed(expected, f"{_listed(_there(view, paths)) or 'nothing'}: covered", seen)


def read_only(view: View, *, paths: str) -> Verdict:
    """Each of these paths (a list by spaces) can be read by the process and not written, whoever it is.

    Evidence: the options of the mount that the path is on, in `/proc/PID/mountinfo`. Near misses: a bind
    mount that is still `rw`; read-only for the host as well, since the whole file system was made so.
    """
    expected = f"{_listed(paths.split())} read-only, for this process"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    mounts = view.now.mounts_of(process.pid)
    seen: list[Evidence] = []
    for path in _there(view, paths):
        entry = facts.covering(mounts, path)
        if entry is None or (entry.target == "/" and entry.fstype not in _KERNELS):
            continue  # the kernel's file is not there at all
        evidence = _on(process, entry)
        if "ro" not in (*entry.options, *entry.super_options):
            why = "bind-not-read-only" if entry.target == path else "not-read-only"
            return missed(expected, f"{path} can be written", [evidence, *seen], diagnosis=why)
        theirs = facts.covering(view.now.mounts_of(view.now.host), path)
        if (
            theirs is not None
            and theirs.dev == entry.dev
            and "ro" in (*theirs.options, *theirs.super_options)
        ):
            found = f"{path} is read-only for the host as well"
            return missed(expected, found, [evidence, *seen], diagnosis="read-only-for-all")
        seen.append(evidence)
    return passed(expected, f"{_listed(_there(view, paths)) or 'nothing'} cannot be written", seen)


def _who(view: View) -> Ids | None:
    return view.process.ids if view.process is not None else None


def _outside(lines: tuple[tuple[int, int, int], ...], inside: int) -> int | None:
    """What an id inside is outside."""
    for first, outer, count in lines:
        if first <= inside < first + count:
            return outer + inside - first
    return None


def _names(found: int) -> tuple[str, ...]:
    return capabilities.names(found)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _there(view: View, paths: str) -> list[str]:
    """Without those that this kernel does not have: there is nothing to hide."""
    return [path for path in paths.split() if path not in view.now.absent]


def _exposed(mounts: tuple[Mount, ...], path: str) -> bool:
    """Whether a path of `/proc` or `/sys` leads to the kernel's file, not to something mounted there."""
    entry = facts.covering(mounts, path)
    return entry is not None and entry.fstype in _KERNELS


def _on(process: Process, entry: Mount) -> Evidence:
    value = f"{entry.fstype} {entry.root} {','.join(entry.options)}"
    return Evidence(f"mount at {entry.target}", value, f"/proc/{process.pid}/mountinfo")


def _uid(process: Process, who: Ids) -> Evidence:
    return Evidence("Uid, as the host sees it", str(who.uid[1]), f"/proc/{process.pid}/status")


def _map(process: Process, who: Ids, kind: str) -> Evidence:
    lines = who.uid_map if kind == "uid" else who.gid_map
    text = "; ".join(f"{inside} {outside} {count}" for inside, outside, count in lines)
    return Evidence(f"{kind}_map", text or "empty", f"/proc/{process.pid}/{kind}_map")


def _set(process: Process, who: Ids, name: str) -> Evidence:
    value = {"Eff": who.cap_eff, "Bnd": who.cap_bnd}[name]
    return Evidence(f"Cap{name}", f"{value:016x} ({value.bit_count()})", f"/proc/{process.pid}/status")


def _filters(process: Process, who: Ids) -> list[Evidence]:
    source = f"/proc/{process.pid}/status"
    return [
        Evidence("Seccomp", _SECCOMP.get(who.seccomp, str(who.seccomp)), source),
        Evidence("Seccomp_filters", str(who.seccomp_filters), source),
    ]
