# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes between two plans: the sources that gain or lose access to a port."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import (
    CHANGES,
    GAINS,
    LOSES,
    Change,
    compare_plans,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN, PlanError, parse_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

OLD = plan_fleet(SEED_NODES, SEED_OTHERS)


def describe_change(change, others=None):
    """Return the changes after ``change`` has modified the nodes of the worked example."""
    nodes = copy.deepcopy(SEED_NODES)
    change(nodes)
    return format_changes(compare_plans(OLD, plan_fleet(nodes, others or SEED_OTHERS)))


def add(nodes):
    nodes["a3"] = {**GOSSIP, "kong_site": "lan", "kong_address": "192.168.10.13"}


def remove(nodes):
    del nodes["a2"]


def close_admin(nodes):
    nodes["a1"]["kong_admin_sources"] = "nobody"


def restrict_proxy(nodes):
    for name in ("a1", "a2"):
        nodes[name]["kong_proxy_sources"] = ["admin"]


def allow_nobody(nodes):
    nodes["a1"]["kong_proxy_sources"] = "nobody"


def move_proxy(nodes):
    nodes["a1"]["kong_proxy_listen"] = "0.0.0.0:8100"


def move_forward(nodes):
    nodes["b1"]["kong_nat"][0]["outside_port"] = 9001


def move_site(nodes):
    nodes["a1"]["kong_address"] = "192.168.10.31"


def stage(nodes):
    for name in ("a1", "a2"):
        nodes[name] |= {"kong_firewall_state": "staged", "kong_staged_days": 7}
    nodes["b1"]["kong_firewall_record"] = True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            stage,
            [
                "~ a1 to a2, 2 nodes: packets of other sources: dropped -> pass (staged), counted for 7 days",
                "~ b1: packets of other sources: dropped -> dropped, counted for 14 days",
            ],
        ),
        (
            add,
            [
                "+ a3: the fleet: joins site lan, cluster default",
                "+ a1 to a2, 2 nodes: cluster 7946/tcp+udp: 192.168.10.13 (a3)",
                "+ b1: cluster 80/tcp+udp: 192.168.10.13 (a3)",
                "+ a3: proxy 8000/tcp: anyone",
                "+ a3: admin 8001/tcp: opens to only the node itself",
            ],
        ),
        (
            remove,
            [
                "- a2: the fleet: is no longer planned at site lan, cluster default",
                "- b1: cluster 80/tcp+udp: 192.168.10.12 (a2)",
            ],
        ),
        (close_admin, ["- a1: admin 8001/tcp: 192.168.10.20 (admin)", "- a1: admin 8444/tcp: 192.168.10.20 (admin)"]),
        (restrict_proxy, ["- a1 to a2, 2 nodes: proxy 8000/tcp: anyone except 192.168.10.20 (admin)"]),
        (allow_nobody, ["- a1: proxy 8000/tcp: anyone"]),
        (
            move_proxy,
            [
                "- a1: proxy 8000/tcp: closes; it was open to anyone",
                "+ a1: proxy 8100/tcp: anyone",
                "~ a1: proxy_listen: 0.0.0.0:8000 -> 0.0.0.0:8100",
            ],
        ),
        (
            move_forward,
            [
                "~ b1: cluster_advertise: 192.168.10.5:9000 -> 192.168.10.5:9001",
                "+ 192.168.10.5: forward 192.168.10.5:9001/tcp+udp: to 192.168.23.45:80 (b1, hairpin)",
                "- 192.168.10.5: forward 192.168.10.5:9000/tcp+udp: to 192.168.23.45:80 (b1, hairpin)",
            ],
        ),
        (move_site, ["~ a1: address: 192.168.10.11 -> 192.168.10.31", "- b1: cluster 80/tcp+udp: 192.168.10.11 (a1)"]),
    ],
)
def test_changes(change, said):
    told = describe_change(change)
    assert [line for line in said if line not in told] == []


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("kong_flat_network", True, "flat_network: none -> true"),
        ("kong_flat_network", False, "flat_network: none -> false"),
        ("kong_vpn_address", "10.8.0.1", "vpn_address: none -> 10.8.0.1"),
        ("kong_cluster", "other", "cluster: default -> other"),
    ],
)
def test_a_changed_field_of_a_node(variable, value, expected):
    told = describe_change(lambda nodes: nodes["a1"].update({variable: value}))
    assert f"~ a1: {expected}" in told


def test_no_other_changes():
    assert describe_change(close_admin)[2:] == []
    assert describe_change(restrict_proxy)[2:] == []


def test_changes_in_both_directions_are_opposite():
    nodes = copy.deepcopy(SEED_NODES)
    close_admin(nodes)
    new = plan_fleet(nodes, SEED_OTHERS)
    fro = {line[0]: line[1:] for line in format_changes(compare_plans(new, OLD))}
    to = {line[0]: line[1:] for line in format_changes(compare_plans(OLD, new))}
    assert to["-"] == fro["+"]


def test_equal_plans():
    assert compare_plans(OLD, copy.deepcopy(OLD)) == []
    assert format_changes([]) == ["No changes."]


def test_first_plan_only_gains():
    changes = compare_plans(NO_PLAN, OLD)
    assert {change.kind for change in changes} == {"gains"}
    assert {name for change in changes for name in change.where} >= set(OLD["nodes"])


def test_text_without_a_plan():
    for text in ("", "[]", '{"format": 2}'):
        with pytest.raises(PlanError):
            parse_plan(text)


def test_change_as_plain_data():
    nodes = copy.deepcopy(SEED_NODES)
    add(nodes)
    first = compare_plans(OLD, plan_fleet(nodes, SEED_OTHERS))[0]
    assert first.as_dict() == {
        "kind": "gains",
        "where": ["a3"],
        "subject": "the fleet",
        "how": "joins site lan, cluster default",
    }


def test_data_has_all_sources_and_the_terminal_the_first():
    """Also all hosts of an address; consecutive names are in short."""
    networks = ["192.168.10.90", *(f"198.51.100.{2 * number}" for number in range(29))]
    others = {
        **SEED_OTHERS,
        **{f"h{number}": {"kong_site": "lan", "kong_address": networks[0]} for number in range(1, 9)},
    }
    nodes = copy.deepcopy(SEED_NODES)
    nodes["a1"]["kong_admin_sources"] = [*(f"h{number}" for number in range(1, 9)), *networks[1:]]
    changes = compare_plans(plan_fleet(SEED_NODES, others), plan_fleet(nodes, others))
    [gained] = [change for change in changes if change.kind == GAINS and "8001" in change.subject]
    assert gained.as_dict()["how"] == ", ".join([f"{networks[0]} (h1 to h8)", *networks[1:]])
    shown = ", ".join([f"{networks[0]} (h1, h2, h3 +5)", *networks[1:12]])
    assert format_changes([gained]) == [f"+ a1: admin 8001/tcp: {shown} +18"]


def make_changes(kind, subject, count, how="gets {}"):
    return [Change(kind, (f"n{2 * number}",), subject, how.format(number)) for number in range(count)]


MANY = {
    "warnings": make_changes(GAINS, "warning source-any", 1000, "text {}. " + "reason " * 50),
    "two kinds": [*make_changes(GAINS, "admin 8001/tcp", 500), *make_changes(LOSES, "admin 8001/tcp", 500)],
    "settings": [change for number in range(100) for change in make_changes(CHANGES, f"setting_{'x' * number}", 20)],
    "long names": [Change(GAINS, tuple(f"{'x' * 240}{2 * number}" for number in range(1000)), "proxy 80/tcp", "a" * 9000)] * 50,
}  # fmt: skip


@pytest.mark.parametrize("changes", MANY.values(), ids=MANY)
def test_many_changes_are_few_lines(changes):
    lines = format_changes(changes)
    assert sum(len(line) + 1 for line in lines) <= 5_000
    assert max(map(len, lines)) <= 1_200
    assert lines[-1] == (
        f"These are examples of {len(changes)} changes. With the option -v, the playbook diff shows all of them."
    )


@pytest.mark.parametrize(
    ("lengths", "are_complete"),
    [([500] * 9, True), ([*[500] * 8, 501], False), ([50] * 40, True), ([50] * 41, False)],
    ids=["4500 characters", "4501 characters", "40 lines", "41 lines"],
)
def test_all_changes_are_shown_up_to_a_limit(lengths, are_complete):
    """The lengths of the lines include the line break."""
    prefix = len("+ n: x: \n")
    changes = [Change(GAINS, ("n",), "x", "y" * (length - prefix)) for length in lengths]
    lines = format_changes(changes)
    assert ([len(line) + 1 for line in lines] == lengths) is are_complete
    assert lines[-1].startswith("These are examples of ") is not are_complete


def test_each_kind_of_change_has_examples_and_a_count():
    lines = format_changes(MANY["two kinds"])
    assert [line for line in lines if "more" in line] == [
        "+ 495 more changes of this kind (admin 8001/tcp)", "- 495 more changes of this kind (admin 8001/tcp)",
    ]  # fmt: skip
    assert lines[0] == "+ n0: admin 8001/tcp: gets 0"


def test_a_few_changes_are_complete():
    changes = make_changes(GAINS, "admin 8001/tcp", 20)
    assert len(format_changes(changes)) == 20


ALONE = {"kong_version": "3.9", "kong_site": "a", "kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001"}
MAPPING = {"device": "fw", "outside": "203.0.113.1", "outside_port": 80, "inside_port": 8001}


def compare_nodes(before, after):
    return format_changes(compare_plans(*(plan_fleet({"n": {**ALONE, **more}}) for more in (before, after))))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            {"kong_admin_sources": "nobody"},
            {"kong_admin_listen": "off"},
            "- n: admin 8001/tcp: closes; it was open to only the node itself",
        ),
        (
            {"kong_admin_sources": ["192.0.2.1"]},
            {"kong_admin_listen": "off"},
            "- n: admin 8001/tcp: closes; it was open to 192.0.2.1",
        ),
        ({}, {"kong_nat": [MAPPING]}, "~ n: nat: none -> 203.0.113.1:80 to port 8001"),
        ({"kong_nat": [{"outside": "203.0.113.1"}]}, {}, "~ n: nat: 203.0.113.1 one-to-one -> none"),
        (
            {"kong_nat": [MAPPING], "kong_admin_sources": ["192.0.2.1"]},
            {"kong_nat": [{**MAPPING, "inside_port": 8000}], "kong_admin_sources": ["192.0.2.1"]},
            "~ fw: forward 203.0.113.1:80/tcp: to 10.0.0.1:8001 (n) -> to 10.0.0.1:8000 (n)",
        ),
    ],
)
def test_changes_of_ports_and_mappings(before, after, line):
    lines = compare_nodes(before, after)
    assert line in lines, lines


def test_nodes_that_join_together_share_a_line():
    def add_two(nodes):
        for number in (3, 4):
            nodes[f"a{number}"] = {**GOSSIP, "kong_site": "lan", "kong_address": f"192.168.10.1{number}"}

    lines = describe_change(add_two)
    assert "+ a3 to a4, 2 nodes: the fleet: joins site lan, cluster default" in lines
    assert sum("joins" in line for line in lines) == 1
    assert "+ a1 to a2, 2 nodes: cluster 7946/tcp+udp: 192.168.10.13 (a3), 192.168.10.14 (a4)" in lines
