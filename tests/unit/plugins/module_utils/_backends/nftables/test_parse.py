# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse import parse_table
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import (
    set_name,
    split_set_name,
    swap_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data, ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

GOLDEN = Path(__file__).parents[5] / "golden" / "nftables"


@pytest.fixture
def listed():
    return json.loads((GOLDEN / "gossip_behind_nat.listed.json").read_text())


@pytest.fixture
def wanted():
    return ruleset_from_data(json.loads((GOLDEN / "gossip_behind_nat.json").read_text()))


def select_kind(listed, kind):
    return [item[kind] for item in listed if kind in item]


def find_rules(listed):
    return [index for index, item in enumerate(listed) if "rule" in item]


def add_copy(listed, **changes):
    """Append a copy of the last rule to the listing."""
    last = copy.deepcopy(listed[find_rules(listed)[-1]])
    last["rule"].update(changes)
    listed.append(last)


def swap(listed):
    first, second = find_rules(listed)[2:4]
    listed[first], listed[second] = listed[second], listed[first]


DROP_22 = [
    {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}},
    {"drop": None},
]
NOT_22 = [{"match": {**DROP_22[0]["match"], "op": "!="}}, {"drop": None}]
# A change of the table by a third party, and a part of the message about it.
TAMPERING = {
    "third-party rule": (lambda items: add_copy(items, expr=[{"accept": None}]), "accept"),
    "rule for every port": (lambda items: add_copy(items, expr=[{"drop": None}]), "drop"),
    "negated match": (lambda items: add_copy(items, expr=NOT_22), "!="),
    "rule without comment": (lambda items: items.append({"rule": {"chain": "input", "expr": DROP_22}}), "dport"),
    "counter": (lambda items: add_copy(items, expr=[{"counter": {"packets": 1, "bytes": 9}}, *DROP_22]), "counter"),
    "repeated rule": (add_copy, "order"),
    "other order": (swap, "order"),
    "loopback rule missing": (lambda items: items.pop(find_rules(items)[0]), "loopback"),
    "loopback rule twice": (lambda items: items.append(items[find_rules(items)[0]]), "iifname"),
    "loopback rule late": (lambda items: items.append(items.pop(find_rules(items)[0])), "loopback"),
    "mark rule missing": (lambda items: items.pop(find_rules(items)[1]), "packet mark"),
    "mark rule twice": (lambda items: items.append(items[find_rules(items)[1]]), "mark"),
    "mark rule before loopback": (
        lambda items: items.insert(find_rules(items)[0], items.pop(find_rules(items)[1])),
        "packet mark",
    ),
    "another mark": (
        lambda items: items[find_rules(items)[1]]["rule"]["expr"][0]["mangle"]["value"]["&"].__setitem__(1, 1),
        "mark",
    ),
    "other priority": (lambda items: select_kind(items, "chain")[0].update(prio=0), "chain input"),
    "policy drop": (lambda items: select_kind(items, "chain")[0].update(policy="drop"), "chain input"),
    "chain missing": (lambda items: items.remove(next(item for item in items if "chain" in item)), "chain input"),
    "second chain": (lambda items: items.append({"chain": {"name": "mine"}}), "chain mine"),
    "third-party set": (lambda items: items.append({"set": {"name": "x", "type": "ipv4_addr"}}), "set x"),
    "our kind of set": (
        lambda items: items.append({"set": {"name": "x_ipv4", "type": "ipv4_addr", "flags": ["interval"]}}),
        "set x_ipv4: unused",
    ),
    "set with a timeout": (lambda items: select_kind(items, "set")[0].update(timeout=60), "set peers"),
    "set of another family missing": (
        lambda items: items.remove({"set": select_kind(items, "set")[1]}),
        "_ipv6: missing",
    ),
    "map": (lambda items: items.append({"map": {"name": "ports", "map": "verdict"}}), "map ports"),
    "element with a comment": (
        lambda items: select_kind(items, "set")[0]["elem"].append({"elem": {"val": "10.0.0.1", "comment": "me"}}),
        "set peers",
    ),
}


@pytest.mark.parametrize("case", TAMPERING)
def test_an_unexpected_object_is_drift(listed, case):
    tamper, word = TAMPERING[case]
    tamper(listed)
    drift = parse_table(listed).drift
    assert any(word in line for line in drift), drift


def test_an_accept_rule_without_the_drop_rule_of_its_port_is_reported(listed):
    del listed[find_rules(listed)[5]]
    drift = parse_table(listed).drift
    assert drift == (
        "set peers-default-from-branch_ipv4: unused",
        "set peers-default-from-branch_ipv6: unused",
        "unexpected rule: cluster: accept tcp 80, udp 80 at 192.168.23.45 from set peers-default-from-branch_ipv4 (ipv4)",
    )


def test_an_element_that_was_added_by_hand_is_a_source(listed, wanted):
    select_kind(listed, "set")[0]["elem"].append({"prefix": {"addr": "10.0.0.0", "len": 8}})
    found, drift = parse_table(listed).ruleset, parse_table(listed).drift
    assert drift == ()
    assert found != wanted
    assert "10.0.0.0/8" in ruleset_to_data(found)["sets"]["peers-default-from-branch"]["ipv4"]


def test_a_rule_that_was_added_by_hand_is_an_entry(listed, wanted):
    add_copy(listed, comment="zz", expr=DROP_22)
    found = parse_table(listed).ruleset
    assert {"zz"} == {entry.listener for entry in found.allow} - {entry.listener for entry in wanted.allow}


def test_newer_forms_are_parsed(listed, wanted):
    """Newer versions of nft list a single flag as text, and list auto-merge."""
    for source_set in select_kind(listed, "set"):
        source_set.update({"flags": "interval", "auto-merge": True})
    assert parse_table(listed) == Live(wanted)


@pytest.mark.parametrize("name", ["peers", "10-net", "-x", "_x", "a.b", "x_ipv4", "x_ipv4_2", "__"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_set_names_are_converted_in_both_directions(name, family):
    assert set_name(name, family)[0].isalpha() or set_name(name, family)[0] == "_"
    assert split_set_name(set_name(name, family)) == (name, family)
    assert split_set_name(swap_name(set_name(name, family))) == (name, family)
    assert swap_name(swap_name(set_name(name, family))) == set_name(name, family)


@pytest.mark.parametrize(
    "text", ["peers", "_ipv4", "10-net_ipv4", "_peers_ipv4", "peers_ipv5", "peers_2", "peers_ipv4_3"]
)
def test_other_names_are_rejected(text):
    with pytest.raises(ValueError, match="not the name of one of our sets"):
        split_set_name(text)


def test_protocols_can_be_numbers(listed, wanted):
    text = json.dumps(listed)
    numbered = text.replace('["tcp", ', "[6, ").replace('["udp", ', "[17, ")
    assert numbered != text
    assert parse_table(json.loads(numbered)) == Live(wanted)
