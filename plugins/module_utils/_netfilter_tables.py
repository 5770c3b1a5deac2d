# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables of nftables a host has, told without a process (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

import struct

from ansible_collections.gatehouse.kong.plugins.module_utils._netlink import NETFILTER, attributes, connect, listed

Table = tuple[str, str]  # family and name, as nft lists them

_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_GET_TABLE = 10 << 8 | 1
_NAME = 1


def nft_tables() -> tuple[Table, ...]:
    """All tables; none where the kernel has no nftables."""
    with connect(NETFILTER) as link:
        messages = listed(link, _GET_TABLE, struct.pack("!BBH", 0, 0, 0))
    return tuple(
        (_FAMILIES.get(message[0], ""), dict(attributes(message[4:]))[_NAME].rstrip(b"\0").decode())
        for message in messages
    )
