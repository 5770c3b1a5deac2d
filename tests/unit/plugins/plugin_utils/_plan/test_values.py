# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variable of the contract with values of every kind: a plan, or errors that name the variable."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.table import ADVICE
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import (
    NEVER,
    SOMETIMES,
    check_compilation,
    compile_hosts,
    list_right_values,
)

OTHERS = {"admin": {"kong_address": "10.0.0.20"}}
FACTS = {"default_ipv4": {"address": "10.0.0.1"}, "all_ipv4_addresses": ["10.0.0.1", "172.17.0.1"]}
# Nodes that together know every variable.
NODES = {
    "gossip": {"kong_version": "0.8", "kong_address": "10.0.0.1"},
    "pairs": {"kong_version": "0.12", "kong_address": "10.0.0.1"},
    "control plane": {"kong_version": "3.4.3.5", "kong_role": "control_plane", "ansible_facts": FACTS},
    "data plane": {
        "kong_version": "3.9",
        "kong_role": "data_plane",
        "kong_address": "10.0.0.1",
        "kong_cluster_control_plane": "cp.example:8005",
        "kong_published_ports": ["8000:8000", "8443:8443"],
    },
}

NOT_COMPUTED = {
    "an undefined variable": "variable-undefined",
    "a list with an undefined variable": "variable-undefined",
    "an encrypted value": "variable-vaulted",
}
# Brackets and quotes have a meaning in JMESPath, and a query is not used if the address is given.
TEXTS_OF_QUERIES = [case for case in NEVER if "quotes" in case]


def find_errors(node, name, value):
    compilation = compile_hosts({"n": {**NODES[node], name: value}}, OTHERS)
    check_compilation(compilation)
    return compilation.errors


def may_have(name, case):
    """Tell whether the compiler accepts the value: Ansible itself checks batches, and a command may have quotes."""
    return (KINDS[name].is_query and case in TEXTS_OF_QUERIES) or KINDS[name] is kinds.BATCHES


@pytest.mark.parametrize("name", sorted(KINDS))
def test_value_that_no_variable_can_have(name):
    for case, value in NEVER.items():
        for node in NODES:
            named = [error.code for error in find_errors(node, name, value) if error.variable == name]
            if code := NOT_COMPUTED.get(case):
                assert named == [code], (node, case)
            else:
                assert named or may_have(name, case), (node, case)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_value_that_some_variables_can_have(name):
    for value in [*SOMETIMES.values(), *list_right_values(name)]:
        for node in NODES:
            find_errors(node, name, value)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_null_means_not_set(name):
    for variables in NODES.values():
        without = {key: value for key, value in variables.items() if key != name}
        null = compile_hosts({"n": {**without, name: None}}, OTHERS)
        assert null == compile_hosts({"n": without}, OTHERS)
        check_compilation(null)


@pytest.mark.parametrize("advice", ADVICE, ids=[advice.code for advice in ADVICE])
def test_messages_of_every_code_are_short(advice):
    nodes = {
        name: {key: value for key, value in host.items() if value is not None} for name, host in advice.nodes.items()
    }
    check_compilation(compile_fleet(nodes, advice.others, advice.groups))


def test_every_variable_has_a_right_value():
    accepted = {
        name
        for name in KINDS
        for node in NODES
        if any(not find_errors(node, name, value) for value in list_right_values(name))
    }
    assert accepted == set(KINDS)
