# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The intercept rules of a host: packets with other destinations that are led to a port of the host.

It knows nothing of Kong, nor of any firewall's language.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, FAMILIES

TPROXY, REDIRECT = "tproxy", "redirect"
EVERYWHERE = ("0.0.0.0/0", "::/0")
# Bits of the packet mark. The late part of the firewall accepts the first (MARK in _netfilter/names.py). The second leads a
# packet with another destination to this host's own sockets (kernel, Documentation/networking/tproxy.rst).
ACCEPTED, ROUTED = 0x10000000, 0x20000000
# Names of listeners and interfaces in rules.
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Catch:
    """Packets of one family over tcp, and the socket that they go to.

    `sources` None is anybody; others are dropped. `address` None is any address of the host. With `own` the
    destinations are the host's own addresses, which otherwise nothing catches.
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
        """Whether the rule is for every destination of the family."""
        return self.destinations[0] in EVERYWHERE

    def __str__(self) -> str:
        through = f" through {', '.join(self.interfaces)}" if self.interfaces else ""
        who = "anyone" if self.sources is None else ", ".join(self.sources) or "nobody"
        to = f"[{self.address}]" if self.address and self.family == "ipv6" else self.address or "port"
        return (
            f"tcp {', '.join(map(str, self.ports))} to {', '.join(self.destinations)}{through}: {self.method} to {to}"
            f"{':' if self.address else ' '}{self.port} ({self.listener}), from {who}"
        )


Interception = tuple[Catch, ...]


class InterceptionError(ValueError):
    """Data that cannot be used; the message names the place and the value."""


def catches_from_data(data: t.Iterable[Mapping[str, t.Any]]) -> Interception:
    """Read plain data, as the plan holds it with its sources written out; keys and types of values are checked already.

    Equal meaning gives equal results: networks are merged and in order, and those of the host's own addresses come
    first, as nothing else catches these. Raises InterceptionError for values that no rule can have.
    """
    found = [_catch(f"catches[{at}]", one) for at, one in enumerate(data)]
    return tuple(sorted(found, key=lambda one: (not one.own, FAMILIES.index(one.family))))


def catches_to_data(catches: Interception) -> list[dict[str, t.Any]]:
    """Return the plain data that catches_from_data reads."""
    return [{**vars(one), "sources": "any" if one.sources is None else list(one.sources)} for one in catches]


def of_family(catches: Interception, family: str, method: str | None = None) -> Interception:
    """Return the rules of one family, and with a method only those with this method."""
    return tuple(one for one in catches if one.family == family and method in (None, one.method))


def text_of(catches: Interception | None) -> str:
    """Return a readable line for each rule."""
    return "".join(f"{one}\n" for one in catches or ())


def _catch(where: str, data: Mapping[str, t.Any]) -> Catch:
    family, sources = data["family"], data["sources"]
    if data.get("own") and data["method"] == TPROXY:
        raise InterceptionError(f"{where}.own is true, and tproxy leaves the host's own addresses alone")
    for port in (data["port"], *data["ports"]):
        if not 1 <= port <= 65535:
            raise InterceptionError(f"{where}: {port!r} is no port; expected are numbers from 1 to 65535")
    for key in ("destinations", "ports"):
        if not data[key]:
            raise InterceptionError(f"{where}.{key} is empty, which selects nothing")
    return Catch(
        method=data["method"],
        family=family,
        destinations=_merged(f"{where}.destinations", family, data["destinations"]),
        ports=tuple(sorted(set(data["ports"]))),
        interfaces=tuple(sorted({_word(f"{where}.interfaces", name) for name in data.get("interfaces") or ()})),
        sources=None if sources == ANY else _merged(f"{where}.sources", family, sources),
        listener=_word(f"{where}.listener", data["listener"]),
        address=data.get("address") and _address(f"{where}.address", family, data["address"]),
        port=data["port"],
        own=bool(data.get("own")),
    )


def _merged(where: str, family: str, texts: t.Any) -> tuple[str, ...]:
    if not isinstance(texts, (list, tuple)):
        raise InterceptionError(f"{where} is {texts!r}; expected is a list of {family} networks")
    try:
        return tuple(from_ranges(family, parse_networks(family, map(str, texts)).ranges).texts())
    except ValueError as error:
        raise InterceptionError(f"{where}: {error}; expected are {family} networks") from error


def _address(where: str, family: str, text: str) -> str:
    (network,) = _merged(where, family, [text])
    address, _slash, length = network.partition("/")
    if length != ("32" if family == "ipv4" else "128"):
        raise InterceptionError(f"{where} is {text!r}; expected is one {family} address")
    return address


def _word(where: str, text: str) -> str:
    if not _WORD.fullmatch(text):
        raise InterceptionError(
            f"{where}: {text!r} has other characters than letters, digits, dots, underscores and hyphens"
        )
    return text
