# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what refuses, or may refuse, ports that our iptables chain opens, among chains of nftables."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import PROGRAM
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import nft_tables, tables_of_iptables
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle, Translation

IP = {"ipv4": "ip", "ipv6": "ip6"}


def nftables_obstacles(host: Host, want: Ruleset, saved: Mapping[str, str]) -> tuple[Obstacle, ...]:
    """Chains of nftables on the input hook.

    `saved` is what iptables-nft-save wrote, by family. It is empty where the host's iptables is the legacy variant.
    """
    if host.which("nft") is None:
        return ()
    # nft takes its time on a host with many rules, so it is asked only about tables that iptables did not make.
    if {*host.call(nft_tables)} <= tables_of_iptables(IP[family] for family in saved):
        return ()
    # Seldom needed, and its code takes a while to load.
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_beside import obstacles  # noqa: PLC0415

    return obstacles(json.loads(host.run("nft", "--json", "--terse", "list", "ruleset"))["nftables"], want, saved)


def translations_of(saved: Mapping[str, str]) -> tuple[Translation, ...]:
    """Where the tables nat, in the output of iptables-save by family, send packets on to."""
    with_nat = {family: text for family, text in saved.items() if "*nat\n" in text}
    if not with_nat:
        return ()
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import saved_translations  # noqa: PLC0415

    return tuple(one for family, text in with_nat.items() for one in saved_translations(text, PROGRAM[family]))


def without_ipv6(want: Ruleset, file: str) -> tuple[Obstacle, ...]:
    """A warning where the ruleset has IPv6 sources or addresses, and the kernel has no IPv6."""
    sources = {one.name for one in want.sets if one.ipv6.members}
    entries = [entry for entry in want.allow if entry.service.families == ("ipv6",) or sources & {*entry.set_names}]
    ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
    reason = f"it runs without IPv6, so no ip6tables rules are loaded; they wait in {file} for a boot with IPv6"
    advice = "Nothing is to be done if that is meant"
    return (Obstacle(certain=False, where="the kernel", reason=reason, ports=ports, advice=advice),) if ports else ()
