# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of the accept rule among the rules of a host, and the reported differences."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_boot import render_script
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import (
    find_misplaced,
    find_places,
    parse_filter,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

ACCEPT = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'
WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins"]},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "sources": ["admins"]},
            {"listener": "status", "protocol": "tcp", "port": 8007, "sources": []},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"]}},
    }
)
BASE = (
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
)
REJECT = "-A INPUT -j REJECT --reject-with icmp-host-prohibited"
BAN = "-A INPUT -s 10.9.0.7/32 -j DROP"


def format_saved(*lines, policy="ACCEPT"):
    """Return the output of iptables-save for rules. `OURS CHAIN` in a line represents the accept rule."""
    lines = [line.replace("OURS", "-A") + (f" {ACCEPT}" if line.startswith("OURS") else "") for line in lines]
    chains = sorted({line.split()[1] for line in lines if line[0] != ":"} - {"INPUT"})
    head = ["*filter", f":INPUT {policy} [0:0]", ":FORWARD ACCEPT [0:0]", *(f":{chain} - [0:0]" for chain in chains)]
    return "\n".join([*head, *lines, "COMMIT", ""])


def list_places(*lines, policy="ACCEPT", want=WANT):
    return [
        (place.chain, place.position)
        for place in find_places(parse_filter(format_saved(*lines, policy=policy)), want, "ipv4")
    ]


# Rules of the host, its policy, and the number of rules of each chain before the accept rule.
HOSTS = {
    "no rule": ((), "ACCEPT", [("INPUT", 0)]),
    "policy drop": (BASE, "DROP", [("INPUT", 3)]),
    "final reject of RHEL": ((*BASE, REJECT), "ACCEPT", [("INPUT", 3)]),
    "a ban before the end": ((BAN, *BASE, REJECT), "ACCEPT", [("INPUT", 4)]),
    "a ban after the reject has no effect": ((*BASE, REJECT, BAN), "ACCEPT", [("INPUT", 3)]),
    "a ban as the last rule, policy drop": ((*BASE, BAN), "DROP", [("INPUT", 4)]),
    "an end for each protocol": (
        (
            *BASE,
            "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
            "-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable",
            "-A INPUT -j REJECT --reject-with icmp-proto-unreachable",
        ),
        "ACCEPT",
        [("INPUT", 3)],
    ),
    "a ban leads to the chain of the end through another chain": (
        ("-A INPUT -s 10.9.0.7/32 -j CHECKED", "-A INPUT -j REFUSE", "-A CHECKED -j REFUSE", "-A REFUSE -j DROP"),
        "ACCEPT",
        [("INPUT", 1)],
    ),
    "a ban for a port leads to the chain that drops another port": (
        (
            "-A INPUT -s 10.9.0.7/32 -p tcp -m tcp --dport 8001 -j REFUSE",
            "-A INPUT -p udp -j REFUSE",
            "-A REFUSE -j DROP",
        ),
        "ACCEPT",
        [("INPUT", 1)],
    ),
    "a drop of an unmanaged port is not an end": (
        ("-A INPUT -p tcp -m tcp --dport 25 -j DROP", "-A INPUT -p tcp -m tcp --dport 8001 -j DROP"),
        "ACCEPT",
        [("INPUT", 1)],
    ),
    "an end of a port without authorised sources": (
        ("-A INPUT -p tcp -m tcp --dport 8007 -j DROP", BAN), "DROP", [("INPUT", 2)]
    ),
    "an end of a range of ports": (("-A INPUT -p tcp -m multiport --dports 80,8000:8100 -j DROP",), "ACCEPT", [("INPUT", 0)]),
    "an end of new connections": (
        (*BASE, "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP"), "ACCEPT", [("INPUT", 3)]
    ),
    "an end with a state": ((*BASE, "-A INPUT -m conntrack --ctstate NEW -j DROP"), "ACCEPT", [("INPUT", 3)]),
    "a drop for an interface is a ban": ((*BASE, "-A INPUT -i eth0 -j DROP", REJECT), "ACCEPT", [("INPUT", 4)]),
    "an end for all interfaces except loopback": ((*BASE, "-A INPUT ! -i lo -j DROP"), "ACCEPT", [("INPUT", 3)]),
    "a rule for loopback is not an end": (("-A INPUT -i lo -j DROP", *BASE), "DROP", [("INPUT", 4)]),
    "a drop of invalid packets or packets without syn is not an end": (
        (
            "-A INPUT -m conntrack --ctstate INVALID -j DROP",
            "-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP",
            "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
            "-A INPUT -p icmp -j DROP",
            "-A INPUT -d 224.0.0.0/4 -j DROP",
            "-A INPUT -m addrtype --dst-type BROADCAST -j DROP",
        ),
        "DROP",
        [("INPUT", 6)],
    ),
    "a log before the last drop": (
        (*BASE, '-A INPUT -m limit --limit 5/min -j LOG --log-prefix "-j DROP: "', "-A INPUT -j DROP"),
        "ACCEPT",
        [("INPUT", 3)],
    ),
    "a log before the policy": ((*BASE, "-A INPUT -j LOG"), "DROP", [("INPUT", 3)]),
    "a log of accepted packets": ((*BASE, "-A INPUT -j LOG"), "ACCEPT", [("INPUT", 4)]),
    "bans of a set, a chain of bans and a rate": (
        (
            "-A INPUT -m set --match-set crowdsec src -j DROP",
            "-A INPUT -p tcp -m multiport --dports 8000 -j f2b-kong",
            "-A INPUT -p tcp -m tcp --dport 8000 -m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip -j DROP",
            "-A INPUT -j DROP",
            "-A f2b-kong -s 10.9.0.7/32 -j REJECT --reject-with icmp-port-unreachable",
            "-A f2b-kong -j RETURN",
        ),
        "ACCEPT",
        [("INPUT", 3)],
    ),
    "a chain of the administrator that drops": (
        ("-A INPUT -j ADMIN", "-A ADMIN -s 10.9.0.7/32 -j DROP", "-A ADMIN -j DROP"), "ACCEPT", [("ADMIN", 1)]
    ),
    "a goto to a chain that drops": (("-A INPUT -g ADMIN", "-A ADMIN -j DROP"), "ACCEPT", [("ADMIN", 0)]),
    "a jump through a chain to a chain that drops": (
        ("-A INPUT -j ONE", "-A ONE -p tcp -m tcp --dport 22 -j ACCEPT", "-A ONE -j TWO", "-A TWO -j LOG", "-A TWO -j DROP"),
        "ACCEPT",
        [("TWO", 0)],
    ),
    "a chain for each protocol": (
        ("-A INPUT -p tcp -j TCP", "-A INPUT -p udp -j UDP", "-A TCP -j DROP", "-A UDP -j DROP"),
        "ACCEPT",
        [("TCP", 0), ("UDP", 0)],
    ),
    "a chain for each interface": (
        ("-A INPUT -i eth0 -j WAN", "-A INPUT -i eth1 -j LAN", "-A WAN -j DROP", "-A LAN -j DROP"),
        "ACCEPT",
        [("INPUT", 2)],
    ),
    "a chain from which packets of some interfaces return": (
        ("-A INPUT -j ADMIN", "-A INPUT -j DROP", "-A ADMIN -i eth1 -j RETURN", "-A ADMIN -j DROP"),
        "ACCEPT",
        [("INPUT", 1)],
    ),
    "a chain of verdicts for bans and other packets": (
        ("-A INPUT -s 10.9.0.7/32 -j LOGDROP", "-A INPUT -j LOGDROP", "-A LOGDROP -j LOG", "-A LOGDROP -j DROP"),
        "ACCEPT",
        [("INPUT", 1)],
    ),
    "a chain that drops above a rate is not an end": (
        ("-A INPUT -p tcp -j RATE", "-A RATE -m limit --limit 10/sec -j RETURN", "-A RATE -j DROP"), "DROP", [("INPUT", 1)]
    ),
    "a chain without rules": ((":NONE - [0:0]", "-A INPUT -j NONE", BAN, REJECT), "ACCEPT", [("INPUT", 2)]),
    "all packets are accepted before the end": (("-A INPUT -j ACCEPT", "-A INPUT -j DROP"), "DROP", []),
    "a goto that ends with the policy": (("-A INPUT -g ADMIN", "-A ADMIN -s 10.9.0.7/32 -j DROP"), "DROP", [("ADMIN", 1)]),
    "a return to the policy": (("-A INPUT -j RETURN", BAN), "DROP", [("INPUT", 0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTS)
def test_the_place_of_the_accept_rule(name):
    lines, policy, expected = HOSTS[name]
    assert list_places(*lines, policy=policy) == expected


@pytest.mark.parametrize("name", HOSTS)
def test_the_script_finds_the_same_place(name, tmp_path):
    """Run the script twice: it adds the rule at the place that places_of returned, and then changes nothing."""
    lines, policy, expected = HOSTS[name]
    table = parse_filter(format_saved(*lines, policy=policy))
    text = _run_script(tmp_path, find_places(table, WANT, "ipv4"), format_saved(*lines, policy=policy))
    added = [line for line in text.splitlines() if line.startswith(("-A", "-I"))]
    assert len(added) == len(expected)
    for chain, position in expected:
        end = position == len(table.lines[chain])
        assert (
            f"{'-A' if end else '-I'} {chain} {'' if end else f'{position + 1} '}{ACCEPT.replace(chr(34), '')}" in added
        )


def _run_script(tmp_path, wanted, listed):
    """Run the script with programs that list `listed`. Return the loaded text."""
    (tmp_path / "listed").write_text(listed)
    for name in ("save", "restore"):
        tool = tmp_path / f"tables-{name}"
        tool.write_text(f"#!/bin/sh\ncat {'listed' if name == 'save' else '> loaded'}\n")
        tool.chmod(0o755)
    other = tmp_path / "six-save"
    other.write_text("#!/bin/sh\nexit 0\n")
    other.chmod(0o755)
    (tmp_path / "six-restore").write_text("#!/bin/sh\ncat > /dev/null\n")
    (tmp_path / "six-restore").chmod(0o755)
    script = render_script({"ipv4": wanted}, {"ipv4": "./tables", "ipv6": "./six"})
    subprocess.run([shutil.which("sh")], input=script, text=True, cwd=tmp_path, check=True)
    return (tmp_path / "loaded").read_text()


FEW = ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 443 -j DROP")
BEHIND = "the accept rule follows `{}`, which drops authorised packets"
BEFORE = "the accept rule precedes `{}`, which therefore has no effect"
DIFFERENCES = {
    "no difference": (("OURS INPUT", REJECT), []),
    "bans before it": ((BAN, "-A INPUT -j f2b-kong", "-A f2b-kong -j RETURN", "OURS INPUT", REJECT), []),
    "harmless rules after it": ((BAN, "OURS INPUT", *FEW, "-A INPUT -j LOG", REJECT), []),
    "harmless rules after it, policy drop": (("OURS INPUT", *FEW), []),
    "ineffective rules after the reject": (("OURS INPUT", REJECT, BAN), []),
    "missing": ((REJECT,), ["the accept rule is missing in chain INPUT"]),
    "repeated": (("OURS INPUT", "OURS INPUT", REJECT), ["the accept rule is in chain INPUT 2 times"]),
    "a new end before it": ((REJECT, "OURS INPUT"), [BEHIND.format(REJECT)]),
    "a ban after it": (("OURS INPUT", BAN), [BEFORE.format(BAN)]),
    "a ban between it and the end": (("OURS INPUT", BAN, REJECT), [BEFORE.format(BAN)]),
    "a rate limit after it": (
        ("OURS INPUT", "-A INPUT -p tcp -m tcp --dport 8000 -m connlimit --connlimit-above 9 -j REJECT"),
        [BEFORE.format("-A INPUT -p tcp -m tcp --dport 8000 -m connlimit --connlimit-above 9 -j REJECT")],
    ),
    "a chain of bans after it": (
        ("OURS INPUT", "-A INPUT -j f2b-kong", "-A f2b-kong -j RETURN"), [BEFORE.format("-A INPUT -j f2b-kong")]
    ),
    "a new end in a chain": (
        ("-A INPUT -j ADMIN", "OURS INPUT", "-A ADMIN -j DROP"),
        ["the accept rule is missing in chain ADMIN", "the accept rule in chain INPUT is not needed"],
    ),
    "in a chain and in INPUT": (
        ("-A INPUT -j ADMIN", "OURS INPUT", "OURS ADMIN", "-A ADMIN -j DROP"),
        ["the accept rule in chain INPUT is not needed"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences(name):
    lines, expected = DIFFERENCES[name]
    table = parse_filter(format_saved(*lines, policy="DROP" if name.endswith("drop") else "ACCEPT"))
    assert [*find_misplaced(table, find_places(table, WANT, "ipv4"), WANT, "ipv4")] == expected


def test_no_rule_is_needed_without_services_of_the_family():
    data = {"allow": [{"listener": "p", "protocol": "tcp", "port": 8000, "address": "10.0.0.1", "sources": "any"}]}
    table = parse_filter(format_saved("OURS INPUT", REJECT))
    want = ruleset_from_data(data)
    assert find_places(table, want, "ipv6") == ()
    assert [*find_misplaced(table, (), want, "ipv6")] == ["the accept rule in chain INPUT is not needed"]


def test_a_similar_rule_is_not_our_rule():
    lines = [f"-A INPUT -s 10.0.0.9/32 {ACCEPT}", f"-A INPUT {ACCEPT.replace('ACCEPT', 'DROP')}"]
    table = parse_filter(format_saved(*lines))
    assert table.late_rules == ()
    assert table.lines["INPUT"] == lines


LIMIT = "-A INPUT -p tcp -m tcp --dport 8000 -m limit --limit 10/sec -j ACCEPT"
VOID = {
    "a limit that accepts": ((LIMIT, REJECT), {(LIMIT, "accept"): [8000]}),
    "a limit of all packets": (
        ("-A INPUT -m hashlimit --hashlimit-upto 5/sec -j ACCEPT", REJECT),
        {("-A INPUT -m hashlimit --hashlimit-upto 5/sec -j ACCEPT", "accept"): [7946, 8000, 8001]},
    ),
    "a limit of another port": ((LIMIT.replace("8000", "9000"), REJECT), {}),
    "a limit without a default": ((LIMIT,), {}),
    "a limit of packets to a chain without rules": ((":NONE - [0:0]", LIMIT.replace("ACCEPT", "NONE"), REJECT), {}),
    "a limit that drops": (("-A INPUT -m hashlimit --hashlimit-above 5/sec -j DROP", REJECT), {}),
    "an allow list": (("-A INPUT -s 10.0.0.0/8 -j ACCEPT", REJECT), {}),
    "a ban before": ((BAN, REJECT), {}),
    "a ban after": ((REJECT, BAN), {}),
    "a ban after the ban of an interface": (("-A INPUT -i eth0 -j DROP", BAN, REJECT), {}),
    "a ban for other interfaces than a chain": (("-A INPUT -i eth0 -j WAN", BAN, REJECT, "-A WAN -j DROP"), {}),
    "a ban in a chain for bans and for the default": (
        ("-A INPUT -s 10.9.9.9/32 -j REFUSE", "-A INPUT -j REFUSE", BAN.replace("INPUT", "REFUSE"), "-A REFUSE -j DROP"),
        {(BAN.replace("INPUT", "REFUSE"), "drop"): [7946, 8000, 8001]},
    ),
    "a ban in such a chain before the jump": (
        (BAN, "-A INPUT -s 10.9.9.9/32 -j REFUSE", "-A INPUT -j REFUSE", "-A REFUSE -j DROP"), {}
    ),
    "a ban between defaults of protocols": (
        ("-A INPUT -p tcp -j DROP", BAN, REJECT), {(BAN, "drop"): [7946]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VOID)
def test_ineffective_rules(name):
    lines, expected = VOID[name]
    table = parse_filter(format_saved(*lines))
    found = without_effect(table, find_places(table, WANT, "ipv4"), WANT, "ipv4")
    assert {key: [service.port for service in services] for key, services in found.items()} == expected
