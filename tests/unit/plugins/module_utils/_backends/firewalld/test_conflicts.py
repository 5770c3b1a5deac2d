# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicts of firewalld's settings, and of iptables rules, with our rules in the zones."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.conflicts import (
    find_iptables_conflicts,
    find_settings_conflicts,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

ADMIN = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["peers"]}
CLUSTER = {"listener": "cluster", "protocol": "udp", "port": 7946, "address": None, "sources": ["peers"]}
PROXY = {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"}
CLOSED = {"listener": "debug", "protocol": "tcp", "port": 18000, "address": None, "sources": []}
BOTH = {"peers": {"ipv4": ["10.0.0.1/32", "10.0.0.2/32"], "ipv6": ["2001:db8::1/128"]}}
ONLY4 = {"peers": {"ipv4": ["10.0.0.1/32", "10.0.0.2/32"]}}
NAMES = {
    "tcp 8001 at every address": "admin",
    "udp 7946 at every address": "cluster",
    "tcp 8000 at every address": "proxy",
}


def list_conflicts(state, zones=("public",), sets=None, allow=(ADMIN, CLUSTER, PROXY, CLOSED)):
    want = ruleset_from_data({"allow": [*allow], "sets": sets or BOTH})
    whole = {"panic": False, "zones": {"public": {}, "drop": {"target": "DROP"}}, "policies": {}, **state}
    return list(find_settings_conflicts(whole, zones, want))


def list_effects(*args, **named):
    """Return for each conflict its certainty, its effect and the listeners."""
    return [
        (conflict.certain, conflict.effect, *(NAMES[port] for port in conflict.ports))
        for conflict in list_conflicts(*args, **named)
    ]


def test_a_usual_host_has_no_conflicts():
    assert (
        list_conflicts({"zones": {"public": {"services": ["ssh"], "rules_str": ['rule service name="ftp" accept']}}})
        == []
    )


def test_panic_mode_drops_all_ports_with_sources():
    (conflict,) = list_conflicts({"panic": True})
    assert (conflict.certain, {*conflict.ports}) == (True, {*NAMES})


ALL = ["admin", "cluster", "proxy"]


@pytest.mark.parametrize(
    "rule, listeners",
    [
        ("rule drop", ALL),
        ("rule reject", ALL),
        ('rule priority="-5" drop', ALL),
        ('rule priority="32766" drop', ALL),
        ('rule priority="32767" drop', []),
        ('rule log prefix="x" level="info" drop', ALL),
        ('rule audit reject type="tcp-reset"', ALL),
        ('rule family="ipv4" drop', []),
        ('rule port port="8001" protocol="tcp" drop', ["admin"]),
        ('rule port port="8001" protocol="udp" drop', []),
        ('rule port port="8000-8001" protocol="tcp" reject', ["admin", "proxy"]),
        ('rule port port="8002-8100" protocol="tcp" reject', []),
        ('rule port port="7946" protocol="udp" reject', ["cluster"]),
        ('rule service name="http" drop', []),
        ('rule drop limit value="1/m"', []),
        ("rule accept", []),
        ('rule source NOT address="10.0.0.0/8" drop', []),
    ],
)  # fmt: skip
def test_a_rule_of_a_zone_that_drops_every_packet_is_certain(rule, listeners):
    assert sorted(list_effects({"zones": {"public": {"rules_str": [rule]}}})) == [
        (True, "drop", name) for name in listeners
    ]


@pytest.mark.parametrize(
    "source, listeners",
    [
        ("10.0.0.0/30", ["admin", "cluster"]),
        ("10.0.0.1", []),
        ("10.0.0.2/31", []),
        ("0.0.0.0/0", ["admin", "cluster"]),
        ("not an address", []),
    ],
)
def test_a_ban_is_a_conflict_only_if_it_covers_every_source(source, listeners):
    rule = f'rule family="ipv4" source address="{source}" drop'
    assert sorted(list_effects({"zones": {"public": {"rules_str": [rule]}}}, sets=ONLY4)) == [
        (True, "drop", name) for name in listeners
    ]


def test_a_ban_is_a_conflict_only_if_it_covers_both_families():
    four, six = (
        'rule family="ipv4" source address="10.0.0.0/8" drop',
        'rule family="ipv6" source address="2001:db8::/32" drop',
    )
    assert list_effects({"zones": {"public": {"rules_str": [four]}}}) == []
    assert sorted(list_effects({"zones": {"public": {"rules_str": [four, six]}}})) == [
        (True, "drop", "admin"), (True, "drop", "cluster"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "accept, listeners",
    [
        ('rule priority="-20" family="ipv4" source address="10.0.0.1" accept', []),
        ('rule priority="-20" port port="22" protocol="tcp" accept', []),
        ('rule priority="20" family="ipv4" source address="10.0.0.1" accept', ALL),
        # Of two rules with the same priority, firewalld evaluates the drop first.
        ('rule priority="-10" family="ipv4" source address="10.0.0.1" accept', ALL),
        ('rule priority="-9" family="ipv4" source address="10.0.0.1" accept', ALL),
    ],
)
def test_a_drop_after_a_rule_that_accepts_is_not_a_conflict(accept, listeners):
    rules = {"zones": {"public": {"rules_str": [accept, 'rule priority="-10" drop']}}}
    assert sorted(list_effects(rules)) == [(True, "drop", name) for name in listeners]


def test_a_rule_in_one_of_two_zones_is_a_possible_drop():
    zones = {"public": {"rules_str": ["rule drop"]}, "home": {}}
    assert list_effects({"zones": zones}, ("public", "home"), allow=[ADMIN]) == [(False, "drop", "admin")]
    assert list_effects({"zones": zones}, ("public", "missing"), allow=[ADMIN]) == [(True, "drop", "admin")]
    both = {"public": {"rules_str": ["rule drop"]}, "home": {"rules_str": ["rule drop"]}}
    assert list_effects({"zones": both}, ("public", "home"), allow=[ADMIN]) == [(True, "drop", "admin")] * 2


POLICY = {"priority": -10, "target": "DROP", "ingress_zones": ["ANY"], "egress_zones": ["HOST"]}


@pytest.mark.parametrize(
    "change, expected",
    [
        ({}, [True]),
        ({"target": "REJECT"}, [True]),
        ({"target": "CONTINUE"}, []),
        ({"target": "ACCEPT"}, []),
        ({"priority": 10}, []),
        ({"priority": 0}, []),
        ({"egress_zones": ["ANY"]}, []),
        ({"ingress_zones": ["public", "home"]}, [True]),
        ({"ingress_zones": ["public"]}, [False]),
        ({"ingress_zones": ["dmz"]}, []),
        ({"ingress_zones": []}, []),
        ({"services": ["ssh"]}, [False]),
        ({"target": "CONTINUE", "rich_rules": ["rule drop"]}, [True]),
        ({"target": "CONTINUE", "rich_rules": ["rule drop"], "ingress_zones": ["home"]}, [False]),
        ({"target": "CONTINUE", "rich_rules": ['rule family="ipv4" source address="10.0.0.1" drop']}, []),
    ],
)
def test_a_policy_that_drops_before_the_zones(change, expected):
    state = {"zones": {"public": {}, "home": {}}, "policies": {"own": {**POLICY, **change}}}
    assert [conflict.certain for conflict in list_conflicts(state, ("public", "home"), allow=[ADMIN])] == expected


def test_the_message_has_the_reason_and_the_fix():
    (conflict,) = list_conflicts({"policies": {"own": POLICY}}, allow=[ADMIN])
    assert str(conflict) == (
        "firewalld's policy own blocks tcp 8001 at every address: it precedes the zones, which contain our rules, and "
        "its target is DROP. Give it a positive priority: `firewall-cmd --permanent --policy=own --set-priority=100`, "
        "and reload"
    )


@pytest.mark.parametrize(
    "zone, warned",
    [
        ({"target": "DROP", "sources": ["192.0.2.9"]}, True),
        ({"target": "%%REJECT%%", "sources": ["192.0.2.9"]}, True),
        ({"target": "DROP"}, False),
        ({"sources": ["192.0.2.9"]}, False),
        ({"target": "ACCEPT", "sources": ["192.0.2.9"]}, False),
    ],
)
def test_a_zone_with_ineffective_bans_is_reported(zone, warned):
    conflicts = list_conflicts({"zones": {"drop": zone}}, ("drop",), allow=[ADMIN])
    assert [(conflict.certain, conflict.effect, conflict.where) for conflict in conflicts] == [
        (False, "accept", "firewalld's zone drop")
    ] * warned
    # Compare whole addresses: 192.0.2.9 is also a part of the text 192.0.2.90.
    named = [re.findall(r"[0-9]+(?:\.[0-9]+){3}", conflict.reason) for conflict in conflicts]
    assert named == [["192.0.2.9"]] * warned


@pytest.mark.parametrize(
    "rule, listeners",
    [
        ('rule family="ipv4" port port="8001" protocol="tcp" accept limit value="1/m"', ["admin"]),
        ('rule priority="5" port port="8000-8001" protocol="tcp" log accept limit value="1/m"', ["admin", "proxy"]),
        ('rule port port="8001" protocol="udp" accept limit value="1/m"', []),
        ('rule port port="8001" protocol="tcp" accept', []),
        ('rule port port="8001" protocol="tcp" log limit value="1/m" accept', []),
    ],
)
def test_an_ineffective_limit_is_reported(rule, listeners):
    state = {"zones": {"public": {"rules_str": [rule]}}}
    assert sorted(list_effects(state)) == [(False, "accept", name) for name in listeners]


@pytest.mark.parametrize(
    "change, warned",
    [
        ({}, True),
        ({"priority": -10}, False),
        ({"egress_zones": ["ANY"]}, False),
        ({"ingress_zones": ["dmz"]}, False),
        ({"rich_rules": ["rule drop"]}, False),
        ({"rich_rules": ['rule family="ipv4" source address="10.0.0.1" accept']}, False),
    ],
)
def test_an_ineffective_ban_in_a_policy_after_the_zones_is_reported(change, warned):
    ban = 'rule family="ipv4" source address="10.0.0.1" drop'
    policy = {**POLICY, "priority": 10, "target": "CONTINUE", "rich_rules": [ban], **change}
    assert list_effects({"policies": {"own": policy}}, allow=[ADMIN]) == [(False, "accept", "admin")] * warned


def make_chain(family, table, name, hook="input", prio=0, policy="accept"):
    base = {"type": "filter", "hook": hook, "prio": prio, "policy": policy} if hook else {}
    return {"chain": {"family": family, "table": table, "name": name, **base}}


def make_rule(family, table, name, *expr):
    return {"rule": {"family": family, "table": table, "chain": name, "expr": [*expr]}}


DROP = {"drop": None}
FIREWALLD_4 = [
    {"table": {"family": "ip", "name": "filter"}},
    make_chain("ip", "filter", "INPUT"),
    make_chain("ip", "filter", "INPUT_ZONES", hook=None),
    make_rule("ip", "filter", "INPUT", {"jump": {"target": "INPUT_direct"}}),
    make_chain("ip", "filter", "INPUT_direct", hook=None),
    make_rule("ip", "filter", "INPUT", {"jump": {"target": "INPUT_ZONES"}}),
    make_rule("ip", "filter", "INPUT", {"reject": None}),
    make_rule("ip", "filter", "INPUT_ZONES", {"reject": None}),
]
WANT = ruleset_from_data({"allow": [PROXY]})


def test_the_rules_of_firewalld_with_iptables_are_not_a_conflict():
    assert find_iptables_conflicts(FIREWALLD_4, WANT) == ()


def test_the_rules_of_firewalld_with_nftables_are_not_a_conflict():
    listed = [{"table": {"family": "inet", "name": "firewalld"}}, make_chain("inet", "firewalld", "filter_INPUT", prio=10),
              make_rule("inet", "firewalld", "filter_INPUT", {"reject": None})]  # fmt: skip
    assert find_iptables_conflicts(listed, WANT) == ()


@pytest.mark.parametrize(
    "added, found",
    [
        (make_rule("ip", "filter", "INPUT_direct", DROP), ["nftables chain ip filter INPUT"]),
        (make_rule("ip", "filter", "INPUT_ZONES", DROP), []),
        (make_rule("ip", "filter", "INPUT", DROP), []),
    ],
    ids=["direct rule", "a chain of firewalld", "after firewalld"],
)
def test_a_rule_of_iptables_that_drops_every_packet_is_certain(added, found):
    conflicts = find_iptables_conflicts([*FIREWALLD_4, added], WANT)
    assert [(conflict.where, conflict.certain) for conflict in conflicts] == [(where, True) for where in found]


def test_a_rule_before_the_rules_of_firewalld_is_certain():
    listed = [*FIREWALLD_4[:3], make_rule("ip", "filter", "INPUT", DROP), *FIREWALLD_4[3:]]
    assert [conflict.certain for conflict in find_iptables_conflicts(listed, WANT)] == [True]


def test_a_drop_in_each_family():
    listed = [item for family in ("ip", "ip6") for item in (
        {"table": {"family": family, "name": "filter"}}, make_chain(family, "filter", "INPUT"), make_rule(family, "filter", "INPUT", DROP)
    )]  # fmt: skip
    assert len(find_iptables_conflicts(listed, WANT)) == 2


def test_chains_of_other_tables_are_for_the_early_part():
    listed = [{"table": {"family": "ip", "name": "mangle"}}, make_chain("ip", "mangle", "INPUT", prio=-150),
              make_rule("ip", "mangle", "INPUT", DROP)]  # fmt: skip
    assert find_iptables_conflicts(listed, WANT) == ()
