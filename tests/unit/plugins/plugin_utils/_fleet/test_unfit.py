# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VPN is no remedy where the gossip of a cluster would use it against a bind address. The other guards: test_remedies.py."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet, read_text

OLD = {"kong_version": "0.10.4", "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["ops"]}
BOUND = {**OLD, "kong_cluster_listen": "10.0.0.1:7946"}
OPS = {"ops": {"kong_address": "10.0.9.9", "kong_site": "office"}}


def find_texts(nodes):
    """Return the messages about missing paths, by code and host."""
    placed = {
        name: {"kong_address": f"10.0.0.{number}", "kong_site": "dc", **node}
        for number, (name, node) in enumerate(nodes.items(), 1)
    }
    findings = compile_fleet(placed, OPS).findings
    return {(finding.code, finding.host): read_text(finding) for finding in findings}


@pytest.mark.parametrize(
    ("nodes", "is_offered"),
    [
        ({"a": OLD, "b": OLD}, True),
        ({"a": BOUND, "b": OLD}, True),
        ({"a": BOUND, "b": {**OLD, "kong_vpn_address": "10.8.0.2"}}, False),
        ({"a": BOUND, "b": {**OLD, "kong_vpn_address": "10.8.0.2", "kong_cluster": "other"}}, True),
    ],
)
def test_a_vpn_to_a_host_outside_the_cluster_is_offered_unless_a_member_is_on_it(nodes, is_offered):
    assert ("kong_vpn_address" in find_texts(nodes)["source-no-path", "a"]) is is_offered


@pytest.mark.parametrize(("first", "is_offered"), [(OLD, True), (BOUND, False)])
def test_a_vpn_between_members_is_offered_unless_one_is_bound(first, is_offered):
    texts = find_texts({"a": first, "b": {**OLD, "kong_site": "branch"}})
    [text] = [text for (code, _host), text in texts.items() if code == "no-path"][:1]
    assert ("kong_vpn_address" in text) is is_offered
