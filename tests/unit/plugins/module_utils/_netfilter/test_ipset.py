# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of our ipsets, the lines that create them, and the lines that the kernel lists for them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    LiveSet,
    destroy,
    fill,
    list_elements,
    list_wanted_sets,
    parse_sets,
    rebuild,
    set_name,
    swap_contents,
    swap_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

IPV4 = parse_networks("ipv4", ["10.0.0.0/24", "10.0.0.7", "192.0.2.1"])


SAVED = """\
create gkong4-x hash:net family inet hashsize 1024 maxelem 1048576 bucketsize 12 initval 0x1
add gkong4-x 10.0.0.0/24
add gkong4-x 192.0.2.1
create banned hash:ip family inet hashsize 1024 maxelem 65536 timeout 600
add banned 203.0.113.9 timeout 5
create gkong6-x hash:net family inet6 hashsize 1024 maxelem 1048576
"""


def test_a_name_has_at_most_30_characters():
    assert set_name("peers", "ipv4") == "gkong4-peers"
    assert set_name("peers", "ipv6") == "gkong6-peers"
    assert set_name("x" * 23, "ipv4") == "gkong4-" + "x" * 23  # 30 characters
    long, other = set_name("x" * 24, "ipv4"), set_name("x" * 24 + "y", "ipv4")
    assert (len(long), len(other)) == (30, 30)
    assert long != other
    assert long.startswith("gkong4-" + "x" * 14 + "-")
    assert long == set_name("x" * 24, "ipv4")


def test_a_set_has_two_names():
    assert swap_name("gkong4-peers") == "gkong4-peers~"
    assert swap_name("gkong4-peers~") == "gkong4-peers"


def test_each_set_has_both_families():
    data = {"listener": "a", "protocol": "tcp", "port": 1, "address": None, "sources": ["peers"]}
    ruleset = ruleset_from_data({"allow": [data], "sets": {"peers": {"ipv4": ["10.0.0.1"]}}})
    assert list_wanted_sets(ruleset) == {
        "gkong4-peers": parse_networks("ipv4", ["10.0.0.1"]),
        "gkong6-peers": parse_networks("ipv6", []),
    }


def test_the_lines_that_create_a_set():
    lines = [
        "create gkong4-x hash:net family inet maxelem 1048576",
        "add gkong4-x 10.0.0.0/24",
        "add gkong4-x 192.0.2.1/32",
    ]
    assert fill("gkong4-x", IPV4) == lines
    assert rebuild("gkong4-x", IPV4, ["gkong4-y"]) == lines
    assert rebuild("gkong4-x", IPV4, ["gkong4-x"]) == ["destroy gkong4-x", *lines]
    assert fill("gkong6-x", parse_networks("ipv6", [])) == ["create gkong6-x hash:net family inet6 maxelem 1048576"]
    assert swap_contents("gkong4-x") == ["swap gkong4-x~ gkong4-x", "destroy gkong4-x~"]
    assert destroy(["a", "b"]) == ["destroy a", "destroy b"]


def test_the_network_of_all_addresses_is_two_elements():
    assert list_elements(parse_networks("ipv4", ["0.0.0.0/0"])) == ["0.0.0.0/1", "128.0.0.0/1"]
    assert list_elements(parse_networks("ipv6", ["::/0"])) == ["::/1", "8000::/1"]
    assert list_elements(parse_networks("ipv4", ["0.0.0.0/1"])) == ["0.0.0.0/1"]


def test_listed_sets_are_parsed():
    found = parse_sets(SAVED)
    assert [*found] == ["gkong4-x", "gkong6-x"]
    assert found["gkong4-x"].holds(IPV4)
    assert not found["gkong4-x"].holds(parse_networks("ipv4", ["10.0.0.0/24"]))
    assert found["gkong6-x"] == LiveSet(parse_networks("ipv6", []))


@pytest.mark.parametrize(
    "options",
    [
        "hash:ip family inet hashsize 1024 maxelem 1048576",
        "hash:net family inet6 hashsize 1024 maxelem 1048576",
        "hash:net family inet hashsize 1024 maxelem 1048576 timeout 600",
        "hash:net family inet hashsize 1024 maxelem 1048576 counters",
        "hash:net family inet hashsize 1024 counters",
    ],
)
def test_a_set_with_other_options_is_reported(options):
    found = parse_sets(f"create gkong4-x {options}\nadd gkong4-x 10.0.0.0/24\n")["gkong4-x"]
    assert found.oddities == [f"it is {options}"]
    assert not found.holds(found.networks)


@pytest.mark.parametrize("element", ["10.0.0.0/24 nomatch", "10.0.0.0/24 timeout 5", "10.0.0.0-10.0.0.9"])
def test_an_unknown_element_is_reported(element):
    found = parse_sets(f"create gkong4-x hash:net family inet\nadd gkong4-x {element}\n")["gkong4-x"]
    assert found.oddities == [f"its element {element}"]
