"""What went over the links, by what the kernel counted: `/proc/PID/net/snmp` of each network namespace."""

from __future__ import annotations

from checks import _facts as facts
from checks import _networks as nets
from checks._networks import Place
from workshop.kernel.model import Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

RESOLV = "/etc/resolv.conf"


def pinged(view: View, *, source: str, target: str, via: str = "") -> Verdict:
    """A ping from `source` reached `target` and came back; `via` names who passed it on.

    Evidence: echo replies counted in `source`, requests in `target`, and packets forwarded by `via` (a
    list by spaces), all of `/proc/PID/net/snmp`. Near misses: no route, no forwarding, no way back: the
    first that is broken is named.
    """
    expected = f"a ping from {source} to {target} that comes back"
    names = (source, target, *via.split())
    places = [nets.find(view, name) for name in names]
    for name, place in zip(names, places, strict=True):
        if place is None:
            return nets.no_such(expected, name)
    here, there, *routers = (place for place in places if place is not None)
    mine, theirs = nets.since(view, here), nets.since(view, there)
    evidence = [
        nets.counted(view, here, "replies"),
        nets.counted(view, there, "was_asked"),
        *(nets.counted(view, router, "forwarded") for router in routers),
    ]
    passed_on = all(nets.since(view, router).forwarded for router in routers)
    if mine.replies and theirs.was_asked and passed_on:
        return passed(expected, f"{target} was asked, and {source} got the reply", evidence)
    ways = [nets.route_to(here, address.ip) for address in nets.addresses(there)]
    if not any(ways):
        found = f"{source} has no route to {target}"
        return missed(expected, found, [nets.routes(here), nets.held(there)], diagnosis="no-route")
    for router in routers:
        if not router.network.forward:
            found = f"{router.called} does not forward"
            return missed(expected, found, [nets.forwarding(router)], diagnosis="forward-off")
    if theirs.was_asked and mine.asked and not mine.replies:
        found = f"the ping got to {target}, but no reply came back"
        return missed(expected, found, [*evidence, nets.routes(there)], diagnosis="no-way-back")
    if mine.unreachable:
        found = f"{source} was told that there is no way"
        told = nets.counted(view, here, "unreachable")
        return missed(expected, found, [told, *map(nets.routes, routers)], diagnosis="router-lost")
    if mine.asked and not theirs.was_asked:
        return missed(
            expected,
            f"{source} has asked, but nothing came to {target}",
            [nets.counted(view, here, "asked"), *evidence],
            diagnosis="echo-lost",
        )
    return missed(expected, f"nobody has pinged {target} from {source} yet", evidence)


def predict_ping(view: View, *, source: str, target: str) -> Verdict:
    """Answered `yes` or `no`: whether a ping from `source` to `target` comes back. It must have been tried.

    Evidence: in `source` the requests sent, the replies, and the word that there is no way; in `target`
    the requests that came, of `/proc/PID/net/snmp`. Near miss: an answer without a try.
    """
    expected = f"whether a ping from {source} to {target} comes back"
    here, there = nets.find(view, source), nets.find(view, target)
    if here is None or there is None:
        return nets.no_such(expected, source if here is None else target)
    mine, theirs = nets.since(view, here), nets.since(view, there)
    evidence = [
        *(nets.counted(view, here, name) for name in ("asked", "replies", "unreachable")),
        nets.counted(view, there, "was_asked"),
    ]
    back = bool(mine.replies and theirs.was_asked)
    if not back and not mine.unreachable and not theirs.was_asked:
        return missed(expected, f"nobody has tried yet to ping {target} from {source}", evidence)
    if view.answer is None:
        return missed(expected, "no answer yet: :answer gives one", evidence)
    truth = "yes" if back else "no"
    if view.answer.strip().casefold() != truth:
        found = f"you said {view.answer.strip()}; look at the counters"
        return missed(expected, found, evidence, diagnosis="one-hop-only")
    return passed(expected, f"{truth}, as you said", evidence)


def resolves(view: View, *, netns: str, server: str, target: str) -> Verdict:
    """Found `target` by name: a DNS server on `server` answered, and then a ping came back.

    Evidence: a mount at `/etc/resolv.conf` that only the container sees (`/proc/PID/mountinfo`), UDP
    datagrams counted in both namespaces, echo replies. Near misses: the host's file changed; an address
    where nobody answers; pinged by number.
    """
    expected = f"{netns} has its own {RESOLV}, asks {server}, and pings {target} by name"
    here, by, there = (nets.find(view, name) for name in (netns, server, target))
    for name, place in ((netns, here), (server, by), (target, there)):
        if place is None:
            return nets.no_such(expected, name)
    assert here is not None
    assert by is not None
    assert there is not None
    process = _inside(view, here)
    if process is None:
        return missed(expected, f"no process is in {netns}", diagnosis="nobody-inside")
    theirs = facts.mounted_at(view.now.mounts_of(view.now.host), RESOLV)
    ours = facts.mounted_at(view.now.mounts_of(process.pid), RESOLV)
    if ours is None or (theirs is not None and (ours.dev, ours.root) == (theirs.dev, theirs.root)):
        why = f"{RESOLV} is the host's"
        evidence = [Evidence(f"mount at {RESOLV}", "none of its own", f"/proc/{process.pid}/mountinfo")]
        return missed(expected, why, evidence, diagnosis="names-of-the-host")
    counters = [nets.counted(view, by, "datagrams"), nets.counted(view, here, "datagrams")]
    if not nets.since(view, by).datagrams:
        found = f"no DNS question came to {server}"
        return missed(expected, found, [facts.mount(process, ours), *counters], diagnosis="no-dns")
    if not nets.since(view, here).datagrams:
        return missed(expected, f"no answer came back to {netns}", counters, diagnosis="no-dns")
    evidence = [facts.mount(process, ours), *counters, nets.counted(view, here, "replies")]
    if not (nets.since(view, here).replies and nets.since(view, there).was_asked):
        return missed(expected, f"a name was asked for; {target} was not pinged yet", evidence)
    return passed(expected, f"{server} was asked for a name, and {target} answered", evidence)


def published(view: View, *, port: int, to: str, netns: str, source: str, netns_of: str = "host") -> Verdict:
    """A connection from `source` to a port of `netns_of` ended at `to`, which is in `netns`.

    Either a rule rewrites the address (dnat at prerouting), or a program listens on the port and passes
    it on. Evidence: listening sockets (sock_diag(7)), the rule (nfnetlink), connections opened and
    accepted (`/proc/PID/net/snmp`). Near misses: the program listens on 127.0.0.1 only; the rule is at
    output, or names another port.
    """
    expected = f"port {port} of {netns_of} leads to {to} in {netns}"
    inside, outside, public = (nets.find(view, name) for name in (netns, source, netns_of))
    for name, place in ((netns, inside), (source, outside), (netns_of, public)):
        if place is None:
            return nets.no_such(expected, name)
    assert inside is not None
    assert outside is not None
    assert public is not None
    address, _, number = to.rpartition(":")
    heard = [place.rpartition(":")[0] for place in inside.network.listening if place.endswith(f":{number}")]
    if not heard:
        found = f"nobody listens on port {number} in {netns}"
        return missed(expected, found, [nets.listening(inside)], diagnosis="nobody-listens")
    if not {address, "0.0.0.0", "[::]", f"[::ffff:{address}]"} & set(heard):
        found = f"port {number} is served, but only on {', '.join(heard)}"
        return missed(expected, found, [nets.listening(inside)], diagnosis="listens-on-lo")
    rules = [rule for rule in public.network.nat if rule.kind == "dnat"]
    rule = next((r for r in rules if r.hook == "prerouting" and r.port in (port, None)), None)
    proxy = any(place.endswith(f":{port}") for place in public.network.listening)
    if rule is None and not proxy:
        evidence = [
            Evidence("rule", f"at {r.hook}, port {r.port}, to {r.to}", public.source("nft list ruleset"))
            for r in rules
        ]
        why = "dnat-other" if rules else "not-published"
        return missed(expected, f"nothing takes port {port} of {netns_of}", evidence, diagnosis=why)
    where = (
        Evidence("rule", f"port {rule.port} to {rule.to}", public.source("nft list ruleset"))
        if rule is not None
        else nets.listening(public)
    )
    if rule is not None and not proxy and rule.to not in (to, None) and rule.to != address:
        return missed(expected, f"the rule leads to {rule.to}", [where], diagnosis="dnat-other")
    evidence = [
        nets.listening(inside),
        where,
        nets.counted(view, outside, "opened"),
        nets.counted(view, inside, "accepted"),
    ]
    if nets.since(view, outside).refused and not nets.since(view, inside).accepted:
        found = f"{source} has tried, and it failed"
        return missed(expected, found, evidence, diagnosis="connection-failed")
    if not (nets.since(view, outside).opened and nets.since(view, inside).accepted):
        return missed(expected, f"{source} has not fetched anything yet", evidence)
    return passed(expected, f"{source} connected to port {port}, and {netns} took it", evidence)


def serves(view: View, *, netns: str, port: int) -> Verdict:
    """A program listens on a port in a namespace, not on its `lo` alone.

    Evidence: the listening sockets by sock_diag(7). Near misses: bound to 127.0.0.1; started on the
    machine instead.
    """
    expected = f"a program in {netns} listens on port {port}"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    heard = _heard(place, port)
    if not heard:
        elsewhere = [p for p in nets.all_places(view.now) if p.inode != place.inode and _heard(p, port)]
        why = "serves-elsewhere" if elsewhere else "nobody-listens"
        evidence = [nets.listening(p) for p in (place, *elsewhere)]
        return missed(expected, f"nobody listens on port {port} in {netns}", evidence, diagnosis=why)
    if all(where.startswith(("127.", "[::1]")) for where in heard):
        found = f"port {port} is served, but only on lo"
        return missed(expected, found, [nets.listening(place)], diagnosis="listens-on-lo")
    return passed(expected, f"{', '.join(heard)} in {netns}", [nets.listening(place)])


def balances(view: View, *, netns: str, program: str, port: int, backends: str) -> Verdict:
    """`program` took requests on a port in `netns`, and all of the backends were connected to.

    `backends` is a list of namespaces by spaces. Evidence: the listening socket (sock_diag(7)), and the
    connections that each side accepted since the step began (`/proc/PID/net/snmp`). Near misses: only one
    backend got any; the backends were asked past the balancer.
    """
    expected = f"{program} in {netns} shares its requests among {backends.replace(' ', ' and ')}"
    front = _front(view, expected, netns, program, port)
    if isinstance(front, Verdict):
        return front
    evidence = [nets.listening(front), nets.counted(view, front, "accepted")]
    behind = []
    for name in backends.split():
        place = nets.find(view, name)
        if place is None:
            return nets.no_such(expected, name)
        behind.append(place)
        evidence.append(nets.counted(view, place, "accepted"))
    asked = nets.since(view, front).accepted
    if asked < len(behind):
        found = f"{program} has taken {asked} of at least {len(behind)} requests"
        return missed(expected, found, evidence)
    for place in behind:
        if not nets.since(view, place).accepted:
            found = f"{place.called} has got nothing"
            return missed(expected, found, [*evidence, nets.listening(place)], diagnosis="one-backend")
    return passed(expected, f"{asked} requests, and each of the backends got some", evidence)


def still_answers(view: View, *, netns: str, program: str, port: int, backends: str) -> Verdict:
    """One of the backends was stopped; the balancer tried it, failed, and the other one answered.

    Evidence: the listening sockets (sock_diag(7)) before and now, of `/proc/PID/net/snmp`, connections
    that failed in `netns` (`Tcp: AttemptFails`), connections accepted by the one that is left. Near
    misses: none stopped; all stopped; nobody asked since.
    """
    expected = f"one of {backends.replace(' ', ' and ')} is stopped, and {program} still answers"
    front = _front(view, expected, netns, program, port)
    if isinstance(front, Verdict):
        return front
    alive: list[Place] = []
    for name in backends.split():
        place = nets.find(view, name)
        if place is not None and place.network.listening:
            alive.append(place)
    evidence = [nets.listening(place) for place in alive]
    if len(alive) == len(backends.split()):
        return missed(expected, "all of them still run", evidence, diagnosis="none-stopped")
    if not alive:
        return missed(expected, "none of them is left", diagnosis="all-stopped")
    evidence += [
        nets.counted(view, front, "accepted"),
        nets.counted(view, front, "refused"),
        *(nets.counted(view, place, "accepted") for place in alive),
    ]
    if not nets.since(view, front).refused:
        found = f"{program} has not noticed yet: ask a few times more"
        return missed(expected, found, evidence)
    if not any(nets.since(view, place).accepted for place in alive):
        return missed(expected, "the one that is left was not asked", evidence)
    return passed(expected, f"it tried the dead one, and {alive[0].called} answered", evidence)


def _front(view: View, expected: str, netns: str, program: str, port: int) -> Place | Verdict:
    """The namespace in which the program listens."""
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    runs = [
        process
        for process in view.now.processes.values()
        if process.comm == program and process.ns.get("net") == place.inode and facts.alive(process)
    ]
    if not runs:
        return missed(expected, f"no {program} runs in {netns}", diagnosis="no-balancer")
    if not _heard(place, port):
        evidence = [facts.args(runs[0]), nets.listening(place)]
        return missed(
            expected, f"{program} does not listen on port {port}", evidence, diagnosis="no-balancer"
        )
    return place


def _heard(place: Place, port: int) -> list[str]:
    return [where for where in place.network.listening if where.endswith(f":{port}")]


def _inside(view: View, place: Place) -> Process | None:
    """The process in question, or another one that is in the namespace."""
    process = view.process
    if process is not None and process.ns.get("net") == place.inode:
        return process
    return next((p for p in view.now.processes.values() if p.ns.get("net") == place.inode), None)
