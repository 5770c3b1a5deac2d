# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The intercept rules of a host: they deliver packets for other destinations to a port of the host.

This model is independent of Kong and of the language of any firewall.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, is_port, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY

TPROXY, REDIRECT = "tproxy", "redirect"
EVERYWHERE = ("0.0.0.0/0", "::/0")
# Bits of the packet mark. The late part of the firewall accepts packets with the first bit (MARK in _netfilter/names.py).
# Packets with the second bit are routed to local sockets (kernel, Documentation/networking/tproxy.rst).
ACCEPTED, ROUTED = 0x10000000, 0x20000000
# The pattern for names of listeners and interfaces in rules.
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class InterceptRule:
    """An intercept rule: tcp packets of one family, and the socket to which they are delivered.

    `sources` None means any source; packets from other sources are dropped. `address` None means any address of the host.
    With `own`, the destinations are the host's own addresses, which no other rule intercepts.
    """

    method: str
    family: str
    destinations: tuple[str, ...]
    ports: tuple[int, ...]
    interfaces: tuple[str, ...]
    sources: tuple[str, ...] | None
    listener: str
    address: str | None
    port: int
    own: bool

    @property
    def everywhere(self) -> bool:
        """Whether the rule matches every destination of the family."""
        return self.destinations[0] in EVERYWHERE

    def __str__(self) -> str:
        through = f" through {', '.join(self.interfaces)}" if self.interfaces else ""
        sources = "any source" if self.sources is None else ", ".join(self.sources) or "no source"
        to = f"[{self.address}]" if self.address and self.family == "ipv6" else self.address or "port"
        return (
            f"tcp {', '.join(map(str, self.ports))} to {', '.join(self.destinations)}{through}: {self.method} to {to}"
            f"{':' if self.address else ' '}{self.port} ({self.listener}), from {sources}"
        )


Interception = t.Tuple[InterceptRule, ...]


class InterceptionError(ValueError):
    """Invalid data; the message names the key and the value."""


def interception_from_data(data: t.Iterable[Mapping[str, t.Any]]) -> Interception:
    """Return the intercept rules from plain data of a plan, in which each source is an address or network.

    The keys and the types of the values are already checked. Equivalent data gives equal results: networks are merged and
    sorted, and rules for the host's own addresses come first. Raises InterceptionError for values that no rule can have.
    """
    found = [_parse_rule(f"interception[{number}]", entry) for number, entry in enumerate(data)]
    return tuple(sorted(found, key=lambda rule: (not rule.own, FAMILIES.index(rule.family))))


def interception_to_data(rules: Interception) -> list[dict[str, t.Any]]:
    """Return the plain data that interception_from_data reads."""
    return [{**vars(rule), "sources": "any" if rule.sources is None else list(rule.sources)} for rule in rules]


def select_family(rules: Interception, family: str, method: str | None = None) -> Interception:
    """Return the rules of one family; if a method is given, only the rules with this method."""
    return tuple(rule for rule in rules if rule.family == family and method in (None, rule.method))


def format_interception(rules: Interception | None) -> str:
    """Return a readable line for each rule."""
    return "".join(f"{rule}\n" for rule in rules or ())


def _parse_rule(where: str, data: Mapping[str, t.Any]) -> InterceptRule:
    family, sources = data["family"], data["sources"]
    if data.get("own") and data["method"] == TPROXY:
        raise InterceptionError(
            f"{where}.own is true, but method tproxy cannot intercept the host's own addresses: use method redirect"
        )
    for port in (data["port"], *data["ports"]):
        if not is_port(port):
            raise InterceptionError(f"{where}: {port!r} is not a port; expected a number from 1 to 65535")
    for key in ("destinations", "ports"):
        if not data[key]:
            raise InterceptionError(f"{where}.{key} is empty, so the rule would match no packet: add a value")
    return InterceptRule(
        method=data["method"],
        family=family,
        destinations=_merge_networks(f"{where}.destinations", family, data["destinations"]),
        ports=tuple(sorted(set(data["ports"]))),
        interfaces=tuple(sorted({_check_word(f"{where}.interfaces", name) for name in data.get("interfaces") or ()})),
        sources=None if sources == ANY else _merge_networks(f"{where}.sources", family, sources),
        listener=_check_word(f"{where}.listener", data["listener"]),
        address=data.get("address") and _parse_address(f"{where}.address", family, data["address"]),
        port=data["port"],
        own=bool(data.get("own")),
    )


def _merge_networks(where: str, family: str, texts: t.Any) -> tuple[str, ...]:
    if not isinstance(texts, (list, tuple)):
        raise InterceptionError(f"{where} is {texts!r}; expected is a list of {family} networks")
    try:
        return tuple(from_ranges(family, parse_networks(family, map(str, texts)).ranges).format())
    except ValueError as error:
        raise InterceptionError(f"{where}: {error}; expected are {family} networks") from error


def _parse_address(where: str, family: str, text: str) -> str:
    (network,) = _merge_networks(where, family, [text])
    address, _slash, length = network.partition("/")
    if length != str(FAMILY[family].bits):
        raise InterceptionError(f"{where} is {text!r}; expected is one {family} address")
    return address


def _check_word(where: str, text: str) -> str:
    if not _WORD.fullmatch(text):
        raise InterceptionError(
            f"{where} is {text!r}; allowed are 1 to 64 letters, digits, dots, underscores and hyphens"
        )
    return text
