# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option --limit: a host outside of it has no facts from this run, and the plan may need its address."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_hosts import ASKED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import Inventory, make_host_error

# A delegated task could gather these facts. But Ansible computes the connection variables of the other host with the
# inventory_hostname of the delegating host, so it may connect to the wrong host (ansible/vars/manager.py at 2.19,
# get_delegated_vars_and_hostname).
_REASON = "--limit excludes this host, so this run gathers no facts of it, and its address is not known"
_OF_NODE = "Set kong_address, or keep the facts of all hosts in a cache (fact_caching)"
_OF_OTHER = "Add it to --limit, set kong_address, or keep the facts of all hosts in a cache (fact_caching)"


def explain_excluded(
    findings: Iterable[Finding], inventory: Inventory, group: str, played: Collection[str]
) -> list[Finding]:
    """Return the findings, with another text for each unknown address of a host that --limit excludes.

    ``played`` are the nodes that --limit leaves. The other hosts that it leaves are in the group ``ASKED``.
    """
    left = {*played, *inventory.groups.get(ASKED, ())}
    return [
        _explain(finding, is_node=finding.host in inventory.groups[group])
        if finding.code == "address-unknown" and finding.variable == "kong_address" and finding.host not in left
        else finding
        for finding in findings
    ]


def _explain(finding: Finding, *, is_node: bool) -> Finding:
    text = f"{_REASON}. {_OF_NODE if is_node else _OF_OTHER}"
    return make_host_error(finding.code, finding.host, finding.variable, finding.value, text)
