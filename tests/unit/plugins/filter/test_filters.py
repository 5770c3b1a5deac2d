# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every filter, called without Ansible: its name, its arguments and its errors."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import write_parts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

FOLDER = Path(__file__).parents[4] / "plugins" / "filter"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
SILENT = {"kong_address": "192.168.10.60", "kong_site": "lan", "kong_stream_listen": "0.0.0.0:53 udp"}
INTERCEPT_RULE = {"kong_transparent": {"listen_port": 8000, "ports": 80, "destinations": "198.51.100.7"}}
PLAN = plan_fleet({**SEED_NODES, "new": {**SILENT, **INTERCEPT_RULE}}, SEED_OTHERS)


def call(name, *args, **more):
    return (
        import_module(f"ansible_collections.gatehouse.kong.plugins.filter.{name}")
        .FilterModule()
        .filters()[name](*args, **more)
    )


@pytest.mark.parametrize("name", NAMES)
def test_file_has_the_filter_with_its_name(name):
    module = import_module(f"ansible_collections.gatehouse.kong.plugins.filter.{name}")
    filters = module.FilterModule().filters()
    assert [*filters] == [name]
    assert filters[name].__module__ == module.__name__


OF_PLANS = {
    "cluster_advertise": ["a1"],
    "firewall_rules": ["a1"],
    "kong_path": ["a1", "a2"],
    "kong_probes": ["a1"],
    "kong_udp_observers": [],
    "nat_forwards": [],
    "pf_rules": ["a1"],
}


@pytest.mark.parametrize("name", OF_PLANS)
def test_error_about_other_data_than_a_plan_names_the_filter(name):
    call(name, PLAN, *OF_PLANS[name])
    with pytest.raises(AnsibleFilterError, match=rf"^gatehouse\.kong\.{name}: .*plan of format 1"):
        call(name, {}, *OF_PLANS[name])


@pytest.mark.parametrize("name", OF_PLANS)
def test_the_path_of_a_kept_plan_gives_the_same_as_the_plan(name, tmp_path):
    path = tmp_path / "plan"
    write_parts(path, PLAN)
    assert call(name, str(path), *OF_PLANS[name]) == call(name, PLAN, *OF_PLANS[name])


@pytest.mark.parametrize("name", [name for name, args in OF_PLANS.items() if args])
def test_unknown_host_is_an_error(name):
    with pytest.raises(AnsibleFilterError, match=rf"^gatehouse\.kong\.{name}: 'c9' "):
        call(name, PLAN, "c9", *OF_PLANS[name][1:])


def test_probes_of_a_host():
    every = call("kong_probes", PLAN, "a1")
    assert {
        "name": "b1 cluster tcp 80 192.168.10.5:9000",
        "kind": "memberlist",
        "address": "192.168.10.5",
        "port": 9000,
    } in [{**probe, "kind": "memberlist"} for probe in every]
    assert {probe["name"].split()[0] for probe in every} == {"a2", "b1", "new"}
    local = call("kong_probes", PLAN, "a1", local=True)
    assert {probe["name"].split()[0] for probe in local} == {"a1"}
    chosen = call("kong_probes", PLAN, "a1", target="b1")
    assert chosen == [probe for probe in every if probe["name"].startswith("b1 ")]
    assert call("kong_probes", PLAN, "a1", True, "b1", "cluster") == [
        probe for probe in chosen if " cluster " in probe["name"]
    ]


def test_nodes_with_ports_that_need_not_answer():
    assert call("kong_udp_observers", PLAN) == call("kong_udp_observers", PLAN, "new") == ["new"]
    assert call("kong_udp_observers", PLAN, "a1") == call("kong_udp_observers", PLAN, "admin") == []


def test_interception():
    assert call("pf_rules", PLAN, "new") == call("pf_rules", PLAN, "new", "freebsd")
    assert "rdr-to 192.168.10.60 port 8000" in call("pf_rules", PLAN, "new", "openbsd")
    with pytest.raises(AnsibleFilterError, match=r"form is 'linux'.*freebsd, openbsd"):
        call("pf_rules", PLAN, "new", "linux")
