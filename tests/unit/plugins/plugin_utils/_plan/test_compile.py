# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: its format, and that it is reproducible to the byte."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import _find_matched_address, compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    make_inventory,
    plan_fleet,
)

MIXED = {
    **SEED_NODES,
    "m1": {"kong_version": "3.9", "kong_site": "lan", "kong_address": "192.168.10.51", "kong_proxy_sources": ["@ops"]},
    "m2": {
        "kong_version": "1.5",
        "kong_site": "branch",
        "kong_address": "192.168.23.52",
        "kong_admin_sources": ["@ops"],
    },
}
OTHERS = {**SEED_OTHERS, "ops1": {"kong_address": "10.9.0.1"}, "ops2": {"kong_address": ["10.9.0.2", "fd00::2"]}}
GROUPS = {"ops": ["ops2", "admin", "ops1"]}


@pytest.mark.parametrize(
    "variables, mode",
    [
        ({}, {}),
        ({"kong_firewall_state": "staged"}, {"staged": True, "count_days": 14}),
        ({"kong_firewall_state": "staged", "kong_staged_days": "7"}, {"staged": True, "count_days": 7}),
        ({"kong_firewall_record": True}, {"count_days": 14}),
        ({"kong_firewall_record": "false", "kong_staged_days": 7}, {}),
        ({"kong_firewall_state": "absent"}, {}),
    ],
)
def test_the_ruleset_of_a_node_tells_how_packets_of_other_sources_are_treated(variables, mode):
    plan = plan_fleet({**SEED_NODES, "a1": {**SEED_NODES["a1"], **variables}}, SEED_OTHERS)
    whole, plain = select_ruleset(plan, "a1"), select_ruleset(plan_fleet(SEED_NODES, SEED_OTHERS), "a1")
    assert whole == {**plain, **mode}


def test_format():
    plan = plan_fleet(MIXED, OTHERS, GROUPS)
    assert list(plan) == ["format", "sets", "nodes", "hosts", "nat_forwards", "findings"]
    assert plan["format"] == 1
    node = plan["nodes"]["b1"]
    assert {"site", "cluster", "version", "role", "generation", "address", "settings", "listeners", "ruleset"} <= set(
        node
    )
    assert set(plan["hosts"]) == {"admin", "ops1", "ops2"}
    assert set(node["ruleset"]["allow"][0]) == {"listener", "protocol", "port", "address", "sources"}
    forward = {"device", "outside", "outside_port", "protocol", "inside", "inside_port", "node", "listener", "sources"}
    assert set(plan["nat_forwards"][0]) == forward | {"hairpin"}
    assert set(plan["findings"][0]) == {"severity", "code", "hosts", "variable", "value", "message", "details"}
    assert make_plain(plan) == plan == json.loads(dump_json(plan))


def test_text():
    text = dump_json(plan_fleet(SEED_NODES, SEED_OTHERS))
    assert text.endswith("}\n")
    assert text.startswith('{\n  "findings": [')
    assert "Zürich" in dump_json(plan_fleet({"n": {"kong_site": "Zürich", "kong_address": "10.0.0.1"}}))


@pytest.mark.parametrize("seed", range(8))
def test_plan_does_not_depend_on_the_order_of_hosts(seed):
    rng = random.Random(seed)

    def shuffle(items):
        return rng.sample(list(items), len(items))

    nodes = {name: dict(shuffle(MIXED[name].items())) for name in shuffle(MIXED)}
    groups = {"ops": shuffle(GROUPS["ops"])}
    again = plan_fleet(nodes, {name: OTHERS[name] for name in shuffle(OTHERS)}, groups)
    assert dump_json(again) == dump_json(plan_fleet(MIXED, OTHERS, GROUPS))


PROGRAM = """
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._plan.test_compile import MIXED, OTHERS, GROUPS, plan_fleet, dump_json
print(dump_json(plan_fleet(MIXED, OTHERS, GROUPS)), end="")
"""


@pytest.mark.parametrize("seed", ["1", "77"])
def test_plan_does_not_depend_on_the_hash_seed(seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == dump_json(plan_fleet(MIXED, OTHERS, GROUPS))


def test_compiling_twice_in_one_process():
    nodes = make_inventory(MIXED, OTHERS, GROUPS)
    assert dump_json(compile_plan(nodes, "kong").plan or {}) == dump_json(compile_plan(nodes, "kong").plan or {})


def test_group_with_another_name():
    fleet = PlainInventory({"kong": ["a"], "edge": ["b"]}, {name: {"kong_address": "10.0.0.1"} for name in "ab"})
    plan = compile_plan(fleet, "edge").plan
    assert plan is not None
    assert list(plan["nodes"]) == ["b"]


def test_sets_of_a_ruleset_are_in_natural_order():
    names = [f"s{number}" for number in range(1, 13)]
    sets = {name: {"ipv4": ["10.0.0.1/32"], "ipv6": []} for name in reversed(names)}
    plan = {"sets": sets, "nodes": {"a": {"ruleset": {"allow": [{"sources": names[3:]}, {"sources": names[:3]}]}}}}
    assert list(select_ruleset(plan, "a")["sets"]) == names


def test_ruleset_of_a_host():
    plan = plan_fleet(SEED_NODES, SEED_OTHERS)
    ruleset = select_ruleset(plan, "a1")
    assert ruleset["allow"] == plan["nodes"]["a1"]["ruleset"]["allow"]
    assert ruleset["sets"] == {
        "admin-admin-from-lan": {"ipv4": ["192.168.10.20/32"], "ipv6": []},
        "peers-default-from-lan": {"ipv4": ["192.168.10.5/32", "192.168.10.11/32", "192.168.10.12/32"], "ipv6": []},
    }
    assert list(select_ruleset(plan, "b1")["sets"]) == ["peers-default-from-branch"]


def test_findings_of_a_plan_are_plain():
    class Tagged(str):
        __slots__ = ()

    nodes = {
        "n": {"kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": [Tagged("far")]}
    }
    plan = plan_fleet(nodes, {"far": {"kong_site": "x", "kong_address": "10.9.0.1"}})
    assert {type(finding["value"]) for finding in plan["findings"]} == {str}


@pytest.mark.parametrize(
    ("listen", "matched"),
    [
        ("0.0.0.0:8001", "0.0.0.0"),
        ("*:8001", "0.0.0.0"),
        ("10.0.0.1:8001", "10.0.0.1"),
        ("127.0.0.1:8001", "127.0.0.1"),
        ("localhost:8001", "127.0.0.1"),
        ("[::1]:8001", "::1"),
        ("[::]:8001", "::"),
        ("[::]:8001 ipv6only=off", None),
        ("[fd00::1]:8001", "fd00::1"),
        ("kong.example:8001", None),
    ],
)
def test_address_of_a_rule(listen, matched):
    plan = plan_fleet({"n": {"kong_address": ["10.0.0.1", "fd00::1"], "kong_admin_listen": listen}})
    (rule,) = (entry for entry in plan["nodes"]["n"]["ruleset"]["allow"] if entry["listener"] == "admin")
    assert (rule["address"], rule["sources"]) == (matched, [])


@pytest.mark.parametrize(
    ("name", "address", "flags", "container_port", "of_serf", "matched"),
    [
        ("cluster", "0.0.0.0", (), None, True, None),
        ("cluster_rpc", "0.0.0.0", (), None, True, None),
        ("cluster", "0.0.0.0", (), None, False, "0.0.0.0"),
        ("cluster", "0.0.0.0", (), 7946, True, "0.0.0.0"),
        ("proxy", "0.0.0.0", (), None, True, "0.0.0.0"),
        ("cluster", "10.0.0.1", (), None, True, "10.0.0.1"),
        ("proxy", "*", (), None, False, "0.0.0.0"),
        ("proxy", "::", (), None, False, "::"),
        ("proxy", "::", ("ipv6only=off",), None, False, None),
        ("proxy", "kong.example", (), None, False, None),
        ("proxy", "fd00::1", (), None, False, "fd00::1"),
        ("proxy", "127.0.0.9", (), None, False, "127.0.0.1"),
        ("proxy", "::1", (), None, False, "::1"),
        ("proxy", "localhost", (), None, False, "127.0.0.1"),
    ],
)
def test_the_address_that_a_rule_matches(name, address, flags, container_port, of_serf, matched):
    listener = Listener(name, f"{name}_listen", address, 80, ("tcp",), flags, container_port)
    assert _find_matched_address(listener, of_serf=of_serf) == matched
