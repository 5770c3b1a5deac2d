# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers without a path or with an unverified source: the reasons, and the warnings that name them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Literal, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    THIS_HOST,
    Fault,
    Finding,
    name_host,
    name_site,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Path,
    Route,
    find_paths,
    find_unknown_source,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.remedies import (
    Remedy,
    Wanted,
    format_ports,
    list_remedies,
    make_fault,
    with_address,
    write_egress,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.selection import SHOWN_HOSTS, Callers, Selection
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ANY_IPV4
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    join_first,
    join_words,
    make_natural_key,
)

_SHOWN_PORTS = 4
_SHOWN_HOSTS = 2
# A message has room for a step and this number of changes after it.
_CHANGES_AFTER_STEP = 2
_WILDCARDS: dict[Family, str] = {4: ANY_IPV4, 6: "::"}


class Step(NamedTuple):
    """A change of the inventory that gives both sides an address of a family.

    The target listens on the family ``bound``, and hosts get an address of the family ``added``. A host with a VPN address of this
    family gets an address only if the family is not in ``on_vpn``. ``short`` is a shorter text for a message that names the target last.
    """

    text: str
    short: str
    bound: Family | None = None
    added: Family | None = None
    on_vpn: tuple[Family, ...] = FAMILIES


class Reason(NamedTuple):
    """The reason why callers cannot reach a node on any network, also in fewer words, and the steps of which they need one."""

    text: str
    short: str
    steps: tuple[Step, ...]


# Returns the changes with which all callers reach the target, each of them enough; None if they reach it already.
ListChanges = Callable[[Node, Sequence[Host]], Sequence[Remedy] | None]

# By listener, variable and term, callers, and reason: the ports to which these callers have no path, and the callers.
Unreachable = dict[tuple[str, tuple[str, str], tuple[Callers, ...], Reason | None], tuple[list[int], Selection]]

# By site: the hosts whose source is unverified, and of the first host its name, target, dialled address and source.
Unverified = dict[str, tuple[dict[str, None], tuple[str, str, str, str]]]

# By site: the hosts whose source is not known, and of the first host its name, target, dialled address and source.
Unknown = Unverified


def explain_unreachable(
    callers: Sequence[Host],
    target: Node,
    listeners: Sequence[Listener],
    own: str = "",
    number: int = 1,
    families: Collection[Family] = FAMILIES,
) -> Reason | None:
    """Return the reason why callers cannot reach a node on any network, so that a mapping alone would not help.

    Returns None if there is no such reason. ``callers`` are the first of ``number`` callers, which have addresses of the same
    families, and dial only ``families``. ``listeners`` are the sockets of the node that the callers may use, at least one.
    ``own`` is the host whose finding has the reason, if there is a finding.
    """
    first, hosts = listeners[0], (target.host, *callers)
    bind = _Bind(get_bind_variable(first), name_host(target.name, own))
    opened = {family for listener in listeners if not listener.is_loopback for family in listener.families}
    offered = opened.intersection(families)
    usable = offered or {*families}
    on_vpn = _list_vpn_families(target, listeners)
    bound = {family for entry in listeners if entry.bound and not entry.is_loopback for family in entry.families}
    addressed = hosts if usable.isdisjoint(bound) else callers
    lacking = [host for host in addressed if usable.isdisjoint(_list_families(host, on_vpn))]
    lack = _make_lack(lacking, target.host, own, number - len(callers) if callers[-1] in lacking[-1:] else 0, on_vpn)
    if not opened:
        reason = f"It binds {first.address} only, which no other host can reach."
        family = _choose_family(find_family(first.address), usable, hosts)
        return Reason(reason, reason, (_add_addresses(bind.make_step("set", family), family, lack),))
    family = min(usable)
    limit = "data planes dial" if target.role == "control_plane" else "gossip uses"
    if not offered:
        reason = f"It listens on IPv{min(opened)} only, and {limit} IPv{family} only."
        return Reason(reason, reason, (_add_addresses(bind.make_step("add", family), family, lack),))
    if not lack:
        return None
    shared = _list_families(target.host, on_vpn) & _list_families(callers[0], on_vpn)
    reason = (
        f"It listens on IPv{family} only" if opened == offered else f"{limit[:1].upper()}{limit[1:]} IPv{family} only"
    )
    steps = (bind.make_step("add", other) for other in families if other not in offered and other in shared)
    return Reason(
        f"{reason}, and {lack.text} no {lack.format_address(family)}.", f"{reason}.", (*steps, lack.make_step(family))
    )


def choose_socket(listeners: Sequence[Listener], families: Collection[Family]) -> Listener:
    """Return the first socket that other hosts can dial in one of these families, else the first socket."""
    dialled = (entry for entry in listeners if not entry.is_loopback and not {*families}.isdisjoint(entry.families))
    return next(dialled, listeners[0])


def _choose_family(preferred: Family, usable: Collection[Family], hosts: Iterable[Host]) -> Family:
    """Return a usable family that all hosts have, if there is one, and the preferred family if possible."""
    shared = frozenset(usable).intersection(*map(_list_families, hosts))
    return preferred if preferred in (shared or usable) else min(shared or usable)


def _add_addresses(step: Step, family: Family, lack: _Lack | None) -> Step:
    """Return a step after which the hosts that lack an address of the family have one, too."""
    if not lack:
        return step
    give = lack.make_step(family)
    return give._replace(text=f"{step.text} and {give.text}", short=f"{step.short} and {give.short}", bound=step.bound)


class _Bind(NamedTuple):
    """The variable with the bind address of a listener, and the name of its node."""

    variable: str
    node: str

    def make_step(self, verb: Literal["set", "add"], family: Family) -> Step:
        start = "set " if verb == "set" else f"add an IPv{family} entry to "
        return Step(f"{start}{self.variable} of {self.node}", f"{start}its {self.variable}", bound=family)


class _Lack(NamedTuple):
    """Hosts that lack an address: their names, in few words for a text that names the target last, and their number.

    ``on_vpn`` are the families in which a VPN address is enough, ``vpn`` the families in which a host of them has a VPN address.
    """

    names: str
    short: str
    number: int
    on_vpn: tuple[Family, ...]
    vpn: frozenset[Family]

    @property
    def text(self) -> str:
        return f"{self.names} {'has' if self.number == 1 else 'have'}"

    def format_address(self, family: Family) -> str:
        return f"IPv{family} {'kong_address' if family in self.vpn else 'address'}"

    def make_step(self, family: Family) -> Step:
        long, short = (f"give {words} an {self.format_address(family)}" for words in (self.names, self.short))
        return Step(long, short, added=family, on_vpn=self.on_vpn)


def _make_lack(hosts: Sequence[Host], target: Host, own: str, more: int, on_vpn: tuple[Family, ...]) -> _Lack | None:
    """Return the lack of these hosts and ``more`` hosts, or None if there is none."""
    if not hosts:
        return None
    shown, number = [name_host(host.name, own) for host in hosts[:SHOWN_HOSTS]], len(hosts) + more
    names = join_words([*shown, *([f"{number - len(shown)} more"] if number > len(shown) else [])])
    if shown == [THIS_HOST]:
        short = THIS_HOST
    elif hosts[0] is target:
        short = {1: "it", 2: "both hosts"}.get(number, "all hosts")
    else:
        short = "the client" if number == 1 else "clients"
    vpn = frozenset(family for family in FAMILIES for host in hosts if host.vpn.select(family))
    return _Lack(names, short, number, on_vpn, vpn)


def make_reason_fault(
    text: str, short: str, reason: Reason, target: Node, callers: Sequence[Host], list_changes: ListChanges
) -> Fault:
    """Return a fault with the text, a reason and its remedies. ``short`` is the text in fewer words, at last without the reason.

    Each step after which the callers reach the target is a remedy. If there is none, the first step with further changes is named
    before these changes.
    """
    taken = {step: list_changes(*_take_step(step, target, callers)) for step in reason.steps}
    enough = [step for step, changes in taken.items() if changes is None]
    first = next((step for step, changes in taken.items() if changes), None)
    if enough or not first:
        remedies = [Remedy(step.text, step.text) for step in enough or reason.steps]
        return make_fault(f"{text} {reason.text}", [f"{short} {reason.text}", short], remedies)
    start, *others = (taken[first] or ())[:_CHANGES_AFTER_STEP]
    shorts = [f"{words} First {first.short}." for words in (f"{short} {reason.text}", f"{short} {reason.short}", short)]
    remedies = [Remedy(*(f"then {words}" for words in start)), *others]
    return make_fault(f"{text} {reason.text} First {first.text}.", shorts, remedies)


def _take_step(step: Step, target: Node, callers: Sequence[Host]) -> tuple[Node, Sequence[Host]]:
    """Return the target and its callers after a step."""
    hosts = [target.host, *callers]
    if step.added:
        hosts = [
            host if step.added in _list_families(host, step.on_vpn) else with_address(host, step.added, number)
            for number, host in enumerate(hosts, 1)
        ]
    changed = replace(target, host=hosts[0])
    if not step.bound:
        return changed, hosts[1:]
    more = (replace(listener, address=_WILDCARDS[step.bound]) for listener in target.reachable)
    opened = (*target.reachable, *more)
    if target.published is not None:
        return replace(changed, published=opened), hosts[1:]
    return replace(changed, listeners=opened), hosts[1:]


def _list_families(host: Host, on_vpn: Collection[Family] = FAMILIES) -> frozenset[Family]:
    """Return the families of a host's addresses, of its VPN address only those in ``on_vpn``."""
    return frozenset(
        family for family in FAMILIES if host.address.select(family) or (family in on_vpn and host.vpn.select(family))
    )


def _list_vpn_families(target: Node, listeners: Iterable[Listener]) -> tuple[Family, ...]:
    """Return the families in which the target listens on the VPN, or on no address, so that a new entry may be for every address."""
    bounds = {
        family: {entry.bound for entry in listeners if family in entry.families and not entry.is_loopback}
        for family in FAMILIES
    }
    return tuple(
        family
        for family in FAMILIES
        if not bounds[family] or not bounds[family].isdisjoint((None, target.host.vpn.select(family)))
    )


def note_unreachable(
    unreachable: Unreachable, callers: Selection, term: tuple[str, str], node: Node, sockets: Sequence[Listener]
) -> None:
    """Add the hosts of a variable's term that have no path to the sockets of one port, those with a known reason separately."""
    list_families = partial(_list_families, on_vpn=_list_vpn_families(node, sockets))
    reasons = {
        families: explain_unreachable(same.first, node, sockets, node.name, len(same))
        for families, same in callers.group(list_families).items()
    }
    for reason, same in callers.group(lambda host: reasons[list_families(host)]).items():
        key = (sockets[0].name, term, same.classes, reason)
        unreachable.setdefault(key, ([], same))[0].append(sockets[0].port)


def make_unreachable_warnings(node: Node, unreachable: Unreachable) -> Iterator[Finding]:
    """Yield a warning for the hosts of each term that have no path to a node."""
    for (listener, (variable, term), _classes, reason), (ports, callers) in unreachable.items():
        numbers = list(dict.fromkeys(ports))
        text, *shorts = _describe_unreachable(callers, listener, numbers)
        examples = [host for host, _number in callers.examples]
        list_changes = partial(list_changes_to, listener, _make_wanted(node, listener, numbers, callers))
        if reason:
            fault = make_reason_fault(text, shorts[-1], reason, node, examples, list_changes)
        else:
            sight = Remedy(f"add the address that {THIS_HOST} sees", "add the address that it sees")
            fault = make_fault(text, shorts, [sight, *(list_changes(node, examples) or ())])
        yield make_host_warning("source-no-path", node.name, variable, term, fault).with_detail(
            f"is in {name_site(node.site)}"
        )


def _describe_unreachable(callers: Selection, listener: str, ports: Sequence[int]) -> tuple[str, str, str]:
    """Return the text of a warning, then in fewer words."""
    shown = [*map(str, ports[:_SHOWN_PORTS]), *(["more"] if len(ports) > _SHOWN_PORTS else [])]
    noun, where = "port" if len(ports) == 1 else "ports", format_ports(ports)
    first = join_first([callers.first[0].name], 1, len(callers))
    return (
        f"no path from {_with_sites(callers)} to the {listener} {noun} {join_words(shown)} of {THIS_HOST}.",
        f"no path from {first} to {where} of {THIS_HOST}.",
        f"no path from {count_noun(len(callers), 'host')} to its {where}.",
    )


def _with_sites(callers: Selection) -> str:
    """Return the names of the first hosts with their sites, as text for a message."""
    if callers.is_at_one_site:
        names = join_first([host.name for host in callers.first], _SHOWN_HOSTS, len(callers))
        return f"{names} ({name_site(callers.first[0].site)})"
    placed = [f"{host.name} ({name_site(host.site)})" for host in callers.first]
    return join_first(placed, _SHOWN_HOSTS, len(callers))


def _make_wanted(node: Node, name: str, ports: Sequence[int], callers: Selection) -> Wanted:
    """Return what the callers want: the first of the ports. The other ports are like it."""
    sockets = _select_sockets(node, name, ports[0])
    return Wanted(
        ports,
        node.name,
        tuple(protocol for protocol in PROTOCOLS if any(protocol in socket.protocols for socket in sockets)),
        everyone="all of them" if len(callers) > 1 else "",
        numbers=[number for _host, number in callers.examples],
        has_leavers=callers.has_leavers,
    )


def list_changes_to(name: str, wanted: Wanted, target: Node, callers: Sequence[Host]) -> list[Remedy] | None:
    """Return the remedies with which all callers reach the first wanted port of a listener, None if they reach it already.

    If they reach it, but the source of a caller is unverified, the remedy is its egress.
    """
    sockets = _select_sockets(target, name, wanted.ports[0])

    def find(caller: Host, changed: Node = target) -> list[Path]:
        return [path for socket in sockets for path in find_paths(caller, changed, socket)]

    def works(host: Host, others: Sequence[Host]) -> bool:
        changed = replace(target, host=host)
        reached = ({path.protocol for path in find(caller, changed)} for caller in others)
        return all(protocols.issuperset(wanted.protocols) for protocols in reached)

    if not works(target.host, callers):
        return [*list_remedies(target.host, callers, wanted, works)]
    found = (
        write_egress(target.host, caller, wanted, find_family(path.dialled.address))
        for caller in callers
        for path in find(caller)
        if is_unverified(path.via, path.dialled.address, path.sources)
    )
    return [*islice(found, 1)] or None


def _select_sockets(node: Node, name: str, port: int) -> list[Listener]:
    """Return the sockets of a listener on one port, except those that only the host itself reaches."""
    return [socket for socket in node.select_listeners(name) if socket.port == port and not socket.is_loopback]


def is_unverified(via: str, dialled: str, sources: Iterable[str]) -> bool:
    """Tell whether a caller would reach a public address with private sources only. There must be a NAT in between."""
    return via == "nat" and not is_private(dialled) and all(map(is_private, sources))


def note_unverified(unverified: Unverified, taken: Iterable[tuple[Sequence[Host], Route | None]], node: Node) -> None:
    """Add the hosts whose source is unverified."""
    for hosts, route in taken:
        if route is None:
            continue
        for host in hosts:
            sources = list_route_sources(route, host, node.host)
            if is_unverified(route.via, route.dialled.address, sources):
                first = (
                    host.name,
                    node.name,
                    route.dialled.address,
                    sources[0].removesuffix("/32").removesuffix("/128"),
                )
                unverified.setdefault(host.site, ({}, first))[0][host.name] = None


def make_unverified_warnings(unverified: Unverified) -> Iterator[Finding]:
    """Yield a warning for the hosts of each site whose source is unverified."""
    for hosts, (name, target, dialled, source) in unverified.values():
        also = (
            f". The same holds for {join_first(sorted(set(hosts) - {name}, key=make_natural_key), 3)}"
            if len(hosts) > 1
            else ""
        )
        message = (
            f"it dials {target} at the public address {dialled}, but its source {source} is private. Set kong_nat_egress to "
            f"the outside address of its NAT, otherwise {target} drops its packets{also}"
        )
        yield make_host_warning("egress-private", name, "kong_nat_egress", None, message)


def note_unknown(unknown: Unknown, taken: Iterable[tuple[Sequence[Host], Route | None]], node: Node) -> None:
    """Add the hosts with several addresses whose facts do not determine the address that the node sees."""
    for hosts, route in taken:
        for host in hosts if route else ():
            if route and host is not node.host and (dialled := find_unknown_source(route, host)):
                first = host.name, node.name, dialled, str(host.choose_source(dialled))
                unknown.setdefault(host.site, ({}, first))[0][host.name] = None


def make_unknown_warnings(unknown: Unknown) -> Iterator[Finding]:
    """Yield a warning for the hosts of each site whose source is not known."""
    for hosts, (name, target, dialled, source) in unknown.values():
        also = (
            f". The same holds for {join_first(sorted(set(hosts) - {name}, key=make_natural_key), 3)}"
            if len(hosts) > 1
            else ""
        )
        message = (
            f"its facts do not tell the address from which it connects to {target} at {dialled}: two interfaces in that network, "
            "several IPv6 addresses, no default route, or a source outside kong_address_networks. The rules allow "
            f"{source}. Set kong_address to the address that the node sees{also}"
        )
        yield make_host_warning("source-address-unknown", name, "kong_address", None, message)
