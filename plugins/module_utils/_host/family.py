# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two address families, with the word that each program has for them. Rulesets and results use the names."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """IPv4 or IPv6. `version` is 4 or 6."""

    version: int

    @property
    def name(self) -> str:
        """The name in rulesets, in firewalld's rich rules and for nft's `meta nfproto`: "ipv4" or "ipv6"."""
        return f"ipv{self.version}"

    @property
    def suffix(self) -> str:
        """The text that names of programs, files and chains contain for IPv6: "" or "6"."""
        return "6" if self.version == 6 else ""

    @property
    def ip(self) -> str:
        """The family of a table, and the header, in nft(8): "ip" or "ip6"."""
        return f"ip{self.suffix}"

    @property
    def inet(self) -> str:
        """The family of a set in ipset(8): "inet" or "inet6"."""
        return f"inet{self.suffix}"

    @property
    def iptables(self) -> str:
        """The program, without a variant: "iptables" or "ip6tables"."""
        return f"ip{self.suffix}tables"

    @property
    def option(self) -> str:
        """The option of ip(8): "-4" or "-6"."""
        return f"-{self.version}"

    @property
    def bits(self) -> int:
        """The length of an address in bits: 32 or 128."""
        return 128 if self.version == 6 else 32

    @property
    def wildcard(self) -> str:
        """The address that stands for each address of a host: 0.0.0.0 or ::."""
        return "::" if self.version == 6 else "0.0.0.0"

    @property
    def number(self) -> socket.AddressFamily:
        """The number in the socket API, which netlink uses too."""
        return socket.AF_INET6 if self.version == 6 else socket.AF_INET

    @property
    def legacy_tables(self) -> str:
        """The file that lists the loaded tables of iptables-legacy."""
        return f"/proc/net/ip{self.suffix}_tables_names"


FAMILY = {family.name: family for family in (Family(4), Family(6))}
FAMILIES = tuple(FAMILY)
