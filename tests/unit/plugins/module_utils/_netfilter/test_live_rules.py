# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that show the loaded rules, and the rules of all of them together."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import read_live_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import list_nft_tables

CHAIN = {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "hook": "input", "prio": 0, "policy": "accept"}}
XT = {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": [{"xt": {"type": "match", "name": "iprange"}}, {"drop": None}]}}  # fmt: skip
SAVED = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s {} -j ACCEPT\nCOMMIT\n"
LISTED = ("nft", "--json", "list", "ruleset")
RANGE = "-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP"


class FakeHost:
    """A host with tables of nftables, tables of iptables-legacy by file, and the outputs of its programs."""

    def __init__(self, tables=(), legacy=(), outputs=()):
        self.tables, self.legacy, self.outputs = tables, legacy, dict(outputs)

    def call(self, function):
        assert function is list_nft_tables
        return self.tables

    def which(self, name):
        known = [argv[0] for argv in self.outputs] + [f"{argv[0][: -len('save')]}restore" for argv in self.outputs]
        return f"/sbin/{name}" if name in known else None

    def read(self, path):
        return "filter\n" if path in self.legacy else None

    def run(self, *argv):
        return self.outputs[(argv[0].rpartition("/")[2], *argv[1:])]


def make_listing(*objects):
    return json.dumps({"nftables": [CHAIN, *objects]})


def test_host_without_tables_runs_no_program():
    assert read_live_rules(FakeHost()) == ((), {"ipv4": (), "ipv6": ()})


def test_rules_of_nftables_have_the_options_of_iptables():
    outputs = {LISTED: make_listing(XT), ("iptables-nft-save",): f"*filter\n:INPUT ACCEPT [0:0]\n{RANGE}\nCOMMIT\n"}
    rules = read_live_rules(FakeHost([("ip", "filter")], outputs=outputs))
    ((chains,), networks) = rules
    assert [rule.text for rule in chains["INPUT"].rules] == [RANGE]
    assert (parse_range("ipv4", "10.0.0.1")[0], parse_range("ipv4", "10.0.0.9")[1]) in networks["ipv4"]


def test_loaded_rules_without_a_program_for_them_are_an_error():
    with pytest.raises(HostError, match="install the package nftables"):
        read_live_rules(FakeHost([("inet", "own")]))


@pytest.mark.parametrize(
    ("file", "program", "source", "family"),
    [
        ("/proc/net/ip_tables_names", "iptables-legacy", "10.0.0.0/8", "ipv4"),
        ("/proc/net/ip6_tables_names", "ip6tables-legacy", "fd00::/64", "ipv6"),
    ],
)
def test_rules_of_iptables_legacy_are_read_for_their_family(file, program, source, family):
    host = FakeHost(legacy=[file], outputs={(f"{program}-save",): SAVED.format(source)})
    tables, networks = read_live_rules(host)
    assert [(chains["INPUT"].policy, len(chains["INPUT"].rules)) for chains in tables if chains] == [("drop", 1)]
    assert networks[family] == (parse_range(family, source),)
    assert networks[{"ipv4": "ipv6", "ipv6": "ipv4"}[family]] == ()


def test_members_of_sets_are_in_the_rules_and_in_the_networks():
    saved = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set ops src -j ACCEPT\nCOMMIT\n"
    members = "create ops hash:net family inet hashsize 1024 maxelem 65536\nadd ops 10.0.0.0/8\n"
    outputs = {("iptables-legacy-save",): saved, ("ipset", "save"): members}
    tables, networks = read_live_rules(FakeHost(legacy=["/proc/net/ip_tables_names"], outputs=outputs))
    (rule,) = [rule for chains in tables if "INPUT" in chains for rule in chains["INPUT"].rules]
    assert [test.members.format() for test in rule.tests] == [["10.0.0.0/8"]]
    assert networks == {"ipv4": (parse_range("ipv4", "10.0.0.0/8"),), "ipv6": ()}
