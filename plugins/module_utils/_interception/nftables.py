# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders an interception as the text of our second nftables table (nft(8)).

If no transparent socket listens, the evaluation of the TPROXY rule ends, and the next rule drops the packet. That rule also
drops packets from other sources. The chain `forward` drops selected packets that would still be forwarded.

The late part of the firewall accepts packets with the bit ACCEPTED. The early part clears that bit on the input hook. After
that, a chain in this table sets the bit on intercepted packets. It recognises these packets by their addresses and by the
bit ROUTED.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    ACCEPTED,
    REDIRECT,
    ROUTED,
    TPROXY,
    Interception,
    InterceptRule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import PRIORITY

TABLE = "gatehouse_kong_transparent"

_HEADER = f"""\
add table inet {TABLE}
delete table inet {TABLE}
"""
_LOOPBACK = 'iifname "lo" return comment "the host reaches itself"'
_OWN = 'fib daddr type local return comment "packets to the host itself"'
_UNMARK = f'meta mark set meta mark & {0xFFFFFFFF ^ (ACCEPTED | ROUTED):#x} comment "only rules below set these bits"'
_ROUTE = f"meta mark set meta mark | {ROUTED:#x}"
_ACCEPT = f"meta mark & {ROUTED:#x} == {ROUTED:#x} meta mark set meta mark | {ACCEPTED:#x}"
# After the chain of the early part, and before the host's own chains.
_AFTER_EARLY = f"filter - {-PRIORITY - 1}"
Rules = t.Callable[[InterceptRule], t.Iterator[str]]


def render_interception(rules: Interception | None) -> str:
    """Return a complete input for `nft -f` that replaces our table, or removes it (None)."""
    if rules is None:
        return _HEADER
    unmark = (_UNMARK,) if _uses_tproxy(rules) else ()
    chains = [
        ("prerouting", "filter hook prerouting priority mangle", _exclude_own(rules, _render_filter, unmark)),
        ("forward", "filter hook forward priority mangle", _render_forward_drops(rules)),
    ]
    if _uses_tproxy(rules):
        chains.append(("input", f"filter hook input priority {_AFTER_EARLY}", _render_marks(rules)))
    redirected = tuple(rule for rule in rules if rule.method == REDIRECT)
    if redirected:
        redirects = _exclude_own(redirected, _render_redirect)
        chains.append(("redirected", "nat hook prerouting priority dstnat - 5", redirects))
    return f"{_HEADER}table inet {TABLE} {{\n" + "".join(_render_chain(*chain) for chain in chains) + "}\n"


def _render_chain(name: str, hook: str, rules: Iterator[str]) -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype {hook}; policy accept;\n{lines}\t}}\n"


def _uses_tproxy(rules: Interception) -> bool:
    return any(rule.method == TPROXY for rule in rules)


def _exclude_own(rules: Interception, render: Rules, first: Iterable[str] = ()) -> Iterator[str]:
    """Yield the rules, with rules before them that exclude packets from the host and packets to its own addresses."""
    yield _LOOPBACK
    yield from first
    for own in (True, False):
        for rule in rules:
            if rule.own == own:
                yield from render(rule)
        if own:
            yield _OWN


def _render_filter(rule: InterceptRule) -> Iterator[str]:
    """Yield the rules that drop packets from other sources and, with TPROXY, deliver packets from allowed sources."""
    if rule.method == TPROXY and rule.sources != ():
        target = f"tproxy {FAMILY[rule.family].ip} to {_render_target(rule)}"
        yield f"{_match(rule)}{_match_sources(rule)} {target} {_ROUTE} accept{_render_comment(rule)}"
    elif rule.sources:
        yield f"{_match(rule)}{_match_sources(rule)} accept{_render_comment(rule)}"
    if rule.method == TPROXY or rule.sources is not None:
        yield f"{_match(rule)} drop{_render_comment(rule)}"


def _render_marks(rules: Interception) -> Iterator[str]:
    """Yield the rules that set the bit ACCEPTED on packets which TPROXY delivers."""
    yield _LOOPBACK
    yield _OWN
    delivered = [rule for rule in rules if rule.method == TPROXY and rule.sources != ()]
    yield from (f"{_match(rule)}{_match_sources(rule)} {_ACCEPT}{_render_comment(rule)}" for rule in delivered)


def _render_forward_drops(rules: Interception) -> Iterator[str]:
    """Yield the rules that drop selected packets which would be forwarded, except packets that third-party NAT forwards."""
    if _uses_tproxy(rules):
        yield f"meta mark & {ROUTED:#x} == {ROUTED:#x} drop"
    redirected = [rule for rule in rules if rule.method == REDIRECT and not rule.own]
    if redirected:
        yield "ct status dnat return"
    yield from (f"{_match(rule)} drop{_render_comment(rule)}" for rule in redirected)


def _render_redirect(rule: InterceptRule) -> Iterator[str]:
    target = f"dnat {FAMILY[rule.family].ip} to {_render_target(rule)}" if rule.address else f"redirect to :{rule.port}"
    yield f"{_match(rule)} {target}{_render_comment(rule)}"


def _render_target(rule: InterceptRule) -> str:
    address = f"[{rule.address}]" if rule.address and rule.family == "ipv6" else rule.address or ""
    return f"{address}:{rule.port}"


def _match(rule: InterceptRule) -> str:
    interfaces = f"iifname {_match_any([f'{name!r}'.replace(chr(39), chr(34)) for name in rule.interfaces])} "
    destinations = f"{FAMILY[rule.family].ip} daddr {_match_any(rule.destinations)}"
    where = f"meta nfproto {rule.family}" if rule.everywhere else destinations
    ports = _match_any([str(port) for port in rule.ports])
    return f"{interfaces if rule.interfaces else ''}{where} tcp dport {ports}"


def _match_sources(rule: InterceptRule) -> str:
    if rule.sources is None or "/0" in rule.sources[0][-2:]:
        return ""
    return f" {FAMILY[rule.family].ip} saddr {_match_any(rule.sources)}"


def _match_any(values: tuple[str, ...] | list[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _render_comment(rule: InterceptRule) -> str:
    return f' comment "{rule.listener}"'
