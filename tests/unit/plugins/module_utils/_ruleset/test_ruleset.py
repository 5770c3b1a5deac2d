# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import random

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import (
    RulesetError,
    ruleset_from_data,
    ruleset_to_data,
)

DATA = {
    "allow": [
        {"listener": "cluster", "protocol": "udp", "port": 7946, "address": "192.168.10.11", "sources": ["peers"]},
        {"listener": "cluster", "protocol": "tcp", "port": 7946, "address": "192.168.10.11", "sources": ["peers"]},
        {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["peers", "ops"]},
        {"listener": "rpc", "protocol": "tcp", "port": 7373, "address": "::1", "sources": []},
        {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": "0.0.0.0", "sources": "any"},
    ],
    "sets": {
        "peers": {"ipv4": ["192.168.10.12/32", "192.168.10.5/32"], "ipv6": []},
        "ops": {"ipv4": [], "ipv6": ["2001:db8::/64"]},
    },
}


def with_value(path, value):
    data = copy.deepcopy(DATA)
    *parents, last = path
    inner = data
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return data


def test_a_ruleset_survives_the_conversion_to_data_and_back():
    ruleset = ruleset_from_data(DATA)
    assert ruleset_from_data(ruleset_to_data(ruleset)) == ruleset
    assert ruleset_to_data(ruleset)["sets"]["peers"]["ipv4"] == ["192.168.10.5/32", "192.168.10.12/32"]


@pytest.mark.parametrize(
    "mode, expected",
    [
        ({}, {}),
        ({"staged": False, "count_days": 0}, {}),
        ({"staged": True}, {"staged": True, "count_days": 14}),
        ({"staged": True, "count_days": 3}, {"staged": True, "count_days": 3}),
        ({"count_days": 365}, {"count_days": 365}),
    ],
)
def test_the_mode_survives_the_conversion_to_data_and_back(mode, expected):
    ruleset = ruleset_from_data({**DATA, **mode})
    assert ruleset_from_data(ruleset_to_data(ruleset)) == ruleset
    found = ruleset_to_data(ruleset)
    assert {key: found[key] for key in found if key not in DATA} == expected


def test_the_order_of_the_data_does_not_matter():
    data = copy.deepcopy(DATA)
    random.Random(1).shuffle(data["allow"])
    data["sets"] = dict(reversed(data["sets"].items()))
    data["allow"][0]["sources"] = list(data["allow"][0]["sources"])
    assert ruleset_to_data(ruleset_from_data(data)) == ruleset_to_data(ruleset_from_data(DATA))


def test_an_unused_set_is_left_out():
    data = with_value(["sets", "unused"], {"ipv4": ["10.0.0.0/8"]})
    assert ruleset_from_data(data) == ruleset_from_data(DATA)


def test_addresses_are_normalised():
    ruleset = ruleset_from_data(with_value(["allow", 2, "address"], "2001:DB8:0::0001"))
    assert [entry.service.address for entry in ruleset.allow if entry.listener == "admin"] == ["2001:db8::1"]


@pytest.mark.parametrize(
    "path, value, words",
    [
        (["allow"], {}, ["allow is {}", "a list"]),
        (["allow", 0], "x", ["allow contains 'x'", "mappings"]),
        (["allow", 0], {"listener": "cluster"}, ["allow[0] lacks the key 'protocol'"]),
        (["allow", 0, "extra"], 1, ["allow[0]", "'extra'"]),
        (["allow", 0, "listener"], 'a" accept', ["allow[0].listener", "letters"]),
        (["allow", 0, "protocol"], "icmp", ["allow[0].protocol is 'icmp'", "tcp or udp"]),
        (["allow", 0, "port"], 0, ["allow[0].port is 0", "1 to 65535"]),
        (["allow", 0, "port"], 65536, ["allow[0].port is 65536"]),
        (["allow", 0, "port"], True, ["allow[0].port is True"]),
        (["allow", 0, "port"], "7946", ["allow[0].port is '7946'"]),
        (["allow", 0, "address"], "eth0", ["allow[0].address is 'eth0'", "0.0.0.0"]),
        (["allow", 0, "address"], "fe80::1%eth0", ["'fe80::1%eth0'", "zone"]),
        (["allow", 0, "address"], 1, ["allow[0].address is 1"]),
        (["allow", 0, "sources"], "peers", ["allow[0].sources is 'peers'", "'any' or a list"]),
        (["allow", 0, "sources"], ["friends"], ["'friends'", "['ops', 'peers']"]),
        (["allow", 0, "sources"], [1], ["allow[0].sources contains 1"]),
        (["allow", 0, "protocol"], "tcp", ["tcp 7946 at 192.168.10.11 has two entries", "'cluster'"]),
        (["sets"], [], ["sets is []"]),
        (["staged"], "yes", ["staged is 'yes'", "true or false"]),
        (["count_days"], True, ["count_days is True", "1 to 365"]),
        (["count_days"], 366, ["count_days is 366", "1 to 365"]),
        (["count_days"], -1, ["count_days is -1"]),
        (["sets", "a b"], {}, ["'a b'", "hyphens"]),
        (["sets", "x" * 201], {}, ["1 to 200"]),
        (["allow", 0, "listener"], "x" * 129, ["allow[0].listener", "1 to 128"]),
        (["sets", "peers"], ["10.0.0.0/8"], ["sets['peers'] is ['10.0.0.0/8']", "mapping"]),
        (["sets", "peers", "ipv5"], [], ["sets['peers']", "'ipv5'"]),
        (["sets", "peers", "ipv4"], "10.0.0.0/8", ["sets['peers'].ipv4 is '10.0.0.0/8'; expected a list"]),
        (["sets", "peers", "ipv4"], ["10.0.0.1/8"], ["sets['peers'].ipv4", "10.0.0.1/8 has host bits set"]),
        (["sets", "peers", "ipv6"], ["10.0.0.1"], ["sets['peers'].ipv6", "10.0.0.1", "2001:db8::/32"]),
    ],
)
def test_an_error_names_the_field_and_the_value(path, value, words):
    # An empty list of sets is valid, so the case of "sets" needs an element.
    data = with_value(path, value or (["x"] if path == ["sets"] else value))
    with pytest.raises(RulesetError) as caught:
        ruleset_from_data(data)
    for word in [word.replace("sets is []", "sets is ['x']") for word in words]:
        assert word in str(caught.value)
