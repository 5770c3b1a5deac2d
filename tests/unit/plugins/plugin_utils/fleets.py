# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fleets for the compiler's tests, and functions that read their plans."""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    complete_message,
    join_message,
    select_host,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_paths, list_rules

GOSSIP = {"kong_version": "0.10.4"}

# The worked example of DESIGN, section 4, without additions.
SEED_NODES = {
    "a1": {**GOSSIP, "kong_site": "lan", "kong_address": "192.168.10.11", "kong_admin_sources": ["admin"]},
    "a2": {**GOSSIP, "kong_site": "lan", "kong_address": "192.168.10.12", "kong_admin_sources": ["admin"]},
    "b1": {
        **GOSSIP,
        "kong_site": "branch",
        "kong_address": "192.168.23.45",
        "kong_admin_sources": ["admin"],
        "kong_cluster_listen": "192.168.23.45:80",
        "kong_nat": [
            {"outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80, "protocols": ["tcp", "udp"]},
        ],
    },
}
SEED_OTHERS = {"admin": {"kong_site": "lan", "kong_address": "192.168.10.20"}}


def make_gossip_sites(count, **more):
    """Return nodes of Kong 0.10, each at its own site behind a NAT."""
    return {
        f"k{number:04}": {
            **GOSSIP,
            "kong_site": f"s{number:04}",
            "kong_address": f"10.{number // 250}.{number % 250}.2",
            "kong_nat": [{"outside": f"198.18.{number // 250}.{number % 250 + 1}"}],
            **more,
        }
        for number in range(count)
    }


def make_hybrid_sites(count, **more):
    """Return nodes of hybrid mode, each at its own site behind a NAT; every tenth is a control plane."""
    return {
        name: {**node, "kong_version": "3.4", "kong_role": "data_plane" if number % 10 else "control_plane", **more}
        for number, (name, node) in enumerate(make_gossip_sites(count).items())
    }


def make_inventory(nodes, others=None, groups=None):
    """Return an inventory of nodes (in group ``kong``), other hosts, and further groups."""
    others = others or {}
    known = {"kong": list(nodes), "all": [*nodes, *others], **(groups or {})}
    return PlainInventory(known, {**nodes, **others})


@contextmanager
def allow_long_messages():
    """Let messages be so long that no fault has its short form."""
    with patch.object(_findings, "MESSAGE_LIMIT", 2000):
        yield


def compile_fleet(nodes, others=None, groups=None):
    """Return the compilation of a fleet."""
    return compile_plan(make_inventory(nodes, others, groups), "kong")


def plan_fleet(nodes, others=None, groups=None):
    """Return the plan of a fleet that has no errors."""
    compilation = compile_fleet(nodes, others, groups)
    assert [finding.message for finding in compilation.errors] == []
    return compilation.plan


def read_text(finding):
    """Return the whole text of a finding as a reader sees it: with its host and its detail."""
    return f"{finding.host}: {join_message(share_findings([finding])[0])}"


def find_errors(nodes, others=None, groups=None):
    """Return the errors of a fleet that cannot be compiled, by code."""
    compilation = compile_fleet(nodes, others, groups)
    assert compilation.plan is None
    return compilation.errors


def find_only_error(nodes, others=None, groups=None):
    """Return the only error of a fleet."""
    found = find_errors(nodes, others, groups)
    assert len(found) == 1, [finding.message for finding in found]
    return found[0]


def list_warnings(plan, code=None):
    """Return the plan's warnings for each host, all or the warnings of one code."""
    return [
        finding
        for finding in list_findings(plan)
        if finding["severity"] == "warning" and code in (None, finding["code"])
    ]


def list_findings(plan):
    """Return the plan's findings for each host, with the host in the message, as the compiler reports them."""
    return [
        {**finding, "host": host, "message": f"{host}: {complete_message(select_host(finding, host))[0]}"}
        for finding in plan["findings"]
        for host in finding["hosts"]
    ]


def get_settings(plan, node):
    """Return a node's settings."""
    return plan["nodes"][node]["settings"]


def get_sources(plan, node, listener, protocol="tcp", port=None):
    """Return the networks that may reach a node's listener, or ``any``, from the rule for the port if it is given."""
    rules = [
        rule
        for rule in list_rules(plan, node)
        if (rule["listener"], rule["protocol"]) == (listener, protocol) and port in (None, rule["port"])
    ]
    assert len({str(rule["sources"]) for rule in rules}) == 1, rules
    return rules[0]["sources"]


def find_first_path(plan, caller, target, listener, protocol="tcp"):
    """Return the first path over a protocol as (dialled, sources, port, via), or None."""
    found = [route for route in list_paths(plan, caller, target, listener) if route.protocol == protocol]
    return (str(found[0].dialled), found[0].sources, found[0].port, found[0].via) if found else None
