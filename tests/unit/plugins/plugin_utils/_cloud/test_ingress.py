# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ingress policy of nodes that share a firewall."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.ingress import Ingress, list_ingress
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

NODE = {"kong_version": "2.8.5", "kong_admin_listen": "0.0.0.0:8001", "kong_status_listen": "127.0.0.1:8100"}
ADMIN = {"kong_admin_sources": ["192.0.2.10", "192.0.2.11", "2001:db8::/64"]}


def list_by_name(*nodes, hosts=("n0",)):
    plan = plan_fleet(
        {f"n{index}": {"kong_address": f"10.0.0.{index + 1}", **NODE, **more} for index, more in enumerate(nodes)}
    )
    return {ingress.name: ingress for ingress in list_ingress(plan, hosts)}


def test_ports_have_their_sources_in_the_fewest_networks():
    found = list_by_name({**ADMIN, "kong_admin_listen": "0.0.0.0:8001, [::]:8001"})
    assert [*found] == ["proxy-tcp-8000", "admin-tcp-8001", "proxy-tcp-8443"]
    assert found["proxy-tcp-8000"] == Ingress("tcp", 8000, "proxy", ("0.0.0.0/0",), ())
    assert found["admin-tcp-8001"] == Ingress("tcp", 8001, "admin", ("192.0.2.10/31",), ("2001:db8::/64",))


def test_sources_of_a_family_that_the_listener_does_not_have_are_left_out():
    assert list_by_name(ADMIN)["admin-tcp-8001"].ipv6 == ()


@pytest.mark.parametrize("node", [{"kong_admin_sources": ["nobody"]}, {"kong_admin_sources": ["2001:db8::/64"]}])
def test_a_port_without_a_source_has_no_rule(node):
    """Some providers allow everyone in a rule without sources."""
    assert "admin-tcp-8001" not in list_by_name(node)


def test_a_port_of_several_nodes_has_the_sources_of_all():
    nodes = ({"kong_admin_sources": ["192.0.2.10"]}, {"kong_admin_sources": ["192.0.2.11"]}, ADMIN)
    assert list_by_name(*nodes, hosts=["n0", "n1"])["admin-tcp-8001"].ipv4 == ("192.0.2.10/31",)
    assert list_by_name(*nodes, hosts=["n1"])["admin-tcp-8001"].ipv4 == ("192.0.2.11/32",)


def test_a_host_that_is_no_node_is_an_error():
    with pytest.raises(PlanError, match="'ops' is not a Kong node"):
        list_by_name({}, hosts=["n0", "ops"])
