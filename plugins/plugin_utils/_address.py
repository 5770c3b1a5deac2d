# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses and networks as canonical text, and port numbers.

The compiler keeps addresses as text: the plan contains text, text is cheap to hash and compare, and netaddr alone decides
whether it is an address. The functions for addresses take and return text of IPv4 or IPv6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Literal

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import quote_value

with suppress(ImportError):  # see _libraries
    from netaddr import INET_PTON, AddrFormatError, IPAddress, IPNetwork, cidr_merge

Family = Literal[4, 6]
FAMILIES: tuple[Family, ...] = (4, 6)
BITS: Mapping[int, int] = {4: 32, 6: 128}
DEFAULT_ROUTE: Mapping[Family, str] = {4: "0.0.0.0/0", 6: "::/0"}


class AddressError(ValueError):
    """Text that is not an address or network."""


def parse_port(value: object) -> int | None:
    """Return a port, 1 to 65535, from a number or decimal digits; None if the value is not a port."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits) if 0 < len(digits) <= 5 and int(digits) <= 65535 else None


@cache
def canonicalise_address(text: str) -> str:
    """Return the canonical form (IPv4 dotted quad, IPv6 as in RFC 5952) of one address.

    Raises AddressError for any other text: networks, names, zone identifiers, and IPv4-mapped IPv6 addresses, which no
    packet has.
    """
    try:
        address = _parse_strict(text)
    except (AddrFormatError, ValueError) as exc:
        raise AddressError(f"{quote_value(text)} is not an IPv4 or IPv6 address") from exc
    if address.version == 6 and address.is_ipv4_mapped():
        raise AddressError(f"{quote_value(text)} is an IPv4-mapped IPv6 address; write {address.ipv4()}")
    return str(address)


@cache
def canonicalise_network(text: str) -> str:
    """Return one address or network as CIDR text, such as ``192.168.10.20/32`` or ``2001:db8::/32``.

    Raises AddressError for any other text, and if bits are set right of the prefix: ``10.0.0.5/24`` may mean the host or
    the network.
    """
    try:
        address, slash, length = text.partition("/")
        _parse_strict(address)
        network = IPNetwork(text)
    except (AddrFormatError, ValueError) as exc:
        raise AddressError(f"{quote_value(text)} is not an IPv4 or IPv6 address or network") from exc
    if network.ip != network.network:
        raise AddressError(
            f"{quote_value(text)} has bits set right of its prefix; write {network.cidr} or {network.ip}"
        )
    if slash and not (length.isascii() and length.isdigit()):
        # netaddr reads blanks, signs, netmasks and their inverse, such as 0.0.0.255.
        raise AddressError(f"{quote_value(text)} has no prefix length in digits; write {network}")
    if network.version == 6 and network.ip.is_ipv4_mapped():
        raise AddressError(f"{quote_value(text)} is an IPv4-mapped IPv6 address; write the IPv4 address")
    return str(network)


@cache
def compute_network(address: str, length: str) -> str | None:
    """Return the network of a canonical address as CIDR text, from its prefix length or netmask; None if that is invalid."""
    try:
        return str(IPNetwork(f"{address}/{length}").cidr)
    except (AddrFormatError, ValueError):
        return None


def get_prefix_length(network: str) -> int:
    """Return the prefix length of a canonical network."""
    return int(network.rpartition("/")[2])


def get_interface_id(address: str) -> int:
    """Return the lower 64 bits of a canonical IPv6 address."""
    return int(IPAddress(address)) & 0xFFFF_FFFF_FFFF_FFFF


def _parse_strict(text: str) -> IPAddress:
    """Return an address that is written in full. Before 1.0 netaddr reads 010.0.0.5 as 8.0.0.5, and 10.5 as 10.0.0.5."""
    return IPAddress(text, flags=INET_PTON)


@cache
def make_host_network(address: str) -> str:
    """Return a canonical address as a network with this address only."""
    return f"{address}/{128 if ':' in address else 32}"


def find_family(text: str) -> Family:
    """Return the family, 4 or 6, of a canonical address or network."""
    return 6 if ":" in text else 4


# RFC 1122, section 3.2.1.3, and RFC 4291, sections 2.5.2 and 2.7. Linux 6 binds the multicast and broadcast addresses, and a
# connection to them fails with ENETUNREACH (measured).
_OF_NO_HOST: Mapping[str, str] = {
    "0.0.0.0/32": "the unspecified address",
    "::/128": "the unspecified address",
    "0.0.0.0/8": "in 0.0.0.0/8, which no host has",
    "255.255.255.255/32": "the broadcast address",
    "224.0.0.0/4": "a multicast address",
    "ff00::/8": "a multicast address",
}
# RFC 4291, section 2.5.6: an IPv6 link-local address needs a zone.
_OF_ONE_HOST: Mapping[str, str] = {
    "127.0.0.0/8": "a loopback address",
    "::1/128": "a loopback address",
    "fe80::/10": "a link-local address",
}


@cache
def explain_hostless(network: str) -> str | None:
    """Return the reason why no host can have a canonical address, or any address of a canonical network; None if one can."""
    return next((reason for reserved, reason in _OF_NO_HOST.items() if contains(reserved, network)), None)


@cache
def explain_unusable(network: str) -> str | None:
    """Return the reason why another host can dial no address of a canonical address or network, or None if it can."""
    one_host = (reason for reserved, reason in _OF_ONE_HOST.items() if contains(reserved, network))
    return explain_hostless(network) or next(one_host, None)


# RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


@cache
def is_private(network: str) -> bool:
    """Tell whether a canonical address or network is for private use."""
    return any(contains(private, network) for private in _PRIVATE)


def _make_network_key(network: str) -> tuple[Family, int, int]:
    return find_family(network), compute_bounds(network)[0], get_prefix_length(network)


@cache
def compute_bounds(network: str) -> tuple[int, int]:
    """Return the first and the last address of a canonical network or address as numbers."""
    # inet_pton takes a tenth of the time of netaddr.
    address, _slash, length = network.partition("/")
    packed = inet_pton(AF_INET if find_family(address) == 4 else AF_INET6, address)
    first, bits = int.from_bytes(packed, "big"), len(packed) * 8
    return first, first + (1 << bits - int(length or bits)) - 1


def find_network(address: str, length: int) -> str:
    """Return the canonical network of this length around a canonical address."""
    return str(IPNetwork(f"{address}/{length}").cidr)


def find_common_length(address: str, other: str) -> int:
    """Return the number of first bits that two canonical addresses of one family have in common."""
    differing = compute_bounds(address)[0] ^ compute_bounds(other)[0]
    return BITS[find_family(address)] - differing.bit_length()


def sort_networks(networks: Iterable[str]) -> tuple[str, ...]:
    """Return canonical networks without duplicates, IPv4 first, in numerical order."""
    return tuple(sorted(set(networks), key=_make_network_key))


def contains(network: str, inner: str) -> bool:
    """Tell whether a canonical network contains another canonical network or address."""
    if find_family(network) != find_family(inner):
        return False
    (first, last), (inner_first, inner_last) = compute_bounds(network), compute_bounds(inner)
    return first <= inner_first and inner_last <= last


def merge_networks(networks: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest networks of one or both families with the same addresses, in ascending order."""
    return tuple(map(str, cidr_merge([*networks])))


@cache
def covers_everything(networks: tuple[str, ...]) -> bool:
    """Tell whether networks together cover all of IPv4 or all of IPv6."""
    return any(network.prefixlen == 0 for network in cidr_merge(list(networks)))


@dataclass(frozen=True, slots=True)
class Addresses:
    """At most one canonical address of each family."""

    ipv4: str | None = None
    ipv6: str | None = None

    def select(self, family: Family) -> str | None:
        """Return the address of the family 4 or 6, or None."""
        return self.ipv4 if family == 4 else self.ipv6

    def list_all(self) -> tuple[str, ...]:
        """Return all addresses, IPv4 first."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address is not None)

    def __bool__(self) -> bool:
        return self.ipv4 is not None or self.ipv6 is not None

    def as_dict(self) -> dict[str, str | None]:
        """Return plain data for the plan."""
        return {"ipv4": self.ipv4, "ipv6": self.ipv6}

    @classmethod
    def from_dict(cls, data: dict[str, str | None]) -> Addresses:
        """Read the data of as_dict."""
        return cls(ipv4=data["ipv4"], ipv6=data["ipv6"])


NO_ADDRESSES = Addresses()


def read_addresses(value: Any) -> Addresses:
    """Read one address, or a list with at most one of each family (text, usable as a node's own address).

    Raises AddressError with the item that is wrong. None and empty values have no addresses.
    """
    found: dict[Family, str] = {}
    for item in _as_list(value):
        if not isinstance(item, str):
            raise AddressError(f"{quote_value(item)} is not text")
        address = canonicalise_address(item.strip())
        if reason := explain_unusable(address):
            raise AddressError(f"{quote_value(item)} is {reason}")
        if found.setdefault(find_family(address), address) != address:
            raise AddressError(f"two IPv{find_family(address)} addresses: {found[find_family(address)]} and {address}")
    return Addresses(ipv4=found.get(4), ipv6=found.get(6))


def _as_list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
