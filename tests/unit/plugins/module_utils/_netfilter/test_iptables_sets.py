# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of third-party ipsets in the rules of iptables."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import iptables_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.access import find_access
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_sets import (
    parse_members,
    put_members,
    read_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

NET = "create ops hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1a2b3c4d"
SAVED = f"{NET}\nadd ops 10.0.1.0/24\nadd ops 10.0.3.2\n"


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (SAVED, ["10.0.1.0/24", "10.0.3.2/32"]),
        (f"{NET}\n", []),
        ("create ops hash:ip family inet hashsize 1024 maxelem 65536\nadd ops 10.0.0.1 timeout 86399\n", ["10.0.0.1/32"]),
        ('create ops hash:ip family inet comment counters\nadd ops 10.0.0.1 packets 0 bytes 0 comment "the nomatch office"\n', ["10.0.0.1/32"]),
        ("create ops bitmap:ip range 10.0.0.0-10.0.0.255\nadd ops 10.0.0.7\n", ["10.0.0.7/32"]),
        ("create ops hash:net family inet6 hashsize 1024\nadd ops fd00::/64\n", ["fd00::/64"]),
        # An exception inside a network.
        (f"{NET}\nadd ops 10.0.0.0/8\nadd ops 10.0.0.1 nomatch\n", None),
        ("create ops hash:ip family inet netmask 24\nadd ops 10.0.0.0\n", None),
        ("create ops hash:ip,port family inet hashsize 1024\nadd ops 10.0.0.1,tcp:8001\n", None),
        ("create ops list:set size 8\nadd ops other\n", None),
        (f"{NET}\nadd ops host.example.org\n", None),
        ("", None),
    ],
    ids=["networks", "empty", "timeout", "comment", "bitmap", "IPv6", "nomatch", "netmask", "ports", "list", "no address", "none"],
)  # fmt: skip
def test_the_members_of_a_set(saved, expected):
    found = parse_members(saved).get("ops")
    assert (None if found is None else found.format()) == expected


def test_a_large_set_is_unknown(monkeypatch):
    monkeypatch.setattr(iptables_sets, "_MOST_MEMBERS", 2)
    assert "ops" in parse_members(SAVED)
    assert "ops" not in parse_members(f"{SAVED}add ops 10.0.4.2\n")


def make_tables(*rules, policy="DROP"):
    return parse_saved("\n".join(["*filter", f":INPUT {policy} [0:0]", *rules, "COMMIT", ""]), "ipv4")


def find(*rules, policy="DROP", saved=SAVED):
    tables, sets = make_tables(*rules, policy=policy), parse_members(saved)
    put_members(tables, sets)
    bounds = [part for members in sets.values() for part in members.ranges]
    return find_access(tables, Service("tcp", 8001, "0.0.0.0"), "ipv4", bounds)


ALLOW = "-A INPUT -p tcp -m set --match-set ops src -m tcp --dport 8001 -j ACCEPT"


def test_sources_of_a_set_are_exact():
    found = find(ALLOW)
    assert (found.allowed.format(), found.undecided.ranges) == (["10.0.1.0/24", "10.0.3.2/32"], ())


def test_sources_outside_a_set_are_exact():
    found = find("-A INPUT -m set ! --match-set ops src -j DROP", policy="ACCEPT")
    assert (found.allowed.format(), found.undecided.ranges) == (["10.0.1.0/24", "10.0.3.2/32"], ())


def test_a_set_of_the_other_family_has_no_member_of_this_family():
    found = find(ALLOW, saved="create ops hash:net family inet6 hashsize 1024\nadd ops fd00::/64\n")
    assert (found.allowed.ranges, found.undecided.ranges) == ((), ())


@pytest.mark.parametrize(
    "rule",
    [
        ALLOW.replace("ops src", "other src"),
        ALLOW.replace("ops src", "ops dst"),
        ALLOW.replace("ops src", "ops src,dst"),
        ALLOW.replace("ops src", "ops src --packets-gt 5"),
    ],
    ids=["unknown set", "destination", "two parts", "counters"],
)
def test_a_match_that_needs_more_than_the_source_is_the_reason(rule):
    found = find(rule)
    assert found.reason == f"`{rule}` in chain filter INPUT"
    assert found.allowed.ranges == ()
    assert found.undecided != list_unicast("ipv4") or "packets" not in rule


class FakeHost:
    def __init__(self, output):
        self.output = output

    def which(self, name):
        return None if self.output is None else f"/sbin/{name}"

    def run(self, *argv):
        assert argv == ("ipset", "save")
        if isinstance(self.output, HostError):
            raise self.output
        return self.output


CHANGE = "-A INPUT -p tcp -m tcp --dport 22 -j SET --add-set {} src"


@pytest.mark.parametrize(
    ("output", "rules", "names"),
    [
        (SAVED, [ALLOW], ["ops"]),
        (SAVED, [ALLOW, CHANGE.format("other")], ["ops"]),
        # Packets change the set.
        (SAVED, [ALLOW, CHANGE.format("ops")], []),
        (None, [ALLOW], []),
        (HostError("no permission"), [ALLOW], []),
        # No rule needs a set, so the program is not run.
        (AssertionError, ["-A INPUT -p tcp -j ACCEPT"], []),
    ],
    ids=["read", "another set changed", "changed", "no program", "failed", "not needed"],
)
def test_sets_that_no_rule_changes_are_read(output, rules, names):
    assert [*read_sets(FakeHost(output), make_tables(*rules))] == names
