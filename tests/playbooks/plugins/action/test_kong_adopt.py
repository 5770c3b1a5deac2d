# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that adopt writes from what hosts told, in real runs of ansible-playbook: a plan is made of it."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    KONG,
    make_facts,
    make_published,
    make_ring,
    make_settings,
)


def make_node(address, name, bound="", **members):
    """Return the result of a node of Kong 0.10, from the advertised addresses that its Serf agent knows."""
    settings = make_settings(cluster_listen=bound or f"{address}:7946")
    ring = make_ring(f"{name}_id", **{f"{member}_id": place for member, place in members.items()})
    return {"facts": make_facts(address), "kongs": [{**KONG, "version": "0.10.4", "ring": ring, "settings": settings}]}


OUTSIDE = "10.0.0.5:9000"
RING = {"a": "10.0.0.1:7946", "b": OUTSIDE}
FLEET = {
    "a": make_node("10.0.0.1", "a", **RING),
    "b": make_node("10.0.1.1", "b", "10.0.1.1:80", **RING),
    "c": make_node("10.0.0.3", "c", c="10.0.0.3:7946"),
}


@pytest.fixture
def adopt(tmp_path):
    """Return a function that writes the inventory of hosts, and returns the output of the playbook plan for it."""

    def work(fleet):
        tasks = [
            {"ansible.builtin.set_fact": {"ansible_facts": "{{ told.facts }}", "found": {"kongs": "{{ told.kongs }}"}}},
            {"gatehouse.kong.kong_adopt": {"path": str(tmp_path / "adopted"), "registered": "found"}, "run_once": True},
        ]
        play = tmp_path / "adopt.yml"
        play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        hosts = {name: {"told": told} for name, told in fleet.items()}
        code, output = run(tmp_path, str(play), inventory={"others": {"hosts": hosts}})
        assert code == 0, output
        more = ("-i", str(tmp_path / "adopted/hosts.yml"))
        return run(tmp_path, "gatehouse.kong.plan", *more, "-e", f"kong_plan_file={tmp_path}/plan.json", inventory=None)

    return work


def test_serf_rings_of_one_fleet_are_clusters_with_a_plan(adopt, tmp_path):
    code, output = adopt(FLEET)
    assert code == 0, output
    plan = yaml.safe_load((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert {name: node["cluster"] for name, node in plan["nodes"].items()} == {
        "a": "cluster-a",
        "b": "cluster-a",
        "c": "cluster-c",
    }
    assert plan["nodes"]["b"]["settings"]["cluster_advertise"] == OUTSIDE
    groups = yaml.safe_load((tmp_path / "adopted/hosts.yml").read_text(encoding="utf-8"))["kong"]["children"]
    assert {name: [*group["hosts"]] for name, group in groups.items() if "cluster" in name} == {
        "kong_cluster_a": ["a", "b"],
        "kong_cluster_c": ["c"],
    }
    shared = yaml.safe_load((tmp_path / "adopted/group_vars/kong_cluster_a.yml").read_text(encoding="utf-8"))
    assert shared["kong_cluster"] == "cluster-a"


def test_a_container_with_published_ports_has_a_plan(adopt, tmp_path):
    settings = make_settings("environment", "the environment of container 0123456789ab", admin_listen="0.0.0.0:8001")
    clients = [{"port": 8001, "source": "10.0.0.9", "found": "tracked"}]
    published = make_published("80:8000", "10.0.0.1:9001:8001")
    container = {"container": "0123456789ab", "shares_network": False, "unit": "", "path": "", "published": published}
    kong = {**KONG, **container, "settings": settings, "clients": clients}
    code, output = adopt({"a": {"facts": make_facts("10.0.0.1"), "kongs": [kong]}})
    assert code == 0, output
    node = yaml.safe_load((tmp_path / "plan.json").read_text(encoding="utf-8"))["nodes"]["a"]
    allowed = {rule["listener"]: (rule["port"], rule["address"]) for rule in node["ruleset"]["allow"]}
    assert (allowed["proxy"][0], allowed["admin"]) == (80, (9001, "10.0.0.1"))
