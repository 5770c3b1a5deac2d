# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of an older plan that left the fleet: they may still run Kong and have our rules, and no run connects to them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import shorten_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import WARNING, Finding, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import GAINS, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_PLAYBOOK = "gatehouse.kong.remove"


def make_left_findings(
    old: Mapping[str, Any], new: Mapping[str, Any], hosts: Collection[str], sources: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a warning, in the form of a plan's findings, for the nodes of the old plan that are not in the new plan.

    ``hosts`` are the hosts of the inventory, and ``sources`` its paths as given to ansible-playbook. The warning has the
    command that removes our rules from the nodes. It is not in the plan, which depends on the inventory only.
    """
    left = sorted(_list_left(old, new), key=make_natural_key)
    kinds = [[name for name in left if (name in hosts) is known] for known in (True, False)]
    return share_findings(
        Finding(
            WARNING,
            "node-left",
            name,
            "kong_group",
            None,
            f"{name}: kong_group: {_format_message(names, hosts, sources)}",
        )
        for names in kinds
        for name in names
    )


def make_left_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], hosts: Collection[str], sources: Sequence[str]
) -> list[Change]:
    """Return the findings of make_left_findings as changes between the plans."""
    found = make_left_findings(old, new, hosts, sources)
    return [Change(GAINS, tuple(each["hosts"]), f"warning {each['code']}", each["message"]) for each in found]


def _list_left(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names of nodes of the old plan whose host is not a node of the new plan, under any name."""
    present = {place for node in new["nodes"].values() for place in _list_places(node)}
    return [
        name
        for name, node in old["nodes"].items()
        if name not in new["nodes"] and present.isdisjoint(_list_places(node))
    ]  # fmt: skip


def _list_places(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(node["site"], address) for address in node["address"].values() if address}


def _format_message(names: Sequence[str], hosts: Collection[str], sources: Sequence[str]) -> str:
    return (
        "an older plan has this node and the group of the Kong nodes no longer has it, so no run connects to it. If it still "
        f"runs Kong, stop Kong; then remove our rules: {format_removal_command(names, hosts, sources)}"
    )


def format_removal_command(names: Sequence[str], hosts: Collection[str], sources: Sequence[str]) -> str:
    """Return the command that removes our rules from hosts, all in the inventory or none."""
    leaving = ",".join(names)
    known = [shorten_source(source) for source in sources if "," in source or Path(source).exists()]
    inventories = known if names[0] in hosts else [*known, f"{leaving},"]
    options = [word for inventory in inventories for word in ("-i", inventory)]
    return shlex.join(["ansible-playbook", _PLAYBOOK, *options, "-e", f"leaving={leaving}"])
