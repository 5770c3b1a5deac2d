# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds chains of nftables that refuse, or may refuse, ports that our iptables chain opens."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_obstacles import IP
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import PRIORITY, TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_obstacles import Own, find_obstacles
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import with_options
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle

_OTHER_TABLES = ("raw", "mangle", "nat", "security")
_OWN = Own(frozenset({("ip", "filter", "INPUT"), ("ip6", "filter", "INPUT")}), marked_after=PRIORITY)
_NOTHING = Own(frozenset(), marked_after=PRIORITY)


def obstacles(listed: list[dict[str, t.Any]], want: Ruleset, saved: Mapping[str, str]) -> tuple[Obstacle, ...]:
    """The obstacles in the list below "nftables" of `nft -j list ruleset`.

    `saved` is what iptables-nft-save wrote, by family: nft lists those rules as well, without the options of their
    extensions.
    """
    for family, text in saved.items():
        listed = with_options(listed, IP[family], text)
    others = [one for one in listed if not any(_is_read_elsewhere(value, saved) for value in one.values())]
    return find_obstacles(others, want, _OWN if saved else _NOTHING)


def _is_read_elsewhere(value: Mapping[str, t.Any], saved: Mapping[str, str]) -> bool:
    """Whether something is of our own table of nftables, or of a table of which iptables-save tells more."""
    if value.get("table") == TABLE:
        return True
    return value.get("family") in [IP[family] for family in saved] and value.get("table") in _OTHER_TABLES
