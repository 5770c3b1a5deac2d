# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that the rules of a host allow, compared with the connections of real hosts."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, parse_networks, subtract
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.access import find_access
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import read_live_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service
from ansible_collections.gatehouse.kong.tests.netns.conftest import NEIGHBOURS

PORT = 8001
ADDRESS = {"ipv4": "0.0.0.0", "ipv6": "::"}
ALL, NOTHING = "any", ""
BANS = "\n".join(f"ip saddr 10.0.2.{number} drop" for number in range(2, 62, 2))

# The rules of nft in a chain with a policy, and the allowed and the unknown sources of tcp 8001.
NFT = [
    ("ipv4", "", "accept", ALL, NOTHING),
    ("ipv4", "", "drop", NOTHING, NOTHING),
    ("ipv4", "ip saddr 10.0.1.0/24 accept", "drop", "10.0.1.0/24", NOTHING),
    ("ipv4", "ip saddr { 10.0.1.2, 10.0.3.0/28 } tcp dport 8001 accept", "drop", "10.0.1.2 10.0.3.0/28", NOTHING),
    ("ipv4", "ip saddr != 10.0.1.0/24 tcp dport 8001 drop", "accept", "10.0.1.0/24", NOTHING),
    ("ipv4", "tcp dport 22 accept", "drop", NOTHING, NOTHING),
    ("ipv4", "ip saddr @allies tcp dport 8001 accept", "drop", "10.0.2.0/24 10.0.3.2", NOTHING),
    ("ipv4", "ip saddr @nobody drop", "accept", ALL, NOTHING),
    ("ipv4", "ip saddr 10.0.0.0/16 jump inner", "drop", "10.0.1.0/24", NOTHING),
    ("ipv4", "ip saddr 10.0.0.0/16 tcp dport 8001 ip ttl > 1 accept", "drop", NOTHING, "10.0.0.0/16"),
    ("ipv4", "ip saddr 10.0.0.0/16 tcp dport 8001 limit rate 100/second accept", "drop", NOTHING, "10.0.0.0/16"),
    ("ipv4", "ip saddr @seen accept\ntcp dport 22 update @seen { ip saddr }", "drop", NOTHING, ALL),
    ("ipv4", f"{BANS}\nip saddr 10.0.2.0/26 accept", "drop",
     " ".join(f"10.0.2.{number}" for number in (0, *range(1, 62, 2), 62, 63)), NOTHING),
    ("ipv4", "ip6 saddr fd00:1::/64 accept", "drop", NOTHING, NOTHING),
    ("ipv6", "ip6 saddr fd00:1::/64 accept", "drop", "fd00:1::/64", NOTHING),
    ("ipv6", "ip saddr 10.0.1.0/24 accept", "drop", NOTHING, NOTHING),
]  # fmt: skip
IPTABLES = [
    (["-P INPUT DROP"], NOTHING, NOTHING),
    (["-A INPUT -s 10.0.1.0/24 -j DROP"], "0.0.0.0/5 10.0.2.2 10.0.3.2", NOTHING),
    (["-P INPUT DROP", "-A INPUT -s 10.0.1.0/24 -p tcp --dport 8001 -j ACCEPT"], "10.0.1.0/24", NOTHING),
    (["-P INPUT DROP", "-A INPUT -m iprange --src-range 10.0.1.2-10.0.2.2 -j ACCEPT"], "10.0.1.2/31 10.0.2.0/31 10.0.2.2", NOTHING),
    (["-P INPUT DROP", "-A INPUT -s 10.0.0.0/16 -m ttl --ttl-gt 1 -j ACCEPT"], NOTHING, "10.0.0.0/16"),
]  # fmt: skip


def make_table(rules, policy):
    return (
        "table inet own {\n"
        "set allies {\n type ipv4_addr; flags interval\n elements = { 10.0.2.0/24, 10.0.3.2 }\n}\n"
        "set nobody {\n type ipv4_addr\n}\n"
        "set seen {\n type ipv4_addr; flags dynamic\n}\n"
        "chain inner {\n ip saddr 10.0.1.0/24 accept\n drop\n}\n"
        f"chain input {{\n type filter hook input priority 0; policy {policy};\n"
        f"icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n{rules}\n}}\n}}\n"
    )


def find(lab, family):
    rules = read_live_rules(lab.host)
    service = Service("tcp", PORT, ADDRESS[family])
    return find_access(rules.tables, service, family, rules.networks[family])


def read(family, text):
    return list_unicast(family) if text == ALL else parse_networks(family, text.split())


def check_packets(lab, family, found):
    """Connect from each neighbour, and compare the result with the answer for its address."""
    listener = lab.open_listener(PORT, family=family)
    for name in NEIGHBOURS:
        (source,) = parse_networks(family, [lab.get_address(name, family)]).ranges
        if not found.undecided.covers(source):
            flow = lab.connect(name, listener, family=family)
            assert (flow is not None) == found.allowed.covers(source), name


@pytest.mark.parametrize(("family", "rules", "policy", "allowed", "unknown"), NFT)
def test_access_through_rules_of_nft_is_exact(lab, family, rules, policy, allowed, unknown):
    lab.run_nft(make_table(rules, policy))
    found = find(lab, family)
    assert (found.allowed, found.undecided) == (read(family, allowed), read(family, unknown))
    assert bool(found.reason) == bool(unknown)
    check_packets(lab, family, found)


@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(("rules", "allowed", "unknown"), IPTABLES)
def test_access_through_rules_of_iptables_is_exact(lab, variant, rules, allowed, unknown):
    for rule in rules:
        lab.host.run("sh", "-c", f"iptables-{variant} {rule}")
    try:
        if variant == "legacy":
            names = lab.host.locate("/proc/net/ip_tables_names")
            names.parent.mkdir(parents=True)
            names.write_text("filter\n")
        found = find(lab, "ipv4")
        missing = subtract(read("ipv4", allowed), found.allowed)
        assert (missing.format(), found.undecided) == ([], read("ipv4", unknown))
        check_packets(lab, "ipv4", found)
    finally:
        lab.host.run("sh", "-c", f"iptables-{variant} -P INPUT ACCEPT; iptables-{variant} -F INPUT")


# Members of an ipset "ops", a rule, and the allowed and the unknown sources.
SETS = [
    (["add ops 10.0.1.0/24"], "-m set --match-set ops src -p tcp --dport 8001 -j ACCEPT", "10.0.1.0/24", NOTHING),
    (["add ops 10.0.0.0/16", "add ops 10.0.1.2 nomatch"], "-m set --match-set ops src -j ACCEPT", NOTHING, ALL),
    ([], "-m set --match-set ops src -j ACCEPT", NOTHING, NOTHING),
]


@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(("members", "rule", "allowed", "unknown"), SETS)
def test_access_through_ipsets_is_exact(lab, variant, members, rule, allowed, unknown):
    lab.host.run("ipset", "restore", stdin="\n".join(["create ops hash:net", *members, ""]))
    lab.host.run("sh", "-c", f"iptables-{variant} -P INPUT DROP; iptables-{variant} -A INPUT {rule}")
    try:
        if variant == "legacy":
            names = lab.host.locate("/proc/net/ip_tables_names")
            names.parent.mkdir(parents=True)
            names.write_text("filter\n")
        found = find(lab, "ipv4")
        assert (found.allowed, found.undecided) == (read("ipv4", allowed), read("ipv4", unknown))
        assert (rule.split(" -p")[0] in found.reason) == bool(unknown)
        check_packets(lab, "ipv4", found)
    finally:
        lab.host.run("sh", "-c", f"iptables-{variant} -P INPUT ACCEPT; iptables-{variant} -F INPUT")
        lab.host.run("ipset", "destroy", "ops")


def test_an_early_chain_of_another_table_counts(lab):
    lab.run_nft(make_table("ip saddr 10.0.0.0/16 accept", "drop"))
    lab.run_nft(
        "table ip early {\n chain pre {\n type filter hook prerouting priority raw;\n ip saddr 10.0.1.2 drop\n}\n}\n"
    )
    found = find(lab, "ipv4")
    expected = subtract(from_ranges("ipv4", read("ipv4", "10.0.0.0/16").ranges), read("ipv4", "10.0.1.2"))
    assert found.allowed == expected
    check_packets(lab, "ipv4", found)
