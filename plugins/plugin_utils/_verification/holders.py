# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes that hold the virtual addresses of a plan during a verification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import Probe

# By node: the virtual addresses that it holds now. A node that has not answered is missing.
Holders = Mapping[str, Sequence[str]]


def find_holders(plan: Mapping[str, Any], held: Holders) -> dict[str, list[str]]:
    """Return the holders of each virtual address of the plan; without an answer of any node there are no addresses."""
    found: dict[str, list[str]] = {}
    for name, addresses in held.items():
        for address in plan["nodes"][name].get("virtual_addresses", ()):
            found.setdefault(address, []).extend([name] if address in addresses else [])
    return found


def answers_elsewhere(plan: Mapping[str, Any], probe: Probe, holders: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a probe leads to a virtual address that another node than its target holds, so that this node answers."""
    mappings = plan["nodes"][probe.target]["nat"] if holders else ()
    holding = holders.get(_find_inside(mappings, probe), ())
    return bool(holding) and probe.target not in holding


def _find_inside(mappings: Sequence[Mapping[str, Any]], probe: Probe) -> str:
    """Return the address to which a probe leads, empty for the target's own. A mapping of one port precedes that of all ports."""
    matching = {
        mapping["outside_port"]: mapping.get("inside", "")
        for mapping in mappings
        if mapping["outside"] == probe.dialled.address
        and mapping["outside_port"] in (None, probe.dialled.port)
        and probe.protocol in mapping["protocols"]
    }
    return str(matching.get(probe.dialled.port, matching.get(None))) if matching else probe.dialled.address


def describe_holders(address: str, names: Sequence[str]) -> str:
    """Return which node was tested at a virtual address, or why the results at it are not reliable."""
    if not names:
        return f"{address} is on no node now, so no listener was tested at it: check keepalived, or the program that assigns it"
    if len(names) == 1:
        return f"{address} is on {names[0]}, so only the listeners of {names[0]} were tested at it"
    return f"{address} is on {join_words(names)} at the same time, so any of them may have answered: check keepalived"
