# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules of others in the output of iptables-save are told, and which have nothing to do with our ports."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_foreign import (
    before_ours,
    other_tables,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": "0.0.0.0", "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins"]},
            {"listener": "status", "protocol": "tcp", "port": 8007, "address": "0.0.0.0", "sources": []},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "address": "10.0.0.1", "sources": ["admins"]},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"]}},
    }
)
OURS = "-A INPUT -j OURS"


def saved(table, *lines):
    chains = dict.fromkeys(line.split()[1] for line in lines)
    return "\n".join([f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in chains), *lines, "COMMIT", ""])


def before(*lines):
    found = before_ours("ipv4", saved("filter", *lines, OURS, "-A INPUT -p tcp --dport 8001 -j ACCEPT"), WANT,
                        lambda line: line == OURS)  # fmt: skip
    return {(one.effect, one.certain, port.split()[1]) for one in found for port in one.ports}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-A INPUT -j ACCEPT", {("accept", True, port) for port in ("8001", "8007", "7946")}),
        ("-A INPUT -p tcp -m tcp --dport 8001 -j ACCEPT", {("accept", True, "8001")}),
        ("-A INPUT -p tcp -m multiport --dports 80,8000:8001 -j ACCEPT", {("accept", True, "8001")}),
        ("-A INPUT -p tcp -m tcp --dport 8000 -j DROP", {("drop", False, "8000")}),
        (
            "-A INPUT -p udp -m udp --dport 7946 -j REJECT --reject-with icmp-port-unreachable",
            {("drop", False, "7946")},
        ),
        ("-A INPUT -d 10.0.0.1/32 -p tcp -m tcp --dport 8001 -j ACCEPT", {("accept", True, "8001")}),
        ("-A INPUT -s 10.9.0.7/32 -j DROP", {("drop", False, "8001"), ("drop", False, "7946")}),
        ("-A INPUT -i eth0 -p tcp -m tcp --dport 8001 -j ACCEPT", {("accept", False, "8001")}),
        ("-A INPUT ! -i docker0 -p tcp -m tcp --dport 8001 -j ACCEPT", {("accept", False, "8001")}),
        ("-A INPUT -p tcp -m tcp ! --dport 22 -j DROP", {("drop", False, "8000"), ("drop", False, "8001")}),
        ("-A INPUT -m conntrack --ctstate NEW -p tcp -m tcp --dport 8000 -j DROP", {("drop", False, "8000")}),
    ],
)
def test_a_rule_that_decides_before_ours(line, expected):
    assert before(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 8001 -j ACCEPT",
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
        "-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT",  # anyone may
        "-A INPUT -s 10.9.0.0/25 -p tcp -m tcp --dport 8001 -j ACCEPT",  # they may
        "-A INPUT -s 203.0.113.9/32 -j DROP",  # banned, and no source of a set
        "-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT",
        "-A INPUT -d 10.0.0.2/32 -p tcp -m tcp --dport 8001 -j ACCEPT",
        "-A INPUT -m rt --rt-type 0 -j DROP",  # may match, and is for other packets
        "-A INPUT -p tcp -m tcp --dport 8001 -j LOG",
        '-A INPUT -m comment --comment "a -j ACCEPT of all" -p tcp -m tcp --dport 23 -j ACCEPT',
        OURS,
    ],
)
def test_a_rule_that_has_nothing_to_do_with_it(line):
    assert before(line) == set()


def test_the_chains_that_a_rule_leads_to_are_followed():
    lines = ["-A INPUT -p tcp -j A", "-A A -p tcp -m tcp --dport 22 -j RETURN", "-A A -g B",
             "-A B -p tcp -m tcp --dport 8001 -j ACCEPT"]  # fmt: skip
    assert before(*lines) == {("accept", True, "8001")}
    assert before("-A INPUT -j A", "-A A -m addrtype --dst-type LOCAL -j RETURN", "-A A -j DROP") == set()
    assert before("-A INPUT -j A", "-A A -s 10.9.0.1/32 -j RETURN", "-A A -p tcp --dport 8000 -j DROP") == {
        ("drop", False, "8000")
    }


def test_what_comes_after_a_certain_end_does_not_count():
    assert before("-A INPUT -p tcp --dport 8000 -j ACCEPT", "-A INPUT -p tcp --dport 8000 -j DROP") == set()


def test_the_message_has_the_rule_and_the_way_out():
    (one,) = before_ours("ipv4", saved("filter", "-A INPUT -p tcp --dport 8001 -j ACCEPT", OURS), WANT,
                         lambda line: line == OURS)  # fmt: skip
    assert str(one) == (
        "table filter of iptables accepts others at tcp 8001 at 10.0.0.1: it has "
        "`-A INPUT -p tcp --dport 8001 -j ACCEPT`, which comes before ours. Remove it, or put it after ours: whoever it "
        "lets in does not have to be a source"
    )
    assert not one.stops


def others(table, *lines):
    return {
        (one.effect, one.certain, port)
        for one in other_tables({"ipv4": saved(table, *lines)}, WANT)
        for port in one.ports
    }


def test_docker_publishes_a_port_that_nobody_may_reach():
    lines = ["-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER", "-A DOCKER -i docker0 -j RETURN",
             "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8007 -j DNAT --to-destination 172.17.0.2:8007",
             "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7070 -j DNAT --to-destination 172.17.0.2:80"]  # fmt: skip
    assert others("nat", *lines) == {("divert", False, "tcp 8007 at every IPv4 address")}


def test_tables_before_filter():
    drop = "-p tcp -m tcp --dport 8000 -j DROP"
    assert others("raw", f"-A PREROUTING {drop}") == {("drop", False, "tcp 8000 at every IPv4 address")}
    assert others("mangle", f"-A INPUT {drop}") == {("drop", False, "tcp 8000 at every IPv4 address")}
    assert others("mangle", f"-A FORWARD {drop}") == set()
    assert others("mangle", "-A PREROUTING -p tcp -m tcp --dport 8000 -j ACCEPT") == set()
    assert others("mangle", "-A PREROUTING -m conntrack --ctstate INVALID -j DROP") == set()
