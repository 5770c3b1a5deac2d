# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers without a path or with an unverified source: the reasons, and the warnings that name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    THIS_HOST,
    Fault,
    Finding,
    name_host,
    name_site,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import (
    Group,
    list_named_sites,
    make_kind_for_changes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
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
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    join_first,
    join_words,
    make_natural_key,
)

_SHOWN_PORTS = 4
_SHOWN_HOSTS = 2
_SHOWN_LACKING = 3

# By listener, variable and term, names of hosts, and reason: the ports to which these hosts of the term have no path, and the hosts.
Unreachable = dict[tuple[str, tuple[str, str], tuple[str, ...], Fault | None], tuple[list[int], list[Host]]]

# By site: the hosts whose source is unverified, and of the first host its name, target, dialled address and source.
Unverified = dict[str, tuple[dict[str, None], tuple[str, str, str, str]]]

# By site: the hosts whose source is not known, and of the first host its name, target, dialled address and source.
Unknown = Unverified


def explain_unreachable(
    callers: Sequence[Host], target: Node, listeners: Sequence[Listener], own: str = ""
) -> Fault | None:
    """Return the reason why callers cannot reach a node on any network, so that neither a mapping nor a VPN would help.

    Returns None if there is no such reason. The callers have addresses of the same families. ``listeners`` are the sockets of the
    node that the callers may use, at least one. ``own`` is the host whose finding has the reason, if there is a finding.
    """
    name = name_host(target.name, own)
    first = listeners[0]
    variable = get_bind_variable(first)
    offered = {family for listener in listeners if not listener.is_loopback for family in listener.families}
    if not offered:
        reason = f"It binds {first.address} only, which no other host can reach."
        return Fault(reason, (f"set {variable} of {name}",))
    if lacking := [host for host in (target.host, *callers) if not offered & _list_families(host)]:
        present, missing = min(offered), next(family for family in FAMILIES if family not in offered)
        more = [f"{len(lacking) - _SHOWN_LACKING} more"] if len(lacking) > _SHOWN_LACKING else []
        names = join_words([*(name_host(host.name, own) for host in lacking[:_SHOWN_LACKING]), *more])
        shared = missing in _list_families(target.host) & _list_families(callers[0])
        entry = (f"add an IPv{missing} entry to {variable} of {name}",) if shared else ()
        reason = f"It listens on IPv{present} only, and {names} {'has' if len(lacking) == 1 else 'have'} no IPv{present} address."
        return Fault(reason, (*entry, f"give {names} an IPv{present} address"))
    return None


def add_reason(text: str, short: str, reason: Fault) -> Fault:
    """Return a fault with the text and the reason. ``short`` is the text in fewer words, at last without the reason."""
    forms = (f"{text} {reason.text}", f"{short} {reason.text}", short)
    longest, shorter, shortest = (Fault(words, reason.remedies) for words in forms)
    return longest._replace(short=shorter._replace(short=shortest))


def _list_families(host: Host) -> frozenset[Family]:
    return frozenset(family for family in FAMILIES if host.address.select(family) or host.vpn.select(family))


def note_unreachable(
    unreachable: Unreachable, hosts: Sequence[Host], term: tuple[str, str], node: Node, sockets: Sequence[Listener]
) -> None:
    """Add the hosts of a variable's term that have no path to the sockets of one port, those with a known reason separately."""
    alike: dict[frozenset[Family], list[Host]] = {}
    for host in hosts:
        alike.setdefault(_list_families(host), []).append(host)
    reasons = {families: explain_unreachable(same, node, sockets, node.name) for families, same in alike.items()}
    by_reason: dict[Fault | None, list[Host]] = {}
    for host in hosts:
        by_reason.setdefault(reasons[_list_families(host)], []).append(host)
    for reason, same in by_reason.items():
        key = (sockets[0].name, term, tuple(host.name for host in same), reason)
        unreachable.setdefault(key, ([], same))[0].append(sockets[0].port)


def make_unreachable_warnings(node: Node, unreachable: Unreachable) -> Iterator[Finding]:
    """Yield a warning for the hosts of each term that have no path to a node."""
    for (listener, (variable, term), _names, reason), (ports, hosts) in unreachable.items():
        numbers = list(dict.fromkeys(ports))
        more = ["more"] if len(numbers) > _SHOWN_PORTS else []
        where = join_words([*map(str, numbers[:_SHOWN_PORTS]), *more])
        noun = "port" if len(numbers) == 1 else "ports"
        text = f"no path from {_with_sites(hosts)} to the {listener} {noun} {where} of {THIS_HOST}."
        callers = [join_first([host.name for host in hosts], 1), count_noun(len(hosts), "host")]
        shorts = [f"no path from {names} to {format_ports(numbers)} of {THIS_HOST}." for names in callers]
        if reason:
            fault = add_reason(text, shorts[-1], reason)
        else:
            fault = make_fault(text, shorts, _list_remedies(node, listener, numbers, hosts))
        yield make_host_warning("source-no-path", node.name, variable, term, fault).with_detail(
            f"is in {name_site(node.site)}"
        )


def _with_sites(hosts: Sequence[Host]) -> str:
    """Return the names of the first hosts with their sites, as text for a message."""
    if len({host.site for host in hosts}) == 1:
        return f"{join_first([host.name for host in hosts], _SHOWN_HOSTS)} ({name_site(hosts[0].site)})"
    return join_first([f"{host.name} ({name_site(host.site)})" for host in hosts], _SHOWN_HOSTS)


def _list_remedies(node: Node, name: str, ports: Sequence[int], hosts: Sequence[Host]) -> Iterator[Remedy]:
    """Yield the remedies with which the hosts reach the first of the ports. The other ports are like it."""
    sockets = [socket for socket in node.select_listeners(name) if socket.port == ports[0] and not socket.is_loopback]

    def works(target: Host, callers: Sequence[Host]) -> bool:
        changed = replace(node, host=target)
        return all(any(find_paths(caller, changed, socket) for socket in sockets) for caller in callers)

    examples = Group(hosts, list_named_sites([node.host]), make_kind_for_changes).choose_representatives(node.host)
    everyone = "all of them" if len(hosts) > 1 else ""
    wanted = Wanted(ports, node.name, sockets[0].protocols, everyone=everyone, hosts=hosts)
    yield Remedy(f"add the address that {THIS_HOST} sees", "add the address that it sees")
    yield from list_remedies(node.host, examples, wanted, works)


def note_unverified(unverified: Unverified, taken: Iterable[tuple[Sequence[Host], Route | None]], node: Node) -> None:
    """Add the hosts that would reach a public address with a private source. There must be a NAT in between."""
    for hosts, route in taken:
        if route is None or route.via != "nat" or is_private(route.dialled.address):
            continue
        for host in hosts:
            sources = list_route_sources(route, host, node.host)
            if all(is_private(source) for source in sources):
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
