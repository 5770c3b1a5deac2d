# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables tables of a host, queried over netlink instead of nft (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.netlink import (
    NETFILTER,
    connect,
    dump_objects,
    parse_attributes,
    query,
)

Table = t.Tuple[str, str]  # family and name, as nft lists them

_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_GET_TABLE = 10 << 8 | 1
_GET_GENERATION = 10 << 8 | 16
_NAME, _ID = 1, 1
_IPTABLES = ("filter", "raw", "mangle", "nat", "security")


def list_nft_tables() -> tuple[Table, ...]:
    """Return all tables; none if the kernel lacks nftables."""
    with connect(NETFILTER) as link:
        messages = dump_objects(link, _GET_TABLE, struct.pack("!BBH", 0, 0, 0))
    return tuple(
        (_FAMILIES.get(message[0], ""), dict(parse_attributes(message[4:]))[_NAME].rstrip(b"\0").decode())
        for message in messages
    )


def read_generation() -> bytes | None:
    """Return the generation ID of the ruleset, which changes with every commit of nft and iptables-nft.

    The result is None if the kernel lacks nftables.
    """
    try:
        with connect(NETFILTER) as link:
            (message,) = query(link, _GET_GENERATION, struct.pack("!BBH", 0, 0, 0))
    except (OSError, ValueError):
        return None
    return dict(parse_attributes(message[4:])).get(_ID)


def has_iptables_nft() -> bool:
    """Tell whether a table is loaded in which iptables-nft can have rules."""
    return not name_iptables_tables(("ip", "ip6")).isdisjoint(list_nft_tables())


def name_iptables_tables(families: t.Iterable[str]) -> frozenset[Table]:
    """Return the tables in which iptables-nft stores its rules, for families in the notation of nft."""
    return frozenset((family, name) for family in families for name in _IPTABLES)
