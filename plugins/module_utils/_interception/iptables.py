# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an interception as chains of iptables, in its nft or its legacy variant, one family at a time.

TPROXY drops what no transparent socket takes (xt_TPROXY.c, tproxy_tg4). Networks are rules here and not sets: an
interception has few of them.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from itertools import product

from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    ACCEPTED,
    REDIRECT,
    ROUTED,
    TPROXY,
    Catch,
    Interception,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import CATCHING

# In the order in which they are loaded: packets are let in before they are caught.
TABLES = ("filter", "mangle", "nat")
IN, CATCH, PAST, REDIRECTED = (f"{CATCHING}{word}" for word in ("IN", "CATCH", "PAST", "REDIRECT"))
CHAINS = {"filter": {IN: "INPUT"}, "mangle": {CATCH: "PREROUTING", PAST: "FORWARD"}, "nat": {REDIRECTED: "PREROUTING"}}

_MARK = f"{ACCEPTED | ROUTED:#x}/{ACCEPTED | ROUTED:#x}"
PLACE = "@PLACE@"
_LOOPBACK = "-i lo -j RETURN"
_OWN = "-m addrtype --dst-type LOCAL -j RETURN"
# A rule of multiport takes 15 ports (iptables-extensions(8)).
_MOST_PORTS = 15

Rules = t.Callable[[Catch], Iterator[str]]


def render_tables(catches: Interception) -> dict[str, list[str]]:
    """The lines for iptables-restore --noflush by table; PLACE stands for the place of the jump in INPUT."""
    rules = {
        IN: [f"-m mark --mark {ROUTED:#x}/{ROUTED:#x} -j ACCEPT"]
        if any(one.method == TPROXY for one in catches)
        else [],
        CATCH: [*_guarded(catches, _judge)],
        PAST: [*_missed(catches)],
        REDIRECTED: [*_guarded(tuple(one for one in catches if one.method == REDIRECT), _redirect)],
    }
    return {
        table: [line for chain in chains for line in _chain(table, chain, rules[chain])]
        for table, chains in CHAINS.items()
    }


def _chain(table: str, chain: str, rules: list[str]) -> list[str]:
    place = PLACE if chain == IN else "1"
    jump = f"-I {CHAINS[table][chain]} {place} -j {chain}"
    return [f":{chain} - [0:0]", jump, *(f"-A {chain} {rule}" for rule in rules)]


def _guarded(catches: Interception, rules_of: Rules) -> Iterator[str]:
    yield _LOOPBACK
    for own in (True, False):
        for one in catches:
            if one.own == own:
                yield from rules_of(one)
        if own:
            yield _OWN


def _judge(one: Catch) -> Iterator[str]:
    for match, source in product(_matches(one), _sources(one)):
        if one.method == TPROXY:
            on = f"--on-port {one.port} --on-ip {one.address or ('::' if one.family == 'ipv6' else '0.0.0.0')}"
            yield f"{source}{match} -j TPROXY {on} --tproxy-mark {_MARK}"
        elif one.sources is not None:
            yield f"{source}{match} -j RETURN"
    if one.method == TPROXY or one.sources is not None:
        yield from (f"{match} -j DROP" for match in _matches(one))


def _missed(catches: Interception) -> Iterator[str]:
    """What was caught, or should have been, and is about to be forwarded; not what somebody else's NAT sends there."""
    if any(one.method == TPROXY for one in catches):
        yield f"-m mark --mark {ROUTED:#x}/{ROUTED:#x} -j DROP"
    redirected = [one for one in catches if one.method == REDIRECT and not one.own]
    if redirected:
        yield "-m conntrack --ctstate DNAT -j RETURN"
    yield from (f"{match} -j DROP" for one in redirected for match in _matches(one))


def _redirect(one: Catch) -> Iterator[str]:
    address = f"[{one.address}]" if one.family == "ipv6" else one.address
    target = f"DNAT --to-destination {address}:{one.port}" if one.address else f"REDIRECT --to-ports {one.port}"
    yield from (f"{match} -j {target}" for match in _matches(one))


def _sources(one: Catch) -> list[str]:
    return [""] if one.sources is None else [f"-s {source} " for source in one.sources]


def _matches(one: Catch) -> Iterator[str]:
    groups = [one.ports[at : at + _MOST_PORTS] for at in range(0, len(one.ports), _MOST_PORTS)]
    for name, destination, ports in product(one.interfaces or ("",), one.destinations, groups):
        interface = f"-i {name} " if name else ""
        to = "" if one.everywhere else f"-d {destination} "
        yield f"{to}{interface}-p tcp -m multiport --dports {','.join(map(str, ports))}"
