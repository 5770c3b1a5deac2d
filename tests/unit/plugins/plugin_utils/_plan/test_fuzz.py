# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random inventories with right and wrong values of every variable: each gives a plan, or errors that name host and variable."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS, SETTING_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan, list_fixed_errors
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import (
    FROM_FACTS,
    NEVER,
    RIGHT,
    SOMETIMES,
    check_compilation,
    compile_hosts,
    list_right_values,
    make_inventory,
)

pytestmark = pytest.mark.long
# More inventories with FUZZ=30000 in the environment.
INVENTORIES = int(os.environ.get("FUZZ", "3000"))
NAMES = sorted(KINDS)
WRONG = [*NEVER.values(), *SOMETIMES.values()]
# Long names leave less room in a message: 63 characters is the longest name of Linux (hostname(7)) and label of DNS.
LONG = ["kong-{}.dc1.example.com", f"kong-{{}}{'-gateway' * 3}", f"kong-{{}}{'-gateway' * 7}a"]
NODE_NAMES = ["n{}", *LONG]
OTHER_NAMES = ["admin", "a" * 31, "a" * 63]
# Long names of sites and clusters, and long paths. Some have blanks.
LONG_VALUES = {
    kinds.NAME: ["europe-" * 9, "a site of Europe " * 12],
    kinds.PATH: ["a/long folder/" * 20 + "plan.json"],
    kinds.HOST_PATH: ["/a-long-folder" * 20, "/opt/a long folder" * 15],
    kinds.SOURCES: [["@" + "long_group_" * 6], "other-" * 40],
    kinds.NAMES: [["@" + "long_group_" * 6]],
}
# Variables of Ansible that the compiler reads.
CONNECTIONS = {
    "ansible_port": [22, 2222, "8000", "x"],
    "ansible_host": ["10.0.0.1", "n1.example", "203.0.113.7"],
    "ansible_connection": ["ssh", "local", None],
    "ansible_facts": [
        None,
        {"default_ipv4": {"address": "10.0.0.1"}, "all_ipv4_addresses": ["10.0.0.1", "172.17.0.1"]},
        {"all_ipv4_addresses": ["10.0.0.1", "10.0.0.2"], "all_ipv6_addresses": ["fe80::1", "fd00::1"]},
        {"kong_site": "a"},
    ],
}

# The errors that compare nodes, and those of single nodes that have the same codes.
BETWEEN_NODES = {
    *("address-duplicate", "address-overlap", "interception-protected", "interception-port-taken"),
    *("nat-conflict", "nat-family", "nat-no-listener", "nat-protocol", "source-unknown"),
    *("advertise-duplicate", "advertise-not-single", "advertise-unreachable", "gossip-bind", "no-path"),
    *("control-plane-invalid", "control-plane-missing"),
}
# Facts may show that a host has an address, or that Ansible does not connect to it directly.
NEED_FACTS = {"bind-not-on-host", "ssh-port-taken"}


def choose_value(rng, name, wrong):
    """Return a value of a variable, wrong with the given probability."""
    if rng.random() < 0.15 and KINDS[name] in LONG_VALUES:
        return rng.choice(LONG_VALUES[KINDS[name]])
    return rng.choice(WRONG if rng.random() < wrong else list_right_values(name))


def names_of(version):
    """Return the variables that a version knows."""
    generation = find_generation(parse_version(version))
    return [name for name in NAMES if name not in SETTING_VARIABLES or generation.knows(name.removeprefix("kong_"))]


def make_host(rng, number, wrong, names):
    """Return the variables of a random host, most of them right."""
    variables = {"kong_address": f"10.0.0.{number}"} if rng.random() < 0.9 else {}
    for name in rng.sample(names, rng.choice([0, 1, 1, 2, 3, 5, 8])):
        variables[name] = choose_value(rng, name, wrong)
    for name, values in CONNECTIONS.items():
        if rng.random() < 0.15:
            variables[name] = rng.choice(values)
    return variables


def make_fleet(rng):
    """Return random nodes, often of one version, and other hosts."""
    wrong = rng.choice([0, 0, 0.1, 0.5])
    version = rng.choice(RIGHT[kinds.VERSION])
    names = names_of(version) if rng.random() < 0.9 else NAMES
    shared = {name: choose_value(rng, name, wrong) for name in rng.sample(names, rng.choice([0, 0, 1]))}
    form, other = rng.choice(NODE_NAMES), rng.choice(OTHER_NAMES)
    nodes = {
        form.format(number): {**shared, **make_host(rng, number, wrong, names), "kong_version": version}
        for number in range(1, rng.randint(2, 4))
    }
    if rng.random() < 0.1:
        nodes[form.format(1)]["kong_version"] = choose_value(rng, "kong_version", 0.5)
    return nodes, {other: make_host(rng, 20, wrong, NAMES)}


def test_any_inventory_gives_a_plan_or_errors():
    outcomes = Counter()
    for seed in range(INVENTORIES):
        nodes, others = make_fleet(random.Random(seed))
        try:
            compilation = compile_hosts(nodes, others)
            check_compilation(compilation)
        except Exception as exc:
            raise AssertionError(f"seed {seed}: {nodes} {others}") from exc
        outcomes.update((compilation.plan and ["a plan"]) or {finding.code for finding in compilation.errors})
    # Neither of the two outcomes is rare, and the errors are of many kinds.
    assert outcomes["a plan"] > INVENTORIES / 10
    assert len(outcomes) > 60, outcomes


def with_facts(rng, variables, chosen):
    """Return the variables of a host with random facts. One of them is the value of some variables, right or wrong."""
    facts = rng.choice([facts for facts in CONNECTIONS["ansible_facts"] if facts is None or "kong_site" not in facts])
    return {**variables, "ansible_facts": {**(facts or {}), **({"chosen": chosen} if rng.random() < 0.8 else {})}}


def test_errors_that_are_found_without_facts_are_errors_with_any_facts():
    """No inventory that has a plan is refused before facts are gathered, and the messages about single nodes are the same."""
    outcomes = Counter()
    for seed in range(INVENTORIES // 3):
        rng = random.Random(seed)
        nodes, others = make_fleet(rng)
        for variables in nodes.values():
            for name in rng.sample(sorted(variables), 1) if rng.random() < 0.2 else ():
                variables[name] = variables[name] if name == "ansible_facts" else FROM_FACTS
        found = {*map(identify, list_fixed_errors(make_inventory(nodes, others), "kong"))}
        for _facts in range(2):
            chosen = choose_value(rng, rng.choice(NAMES), 0.5)
            known = [{name: with_facts(rng, of, chosen) for name, of in hosts.items()} for hosts in (nodes, others)]
            errors = {*map(identify, compile_plan(make_inventory(*known), "kong").errors)}
            assert {error for error in found if error[0] not in BETWEEN_NODES} <= errors, (
                f"seed {seed}: {nodes} {others}"
            )
            # Errors that facts add may hide errors between nodes.
            assert found <= errors or errors - found, f"seed {seed}: {nodes} {others}"
            outcomes.update(["found" if found else "not found"] if errors else ["a plan"])
    # Most errors do not depend on facts.
    assert outcomes["found"] > outcomes["not found"]
    assert min(outcomes.values()) > INVENTORIES / 50, outcomes


def test_nodes_that_state_their_addresses_have_no_other_errors_than_before_facts():
    outcomes = Counter()
    for seed in range(INVENTORIES, 2 * INVENTORIES):
        nodes, others = make_fleet(random.Random(seed))
        for number, variables in enumerate((*nodes.values(), *others.values()), 1):
            variables.setdefault("kong_address", f"10.0.0.{number}")
            variables.pop("ansible_facts", None)
            # The facts tell whether such a destination is an address of the node itself.
            if "'10.0.0.1'" in str(variables.get("kong_transparent")):
                del variables["kong_transparent"]
        inventory = make_inventory(nodes, others)
        found = {*map(identify, list_fixed_errors(inventory, "kong"))}
        errors = {*map(identify, compile_plan(inventory, "kong").errors)}
        later = [code for code, host, *_rest in errors - found if code not in NEED_FACTS and host in nodes]
        assert not later, f"seed {seed}: {nodes} {others}"
        assert found <= errors or errors - found, f"seed {seed}: {nodes} {others}"
        outcomes.update({code for code, *_rest in found if code in BETWEEN_NODES} if found else ["not found"])
    # The other codes are rare here: test_errors.py has an inventory for each.
    assert outcomes["not found"] > INVENTORIES / 10
    assert len(outcomes) > 9, outcomes


def identify(finding):
    return finding.code, finding.host, finding.variable, finding.message, finding.detail
