# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an interception as the text of our second nftables table (nft(8)).

TPROXY ends its rule if no transparent socket listens, so the drop after it takes packets that Kong does not take, and those
of other sources. A selected packet that would be forwarded all the same is dropped there.

The late part of the firewall accepts packets with the bit ACCEPTED. The early part clears that bit on the input hook. After
it, a chain here sets the bit on intercepted packets, which it recognises by their addresses and by the bit ROUTED.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    ACCEPTED,
    REDIRECT,
    ROUTED,
    TPROXY,
    Catch,
    Interception,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import PRIORITY

TABLE = "gatehouse_kong_transparent"

_HEADER = f"""\
add table inet {TABLE}
delete table inet {TABLE}
"""
_LOOPBACK = 'iifname "lo" return comment "the host reaches itself"'
_OWN = 'fib daddr type local return comment "packets to the host itself"'
_IP = {"ipv4": "ip", "ipv6": "ip6"}
_UNMARK = f'meta mark set meta mark & {0xFFFFFFFF ^ (ACCEPTED | ROUTED):#x} comment "only rules below set these bits"'
_ROUTE = f"meta mark set meta mark | {ROUTED:#x}"
_ACCEPT = f"meta mark & {ROUTED:#x} == {ROUTED:#x} meta mark set meta mark | {ACCEPTED:#x}"
# After the chain of the early part, and before the host's own chains.
_AFTER_EARLY = f"filter - {-PRIORITY - 1}"
Rules = t.Callable[[Catch], Iterator[str]]


def render_interception(catches: Interception | None) -> str:
    """Return a complete input for `nft -f` that replaces our table, or removes it (None)."""
    if catches is None:
        return _HEADER
    unmark = (_UNMARK,) if _with_tproxy(catches) else ()
    chains = [
        ("prerouting", "filter hook prerouting priority mangle", _guarded(catches, _judge, unmark)),
        ("forward", "filter hook forward priority mangle", _missed(catches)),
    ]
    if _with_tproxy(catches):
        chains.append(("input", f"filter hook input priority {_AFTER_EARLY}", _accepted(catches)))
    redirected = tuple(one for one in catches if one.method == REDIRECT)
    if redirected:
        chains.append(("redirected", "nat hook prerouting priority dstnat - 5", _guarded(redirected, _redirect)))
    return f"{_HEADER}table inet {TABLE} {{\n" + "".join(_chain(*chain) for chain in chains) + "}\n"


def _chain(name: str, hook: str, rules: Iterator[str]) -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype {hook}; policy accept;\n{lines}\t}}\n"


def _with_tproxy(catches: Interception) -> bool:
    return any(one.method == TPROXY for one in catches)


def _guarded(catches: Interception, rules_of: Rules, first: Iterable[str] = ()) -> Iterator[str]:
    """Return the rules; those that leave out the host itself come before rules for other addresses."""
    yield _LOOPBACK
    yield from first
    for own in (True, False):
        for one in catches:
            if one.own == own:
                yield from rules_of(one)
        if own:
            yield _OWN


def _judge(one: Catch) -> Iterator[str]:
    """Return the rules that drop packets of other sources, and with TPROXY lead the packets of allowed sources here."""
    if one.method == TPROXY and one.sources != ():
        target = f"tproxy {_IP[one.family]} to {_to(one)}"
        yield f"{_match(one)}{_from(one)} {target} {_ROUTE} accept{_comment(one)}"
    elif one.sources:
        yield f"{_match(one)}{_from(one)} accept{_comment(one)}"
    if one.method == TPROXY or one.sources is not None:
        yield f"{_match(one)} drop{_comment(one)}"


def _accepted(catches: Interception) -> Iterator[str]:
    """Return the rules that mark packets which TPROXY has led here as authorised."""
    yield _LOOPBACK
    yield _OWN
    taken = [one for one in catches if one.method == TPROXY and one.sources != ()]
    yield from (f"{_match(one)}{_from(one)} {_ACCEPT}{_comment(one)}" for one in taken)


def _missed(catches: Interception) -> Iterator[str]:
    """Return the rules that drop selected packets which would be forwarded, except packets that third-party NAT forwards."""
    if _with_tproxy(catches):
        yield f"meta mark & {ROUTED:#x} == {ROUTED:#x} drop"
    redirected = [one for one in catches if one.method == REDIRECT and not one.own]
    if redirected:
        yield "ct status dnat return"
    yield from (f"{_match(one)} drop{_comment(one)}" for one in redirected)


def _redirect(one: Catch) -> Iterator[str]:
    target = f"dnat {_IP[one.family]} to {_to(one)}" if one.address else f"redirect to :{one.port}"
    yield f"{_match(one)} {target}{_comment(one)}"


def _to(one: Catch) -> str:
    address = f"[{one.address}]" if one.address and one.family == "ipv6" else one.address or ""
    return f"{address}:{one.port}"


def _match(one: Catch) -> str:
    interfaces = f"iifname {_one_of([f'{name!r}'.replace(chr(39), chr(34)) for name in one.interfaces])} "
    where = f"meta nfproto {one.family}" if one.everywhere else f"{_IP[one.family]} daddr {_one_of(one.destinations)}"
    return f"{interfaces if one.interfaces else ''}{where} tcp dport {_one_of([str(port) for port in one.ports])}"


def _from(one: Catch) -> str:
    if one.sources is None or "/0" in one.sources[0][-2:]:
        return ""
    return f" {_IP[one.family]} saddr {_one_of(one.sources)}"


def _one_of(values: tuple[str, ...] | list[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _comment(one: Catch) -> str:
    return f' comment "{one.listener}"'
