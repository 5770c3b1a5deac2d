# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules that packets to the host pass: the rules of nftables, and of both variants of iptables."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, Range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import Chains
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import find_program
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_sets import put_members, read_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_sets import inline_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import list_nft_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import read_saved, with_options


class LiveRules(t.NamedTuple):
    """The chains of each table, and by family the networks that their rules name."""

    tables: tuple[Chains, ...]
    networks: t.Mapping[str, tuple[Range, ...]]


def read_live_rules(host: Host) -> LiveRules:
    """Read the rules that are loaded now, without a change. Raises HostError if a program for them is missing."""
    objects = _list_nft_objects(host)
    saved = {family: host.run(f"{program}-save") for family, program in _list_legacy_programs(host).items()}
    tables: list[Chains] = [*parse_tables(objects).values()]
    for family, text in saved.items():
        tables += parse_saved(text, family)
    sets = read_sets(host, tables)
    put_members(tables, sets)
    networks = {
        family: tuple(list_named_networks(family, [objects, saved.get(family, "")]) | _list_ranges(family, sets))
        for family in FAMILY
    }
    return LiveRules(tuple(tables), networks)


def _list_ranges(family: str, sets: t.Mapping[str, Networks]) -> set[Range]:
    return {part for members in sets.values() if members.family == family for part in members.ranges}


def _list_nft_objects(host: Host) -> list[dict[str, t.Any]]:
    if not host.call(list_nft_tables):
        return []
    if host.which("nft") is None:
        raise HostError(
            "rules of nftables are loaded, and the program nft, which lists them, is missing: install the package nftables"
        )
    objects = inline_sets(Listing(host).query("list", "ruleset"))
    for family, saved in read_saved(host, objects).items():
        objects = with_options(objects, family, saved)
    return objects


def _list_legacy_programs(host: Host) -> dict[str, str]:
    """Return the program by family, iptables-legacy or ip6tables-legacy, for each family with loaded tables of iptables-legacy."""
    return {
        name: find_program(host, name, "legacy") for name, family in FAMILY.items() if host.read(family.legacy_tables)
    }
