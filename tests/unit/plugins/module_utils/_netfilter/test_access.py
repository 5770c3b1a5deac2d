# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that chains allow to a service. The namespace tests compare them with packets."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import access
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.access import find_access, make_unknown
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DROP, Chain
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

SERVICE = Service("tcp", 8001, "0.0.0.0")


def find(*rules, policy="ACCEPT", raw=(), service=SERVICE):
    saved = "\n".join(["*raw", ":PREROUTING ACCEPT [0:0]", *raw, "COMMIT", "*filter", f":INPUT {policy} [0:0]", *rules, "COMMIT", ""])  # fmt: skip
    return find_access(parse_saved(saved, "ipv4"), service, "ipv4", [*list_named_networks("ipv4", saved)])


def test_without_rules_every_source_is_allowed():
    assert find_access([], SERVICE, "ipv4", []) == (SERVICE, list_unicast("ipv4"), parse_networks("ipv4", []), "")


@pytest.mark.parametrize(
    ("rules", "policy", "allowed"),
    [
        (["-A INPUT -s 10.0.0.0/8 -j ACCEPT"], "DROP", ["10.0.0.0/8"]),
        (["-A INPUT -s 10.1.0.0/16 -j DROP", "-A INPUT -s 10.0.0.0/15 -j ACCEPT"], "DROP", ["10.0.0.0/16"]),
        (["-A INPUT -p tcp -m tcp --dport 8000 -s 10.0.0.0/8 -j ACCEPT"], "DROP", []),
        (["-A INPUT -p udp -s 10.0.0.0/8 -j ACCEPT"], "DROP", []),
    ],
)
def test_the_answer_is_exact(rules, policy, allowed):
    found = find(*rules, policy=policy)
    assert (found.allowed, found.undecided.ranges, found.reason) == (parse_networks("ipv4", allowed), (), "")


def test_a_drop_in_an_earlier_table_is_final():
    found = find("-A INPUT -s 10.0.0.0/8 -j ACCEPT", policy="DROP", raw=["-A PREROUTING -s 10.0.0.0/9 -j DROP"])
    assert found.allowed == parse_networks("ipv4", ["10.128.0.0/9"])


def test_only_the_sources_of_an_unknown_rule_are_unknown():
    rule = "-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT"
    found = find("-A INPUT -s 192.0.2.0/24 -j ACCEPT", rule, policy="DROP")
    assert found.allowed == parse_networks("ipv4", ["192.0.2.0/24"])
    assert found.undecided == parse_networks("ipv4", ["10.0.0.0/8"])
    assert found.reason == f"`{rule}` in chain filter INPUT"


def test_a_certain_drop_follows_an_unknown_rule():
    found = find("-A INPUT -m limit --limit 1/sec -j LOG", "-A INPUT -j DROP")
    assert (found.allowed.ranges, found.undecided.ranges) == ((), ())


def test_too_many_networks_are_not_evaluated(monkeypatch):
    monkeypatch.setattr(access, "_MOST_EVALUATIONS", 2)
    found = find("-A INPUT -s 10.0.0.0/8 -j DROP")
    assert found == make_unknown("ipv4", SERVICE, "the rules name 1 networks, too many to evaluate")
    assert (found.allowed.ranges, found.undecided) == ((), list_unicast("ipv4"))


def test_a_chain_of_some_interfaces_leaves_the_sources_unknown():
    chain = Chain("early", [], "ingress", -300, DROP, "netdev", "own", "eth1")
    found = find_access([{"early": chain}], SERVICE, "ipv4", [])
    assert (found.allowed.ranges, found.undecided) == ((), list_unicast("ipv4"))
    assert found.reason == "the policy of chain netdev own early"
