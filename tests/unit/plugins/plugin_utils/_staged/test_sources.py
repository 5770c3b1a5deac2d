# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counted sources: their names, the effect of enforcing the plan, and the text about them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.names import list_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import DAY, CountingNode, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.text import (
    find_problems,
    format_counted,
    list_proposals,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.golden import compare_with_file

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)


def make_entry(source, port=8001, packets=3, age=60, protocol="tcp"):
    return {"source": source, "protocol": protocol, "port": port, "packets": packets, "age": age}


def make_result(*entries, staged=True, seconds=3 * DAY, uncounted=0):
    counts = {"entries": list(entries), "limit": 65536, "uncounted": uncounted, "seconds": seconds}
    return {"staged": staged, "ruleset": {"allow": []}, "counts": counts}


QUIET = {name: make_result() for name in PLAN["nodes"]}


def gather_a1(*entries, **more):
    return gather(PLAN, {**QUIET, "a1": make_result(*entries)}, **more)


def list_effects(counted):
    return {(source.address, source.port): source.effect for source in counted.sources}


def test_the_effect_depends_on_the_present_plan():
    counted = gather_a1(
        make_entry("192.168.10.77"),
        make_entry("192.168.10.20"),  # the admin host, which the plan allows now
        make_entry("192.168.10.88", 8000),  # the proxy is open to any source
        make_entry("192.168.10.77", 9999),
        make_entry("192.0.2.9"),
        expected=["192.0.2.0/24"],
    )
    assert list_effects(counted) == {
        ("192.168.10.77", 8001): "dropped",
        ("192.168.10.20", 8001): "none, allowed",
        ("192.168.10.88", 8000): "none, allowed",
        ("192.168.10.77", 9999): "none, not a planned port",
        ("192.0.2.9", 8001): "dropped, as expected",
    }
    assert [source.address for source in counted.dropped] == ["192.168.10.77"]


def test_sources_have_the_names_of_the_plan_and_of_the_inventory():
    others = {"192.0.2.9": ["mon1"], "192.168.10.12": ["never asked"]}
    counted = gather_a1(
        make_entry("192.168.10.12"), make_entry("192.0.2.9"), make_entry("192.0.2.10"), name_others=lambda: others
    )
    assert {source.address: source.hosts for source in counted.sources} == {
        "192.168.10.12": ("a2",),
        "192.0.2.9": ("mon1",),
        "192.0.2.10": (),
    }


def test_the_inventory_is_only_read_for_addresses_that_the_plan_does_not_have():
    assert gather_a1(make_entry("192.168.10.12"), name_others=pytest.fail).sources


@pytest.mark.parametrize(
    "addresses, networks",
    [
        (["192.0.2.9"], ["192.0.2.9/32"]),
        (["192.0.2.9", "192.0.2.10"], ["192.0.2.8/30", "192.0.2.8/30"]),
        (["192.0.2.9", "192.0.3.9"], ["192.0.2.9/32", "192.0.3.9/32"]),
        (["192.0.2.1", "192.0.2.254"], ["192.0.2.0/24", "192.0.2.0/24"]),
        (["2001:db8::1", "2001:db8::2"], ["2001:db8::/126", "2001:db8::/126"]),
        (["2001:db8::1", "2001:db8::8000:0:0:1"], ["2001:db8::/64", "2001:db8::/64"]),
        (["2001:db8::1", "2001:db8:0:1::1"], ["2001:db8::1/128", "2001:db8:0:1::1/128"]),
    ],
)
def test_unknown_sources_have_the_smallest_network_that_covers_them(addresses, networks):
    found = gather_a1(*map(make_entry, addresses)).sources
    assert [source.network for source in sorted(found, key=lambda source: addresses.index(source.address))] == networks


def test_the_network_does_not_cover_known_sources_or_other_ports():
    found = gather_a1(
        make_entry("192.168.10.12"), make_entry("192.168.10.77"), make_entry("192.168.10.78", 8444)
    ).sources
    assert {source.address: source.network for source in found} == {
        "192.168.10.12": "",
        "192.168.10.77": "192.168.10.77/32",
        "192.168.10.78": "192.168.10.78/32",
    }


@pytest.mark.parametrize(
    "found, reason",
    [
        (None, "it was unreachable, failed or not part of this run"),
        ({"failed": True, "msg": "needs root"}, "needs root"),
        ({**make_result(), "failed": True, "msg": "needs root"}, "needs root"),
        ({"msg": "needs root"}, "needs root"),
        ({"staged": False, "ruleset": None, "counts": None}, "it has no rules of gatehouse.kong yet"),
        (make_result(make_entry("x")), "its counts cannot be read"),
        (make_result(make_entry("10.0.0.1", port="x")), "its counts cannot be read"),
        ({"staged": True, "ruleset": {}, "counts": {}}, "its counts cannot be read"),
    ],
)
def test_a_node_that_was_not_checked(found, reason):
    counted = gather(PLAN, {**QUIET, "b1": found})
    assert counted.not_checked["b1"].startswith(reason)
    assert {*counted.nodes} == {"a1", "a2"}


def format_proposals(**by_node):
    counted = gather(PLAN, {**QUIET, **{node: make_result(*entries) for node, entries in by_node.items()}})
    return [str(proposal) for proposal in list_proposals(counted)]


def test_nodes_with_the_same_terms_share_a_proposal():
    same = [make_entry("192.0.2.10"), make_entry("192.0.2.9"), make_entry("192.168.23.45")]
    assert format_proposals(a1=same, a2=same) == ["a1 to a2, 2 nodes: add to kong_admin_sources: [192.0.2.8/30, b1]"]


def test_several_ports_of_a_listener_share_a_proposal():
    assert format_proposals(a1=[make_entry("192.0.2.9"), make_entry("192.0.2.9", 8444)]) == [
        "a1: add to kong_admin_sources: [192.0.2.9]"
    ]


def test_what_an_enforced_node_drops_already_is_listed_and_no_problem():
    counted = gather(PLAN, {**QUIET, "a1": make_result(make_entry("192.0.2.9"), staged=False)})
    assert list_effects(counted) == {("192.0.2.9", 8001): "dropped"}
    assert (counted.dropped, list_proposals(counted), find_problems(counted, None)) == ((), (), [])


def test_sources_that_are_not_dropped_have_no_proposal():
    assert format_proposals(a1=[make_entry("192.168.10.20"), make_entry("192.0.2.9", 9999)]) == []


OLD, NEW = make_entry("192.0.2.9", age=5 * DAY), make_entry("192.0.2.9", age=DAY)
WEEK = {"seconds": None}


@pytest.mark.parametrize(
    "found, days, problems",
    [
        (make_result(), None, []),
        (make_result(OLD), None, ["unexpected sources on a1"]),
        (make_result(OLD, **WEEK), 3, []),
        (make_result(NEW, **WEEK), 3, ["unexpected sources in the last 3 days on a1"]),
        (make_result(seconds=2 * DAY), 3, ["a1 has counted for less than 3 days"]),
        (make_result(seconds=3 * DAY), 3, []),
        (make_result(uncounted=9), None, ["the counts of a1 are incomplete"]),
        ({"staged": False, "ruleset": {}, "counts": None}, 3, []),
        (make_result(NEW, seconds=DAY, uncounted=9, staged=False), 3, []),
    ],
)
def test_problems(found, days, problems):
    quiet = {name: make_result(seconds=None) for name in QUIET}
    assert find_problems(gather(PLAN, {**quiet, "a1": found}), days) == problems


def test_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    many = [make_entry(f"192.0.2.{number}", 7946, 1, 7200, "udp") for number in (5, 6)]
    found = {
        "a1": make_result(
            make_entry("192.168.10.77", packets=12, age=90), make_entry("192.168.10.20"), *many, uncounted=4
        ),
        "a2": {"staged": False, "ruleset": {}, "counts": None},
        "b1": {"msg": "kong_firewall_info needs root"},
    }
    lines = format_counted(gather(PLAN, found, name_others=lambda: {"192.168.10.77": ["mon1"]}))
    compare_with_file("terminal/staged.txt", "".join(f"{line}\n" for line in lines))


def test_a_long_table_is_cut():
    lines = format_counted(gather_a1(*(make_entry(f"10.7.{number}.1") for number in range(150))))
    assert "and 50 more sources; kong_staged_file has all sources" in lines


def test_names_of_the_inventory():
    hosts = {
        "a": {"kong_address": ["192.0.2.1", "2001:DB8::1"], "ansible_host": "192.0.2.1"},
        "b": {"ansible_host": "198.51.100.7"},
        "c": {"ansible_host": "c.example.org"},
        "d": {"ansible_host": "198.51.100.7"},
        "e": {},
    }
    assert list_names(PlainInventory({"all": [*hosts]}, hosts)) == {
        "192.0.2.1": ["a"],
        "2001:db8::1": ["a"],
        "198.51.100.7": ["b", "d"],
    }


def test_a_node_that_counts_nothing():
    counted = gather(PLAN, {**QUIET, "a1": {"staged": True, "ruleset": {}, "counts": None}})
    assert counted.nodes["a1"] == CountingNode(staged=True, counts=False, seconds=0, uncounted=0)
