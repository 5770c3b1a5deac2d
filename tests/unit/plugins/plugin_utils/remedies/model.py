# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice as data: a fleet with a finding, and the changes of the inventory that the advice names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import GOSSIP
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW

Changes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Advice:
    """A fleet with a finding of this code, and by the words of its advice the variables of hosts that apply a remedy.

    A variable of None is removed. A host without variables before is added as a node.
    """

    code: str
    nodes: dict[str, dict[str, Any]]
    remedies: dict[str, Changes]
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


def advise_node(code, broken, remedies, base=None, others=None):
    """Return advice for one node, whose remedies are variables of this node."""
    fixes = {words: {"n": fix} for words, fix in remedies.items()}
    return Advice(code, {"n": {**(base or NEW), **broken}}, fixes, others or {})


def advise_value(code, variable, broken, correct, words, version="3.9", **more):
    """Return advice to write another value of one variable."""
    base = {"kong_address": "10.1.0.2", "kong_version": version, **more}
    return Advice(code, {"n": {**base, variable: broken}}, {words: {"n": {variable: correct}}})


def make_facts(*addresses, **more):
    return {"all_ipv4_addresses": list(addresses), **more}


OLD = {**GOSSIP, "kong_address": "10.1.0.2"}
PUBLIC = "198.51.100.7"
ADMIN = {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_gui_listen": "off"}
STABLE, TEMPORARY = "2001:db8:1:0:dc42:b9ff:fecf:5c9c", "2001:db8:1:0:2b6e:52b6:ca81:999d"
FAR = {"far": {"kong_site": "far", "kong_address": "10.9.0.1"}}
CP = {"kong_version": "3.9", "kong_site": "a", "kong_address": "10.0.0.1", "kong_role": "control_plane"}
DP = {"kong_version": "3.9", "kong_site": "b", "kong_address": "10.1.0.2", "kong_role": "data_plane"}
EGRESS = {"kong_nat_egress": "203.0.113.9"}
ON_VPN = {"kong_vpn_address": "10.8.0.1"}, {"kong_vpn_address": "10.8.0.2"}, {"kong_vpn_address": "10.8.0.3"}
FLAT = {"kong_flat_network": True}
INTERCEPT_RULE = {"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 8000}
INTERCEPTING = {
    "kong_version": "1.5",
    "kong_address": "10.20.0.1",
    "kong_proxy_listen": "0.0.0.0:8000 transparent, 127.0.0.1:8100 transparent",
    "kong_proxy_sources": "10.20.0.0/16",
}


def make_mapping(**given):
    return {"kong_nat": [{"outside": "203.0.113.2", **given}]}


def intercept(**given):
    return {"kong_transparent": [{**INTERCEPT_RULE, **given}]}
