# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies for a missing path: each possible change of the inventory is tried on the model, and named only if it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Addresses,
    Family,
    find_family,
    is_private,
    make_host_network,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Fault, name_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat, list_egress_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unfit import FLAT, NAT, PUBLIC, USE_FLAT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import (
    PROTOCOLS,
    Endpoint,
    Host,
    NatMapping,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words

# Tells whether all callers reach the target. The hosts are those of the fleet after a change.
Works = Callable[[Host, Sequence[Host]], bool]

# Addresses for a trial: of documentation (RFC 5737, RFC 3849) for a public address, and private.
_PUBLIC: dict[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}
_PRIVATE: dict[Family, str] = {4: "192.168.255.254", 6: "fdff::1"}


class Wanted(NamedTuple):
    """The ports of the target that have to be reached, and their protocols.

    ``own`` is the host whose finding has the remedies. ``outside`` is the outside endpoint of a mapping, if it is given.
    ``everyone`` is a text for the target and all callers, if the given callers are examples. ``numbers`` are then the numbers of
    callers for each example, and ``has_leavers`` tells whether a caller that left the flat network has an address of the target.
    ``mutual`` tells whether the target also calls the callers, and ``overlaps`` whether two of these hosts have the same address in
    different sites.
    """

    ports: Sequence[int]
    own: str
    protocols: tuple[str, ...] = PROTOCOLS
    outside: Endpoint | None = None
    everyone: str = ""
    numbers: Sequence[int] = ()
    has_leavers: bool = False
    mutual: bool = False
    overlaps: bool = False


class Remedy(NamedTuple):
    """A change of the inventory as text, and in fewer words, for the short form of a fault that names the target last."""

    text: str
    short: str


class _Change(NamedTuple):
    """A change of the inventory, and the hosts after it."""

    remedy: Remedy
    target: Host
    callers: list[Host]


def make_fault(text: str, shorts: Sequence[str], remedies: Iterable[Remedy]) -> Fault:
    """Return a fault with its remedies. ``shorts`` have its text in fewer words, the longest first.

    First only the remedies are in fewer words.
    """
    found = [*remedies]
    short = None
    for words in reversed((text, *shorts)):
        short = Fault(words, [remedy.short for remedy in found], short)
    return Fault(text, [remedy.text for remedy in found], short)


def format_ports(ports: Sequence[int]) -> str:
    """Return ports as a short text."""
    return f"port {ports[0]}" if len(ports) == 1 else f"{len(ports)} ports"


def list_remedies(target: Host, callers: Sequence[Host], wanted: Wanted, works: Works) -> Iterator[Remedy]:
    """Yield the changes of the inventory with which all callers reach the target. Each of them is enough.

    The most probable change is the first. Each change is in the first family in which it works. If there are many callers, the
    given callers are an example of each class for changes, see callers.py.
    """
    is_public = not any(map(is_private, target.address.list_all()))
    kinds = (
        [_propose_egress, _propose_vpn, _propose_flat]
        if is_public
        else [_propose_mapping, _propose_vpn, _propose_flat, _propose_egress]
    )
    for kind in kinds:
        changes = (change for family in FAMILIES if (change := kind(target, callers, wanted, family)))
        fitting = (change.remedy for change in changes if works(change.target, change.callers))
        yield from islice(fitting, 1)


def _is_unfit(change: str, hosts: Iterable[Host]) -> bool:
    """Tell whether a change must not be made to one of the hosts, see unfit.py."""
    return any(change in host.unfit for host in hosts)


def _has_unnamed_nat(caller: Host) -> bool:
    """Tell whether a caller must have a NAT to leave its site, and the inventory has none."""
    return all(map(is_private, caller.address.list_all())) and not any(
        is_behind_nat(caller, family) for family in FAMILIES
    )


def _propose_egress(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    unnamed = [caller for caller in callers if _has_unnamed_nat(caller)]
    own = target.address.select(family)
    if not unnamed or own is None or _is_unfit(NAT, unnamed):
        return None
    egress = (make_host_network((_PRIVATE if is_private(own) else _PUBLIC)[family]),)
    changed = [replace(caller, egress=egress) if caller in unnamed else caller for caller in callers]
    return _Change(write_egress(target, callers[0], wanted, family, leads=is_private(own)), target, changed)


def write_egress(target: Host, caller: Host, wanted: Wanted, family: Family, *, leads: bool = False) -> Remedy:
    """Return the remedy to set the egress of clients. If the NAT ``leads`` to the target, it need not have a public address."""
    name, adjective = name_host(target.name, wanted.own), _format_family(family)
    middle, end, short_end = f" to the {adjective}address ", f"that {name} sees", "seen there"
    if leads:
        which = "whose" if wanted.everyone else "if its"
        middle, end, short_end = f" {which} {adjective}NAT leads ", f"to {name}", "there"
    start, client = "set kong_nat_egress", _name_client(caller, wanted)
    short = "" if client.short == THIS_HOST else f" of {client.short}"
    return Remedy(f"{start} of {client.text}{middle}{end}", f"{start}{short}{middle}{short_end}")


def _propose_mapping(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    given, must_be_private = wanted.outside, _is_public_unfit(target, callers)
    if _is_unfit(NAT, [target]) or (given and find_family(given.address) != family):
        return None
    outside, outside_port, inside_port = (_PRIVATE if must_be_private else _PUBLIC)[family], None, None
    if given:
        outside, outside_port, inside_port = given.address, given.port, wanted.ports[0]
    private = [caller for caller in callers if all(map(is_private, list_egress_networks(caller, target.site, outside)))]
    if must_be_private and not (is_private(outside) and len(private) == len(callers)):
        return None
    origin, also = f" from {given}" if given else "", Remedy("", "")
    if is_private(outside):
        origin = origin or " from a private address"
    elif not all(map(_has_unnamed_nat, private)):
        short = " (clients need a public kong_nat_egress)"
        also = Remedy(" (from a public address clients need a public kong_nat_egress)", short)
    elif private or target.flat:
        # A mapping comes before a flat network, also for other clients of the target.
        also = Remedy(" (clients need a kong_nat_egress)", " (clients need a kong_nat_egress)")
    mapping = NatMapping(outside, outside_port, inside_port, wanted.protocols, (), (outside,), None)
    remedy = _write_mapping(name_host(target.name, wanted.own), wanted, family, origin, also)
    return _Change(remedy, replace(target, nat=(*target.nat, mapping)), [*callers])


def _write_mapping(name: str, wanted: Wanted, family: Family, origin: str, also: Remedy) -> Remedy:
    """Return the remedy of a mapping. ``origin`` is its outside address, ``also`` what clients need.

    Without ``protocols`` a mapping is for tcp and udp, so the short form does not need them.
    """
    noun = "port" if len(wanted.ports) == 1 else "ports"
    ports = join_words([*map(str, wanted.ports)])
    short_ports = f"port {ports}" if len(wanted.ports) == 1 else "the ports"
    return Remedy(
        f"give {name} {_format_article(family)}kong_nat mapping{origin} to {noun} {ports} over {join_words(wanted.protocols)}{also.text}",
        f"map {short_ports} in its {_format_family(family)}kong_nat{origin}{also.short}",
    )


def _is_public_unfit(target: Host, callers: Sequence[Host]) -> bool:
    """Tell whether a mapping of a public address, or the egress that clients then need, must not be set."""
    unnamed = [host for host in callers if _has_unnamed_nat(host)]
    named = [host for host in callers if not _has_unnamed_nat(host)]
    return _is_unfit(NAT, unnamed) or _is_unfit(PUBLIC, [*named, *([] if target.egress else [target])])


def _propose_vpn(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    missing = [host for host in (target, *callers) if not host.vpn.select(family)]
    # Gossip uses IPv4.
    if not missing or (family == 4 and _completes_vpn(target, callers, wanted)):
        return None
    which = Remedy(wanted.everyone, wanted.everyone.removesuffix(" of them"))
    if not wanted.everyone:
        which = Remedy("both hosts", "both hosts") if len(missing) == 2 else _name_client(missing[0], wanted, target)
    changed = [_with_vpn(caller, family) for caller in callers]
    # A host with an address of the other family only must not take that family for the VPN.
    is_clear = all(host.address.select(family) and not host.vpn.list_all() for host in missing)
    version = _format_article(family) if is_clear else f"an IPv{family} "
    remedy = Remedy(*(f"give {name} {version}kong_vpn_address" for name in which))
    return _Change(remedy, _with_vpn(target, family), changed)


def _completes_vpn(target: Host, callers: Sequence[Host], wanted: Wanted) -> bool:
    """Tell whether all hosts that join the VPN include all hosts of which one must stay off it, see unfit.py."""
    joining: Counter[frozenset[str]] = Counter()
    for host, number in zip((target, *callers), (1, *(wanted.numbers or [1] * len(callers))), strict=True):
        if host.off_vpn and not host.vpn.ipv4:
            joining[host.off_vpn] += number
    # All members of a cluster join it together.
    return any(wanted.mutual or number == len(names) for names, number in joining.items())


def _with_vpn(host: Host, family: Family) -> Host:
    if host.vpn.select(family):
        return host
    ipv4, ipv6 = (_PRIVATE[own] if own == family else host.vpn.select(own) for own in FAMILIES)
    return replace(host, vpn=Addresses(ipv4, ipv6))


def with_address(host: Host, family: Family, number: int) -> Host:
    """Return a host with a private address of a family, for a trial. Each number has its own address."""
    address = f"10.255.{number >> 8 & 255}.{number & 255}" if family == 4 else f"fdff::{number:x}"
    ipv4, ipv6 = (address if own == family else host.address.select(own) for own in FAMILIES)
    return replace(host, address=Addresses(ipv4, ipv6))


def _propose_flat(target: Host, callers: Sequence[Host], wanted: Wanted, _family: Family) -> _Change | None:
    if _is_unfit(FLAT, [target, *(callers if wanted.mutual else ())]):
        return None
    if _is_unfit(USE_FLAT, (host for host in callers if host.flat is False and not wanted.mutual)):
        return None
    if wanted.overlaps if wanted.mutual else wanted.has_leavers or _has_opposed_address(target, callers):
        return None
    # Peers dial each other, so a flat network in one direction only would leave a NAT in the other.
    changed = [replace(caller, flat=wanted.mutual or None) for caller in callers]
    remedy = _write_flat(target, callers[0], wanted, is_opposed=any(caller.flat is False for caller in callers))
    return _Change(remedy, replace(target, flat=True), changed)


def _write_flat(target: Host, caller: Host, wanted: Wanted, *, is_opposed: bool) -> Remedy:
    """Return the remedy of a flat network. If it is opposed, callers have false."""
    value = "kong_flat_network: true"
    if wanted.mutual:
        return Remedy(
            f"set {value} on {wanted.everyone} if sites route without NAT", f"set {value} on {wanted.everyone}"
        )
    removal, short = "", ""
    if is_opposed:
        removed, client = "false" if wanted.everyone else "it", _name_client(caller, wanted)
        place = "here" if client.short == THIS_HOST else f"on {client.short}"
        removal, short = f" (and remove {removed} from {client.text})", f" (not false {place})"
    name = name_host(target.name, wanted.own)
    return Remedy(f"set {value} on {name}{removal} if sites route without NAT", f"set its {value}{short}")


def _has_opposed_address(target: Host, callers: Iterable[Host]) -> bool:
    """Tell whether a caller without a flat network has an address of the target, at another site."""
    opposed = (caller for caller in callers if caller.flat is False and caller.site != target.site)
    return any(not {*caller.address.list_all()}.isdisjoint(target.address.list_all()) for caller in opposed)


def has_shared_address(hosts: Iterable[Host]) -> bool:
    """Tell whether hosts of different sites have the same address."""
    sites: dict[str, str] = {}
    held = ((host.site, address) for host in hosts for address in host.address.list_all())
    return any(sites.setdefault(address, site) != site for site, address in held)


def _name_client(client: Host, wanted: Wanted, target: Host | None = None) -> Remedy:
    """Return the name of a caller, or of the target, in a remedy."""
    if wanted.everyone:
        name = "peers" if wanted.mutual else "clients"
        return Remedy(name, name)
    name = name_host(client.name, wanted.own)
    other = "it" if client is target else "the client"
    return Remedy(name, THIS_HOST if name == THIS_HOST else other)


def _format_article(family: Family) -> str:
    return f"an {_format_family(family)}" if family == 6 else "a "


def _format_family(family: Family) -> str:
    return "IPv6 " if family == 6 else ""
