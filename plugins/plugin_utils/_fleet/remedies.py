# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies for a missing path: each possible change of the inventory is tried on the model, and named only if it works."""

from __future__ import annotations

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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import name_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat, list_egress_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unfit import FLAT, NAT, PUBLIC, USE_FLAT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import (
    PROTOCOLS,
    Endpoint,
    Host,
    NatMapping,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words, list_first

# Tells whether all callers reach the target. The hosts are those of the fleet after a change.
Works = Callable[[Host, Sequence[Host]], bool]

# Addresses for a trial: of documentation (RFC 5737, RFC 3849) for a public address, and private.
_PUBLIC: dict[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}
_PRIVATE: dict[Family, str] = {4: "192.168.255.254", 6: "fdff::1"}
_SHOWN = 3


class Wanted(NamedTuple):
    """The ports of the target that have to be reached, and their protocols.

    ``own`` is the host whose finding has the remedies. ``outside`` is the outside endpoint of a mapping, if it is given.
    ``everyone`` is a text for the target and all callers, if the given callers are examples. ``hosts`` are then all callers.
    ``mutual`` tells whether the target also calls the callers.
    """

    ports: Sequence[int]
    own: str
    protocols: tuple[str, ...] = PROTOCOLS
    outside: Endpoint | None = None
    everyone: str = ""
    mutual: bool = False
    hosts: Sequence[Host] = ()

    def __str__(self) -> str:
        origin = f"from {self.outside} " if self.outside else ""
        noun = "port" if len(self.ports) == 1 else "ports"
        return f"{origin}to {noun} {join_words([*map(str, self.ports)])} over {join_words(self.protocols)}"


class _Change(NamedTuple):
    """A change of the inventory as text, and the hosts after it."""

    text: str
    target: Host
    callers: list[Host]


def list_remedies(target: Host, callers: Sequence[Host], wanted: Wanted, works: Works) -> Iterator[str]:
    """Yield the changes of the inventory with which all callers reach the target. Each of them is enough.

    The most probable change is the first. Each change is in the first family in which it works.
    """
    everyone = [host for host in wanted.hosts or callers if host.name != target.name]
    wanted = wanted._replace(hosts=everyone)
    is_public = not any(map(is_private, target.address.list_all()))
    kinds = (
        [_propose_egress, _propose_vpn, _propose_flat]
        if is_public
        else [_propose_mapping, _propose_vpn, _propose_flat, _propose_egress]
    )
    for kind in kinds:
        changes = (change for family in FAMILIES if (change := kind(target, callers, wanted, family)))
        fitting = (change.text for change in changes if works(change.target, change.callers))
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
    if not unnamed or own is None or _is_unfit(NAT, filter(_has_unnamed_nat, wanted.hosts)):
        return None
    egress = (make_host_network((_PRIVATE if is_private(own) else _PUBLIC)[family]),)
    changed = [replace(caller, egress=egress) if caller in unnamed else caller for caller in callers]
    like, possessive = ("it", "its") if len(unnamed) == 1 else ("them", "their")
    others = f" and hosts like {like}" if wanted.everyone else ""
    sees = f" to the {_format_family(family)}address that {name_host(target.name, wanted.own)} sees"
    into = f" if {possessive} {_format_family(family)}NAT leads to {name_host(target.name, wanted.own)}"
    text = f"set kong_nat_egress of {_format_names(unnamed, wanted)}{others}{into if is_private(own) else sees}"
    if wanted.mutual and is_private(own):
        text = f"set kong_nat_egress of peers whose {_format_family(family)}NAT leads to {name_host(target.name, wanted.own)}"
    return _Change(text, target, changed)


def _propose_mapping(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    given, must_be_private = wanted.outside, _is_public_unfit(target, wanted)
    if _is_unfit(NAT, [target]) or (given and find_family(given.address) != family):
        return None
    outside, outside_port, inside_port = (_PRIVATE if must_be_private else _PUBLIC)[family], None, None
    if given:
        outside, outside_port, inside_port = given.address, given.port, wanted.ports[0]
    private = [caller for caller in callers if all(map(is_private, list_egress_networks(caller, target.site, outside)))]
    if must_be_private and not (is_private(outside) and len(private) == len(callers)):
        return None
    origin = also = ""
    if is_private(outside):
        origin = "" if given else "from a private address "
    elif not all(map(_has_unnamed_nat, private)):
        also = " (from a public address clients need a public kong_nat_egress)"
    elif private or target.flat:
        # A mapping comes before a flat network, also for other clients of the target.
        also = " (clients need a kong_nat_egress)"
    mapping = NatMapping(outside, outside_port, inside_port, wanted.protocols, (), outside, None)
    text = f"give {name_host(target.name, wanted.own)} {_format_article(family)}kong_nat mapping {origin}{wanted}{also}"
    return _Change(text, replace(target, nat=(*target.nat, mapping)), [*callers])


def _is_public_unfit(target: Host, wanted: Wanted) -> bool:
    """Tell whether a mapping of a public address, or the egress that clients then need, must not be set."""
    unnamed = [host for host in wanted.hosts if _has_unnamed_nat(host)]
    named = [host for host in wanted.hosts if not _has_unnamed_nat(host)]
    return _is_unfit(NAT, unnamed) or _is_unfit(PUBLIC, [*named, *([] if target.egress else [target])])


def _propose_vpn(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    given = [host for host in (target, *wanted.hosts) if not host.vpn.select(family)]
    names = {host.name for host in given}
    # Gossip uses IPv4.
    if family == 4 and any(host.off_vpn and host.off_vpn <= names for host in given):
        return None
    missing = [host for host in (target, *callers) if not host.vpn.select(family)]
    which = wanted.everyone or ("both hosts" if len(missing) == 2 else _format_names(missing, wanted))
    changed = [_with_vpn(caller, family) for caller in callers]
    # A host with a VPN address of the other family needs a second one.
    version = f"an IPv{family} " if any(host.vpn.list_all() for host in missing) else _format_article(family)
    return _Change(f"give {which} {version}kong_vpn_address", _with_vpn(target, family), changed)


def _with_vpn(host: Host, family: Family) -> Host:
    if host.vpn.select(family):
        return host
    ipv4, ipv6 = (_PRIVATE[own] if own == family else host.vpn.select(own) for own in FAMILIES)
    return replace(host, vpn=Addresses(ipv4, ipv6))


def _propose_flat(target: Host, callers: Sequence[Host], wanted: Wanted, _family: Family) -> _Change | None:
    opposed = [caller for caller in callers if caller.flat is False]
    if _is_unfit(FLAT, [target, *(wanted.hosts if wanted.mutual else ())]):
        return None
    if _is_unfit(USE_FLAT, (host for host in wanted.hosts if host.flat is False and not wanted.mutual)):
        return None
    if any(_share_address(caller, other) for caller in opposed for other in (target, *callers)):
        return None
    removal = f" (and remove it from {_format_names(opposed, wanted)})" if opposed and not wanted.mutual else ""
    # Peers dial each other, so a flat network in one direction only would leave a NAT in the other.
    changed = [replace(caller, flat=wanted.mutual or None) for caller in callers]
    where = wanted.everyone if wanted.mutual else name_host(target.name, wanted.own)
    text = f"set kong_flat_network: true on {where}{removal} if sites route without NAT"
    return _Change(text, replace(target, flat=True), changed)


def _share_address(first: Host, second: Host) -> bool:
    return first.site != second.site and not {*first.address.list_all()}.isdisjoint(second.address.list_all())


def _format_article(family: Family) -> str:
    return f"an {_format_family(family)}" if family == 6 else "a "


def _format_family(family: Family) -> str:
    return "IPv6 " if family == 6 else ""


def _format_names(hosts: Sequence[Host], wanted: Wanted) -> str:
    return list_first([name_host(host.name, wanted.own) for host in hosts], _SHOWN)
