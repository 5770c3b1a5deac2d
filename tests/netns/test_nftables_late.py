# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that load their own chains with nft: authorised sources can connect, and bans stay effective, with packets."""

from __future__ import annotations

import re
import shlex
import socket
import threading
from contextlib import suppress

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

HOST = """
table inet filter {
    set banned { type ipv4_addr; }
    chain own { %s
    }
    chain input {
        type filter hook input priority %s; policy %s;
        meta l4proto { icmp, ipv6-icmp } accept
        ct state established,related accept
        tcp dport 22 accept
        %s
    }
}
"""
LATE = 'meta mark & 0x10000000 == 0x10000000 accept comment "gatehouse.kong"'
RULES = {
    "allow": [
        {"listener": "admin", "protocol": "tcp", "port": 8001, "sources": ["friends"]},
        {"listener": "cluster", "protocol": "udp", "port": 7946, "sources": ["friends"]},
    ],
    "sets": {
        "friends": {"ipv4": ["10.0.1.2/32", "10.0.2.2/32"], "ipv6": ["fd00:1::2/128", "fd00:2::2/128"]},
    },
}
BAN_FRIEND = "ip saddr 10.0.1.2 drop\nip6 saddr fd00:1::2 drop"

# Rules of chain own, priority, policy, last rules of input; then the chain of our rule, and the rules directly around it.
HOSTS = {
    "policy drop": ("", "filter", "drop", "", ("input", "tcp dport 22 accept", None)),
    "final drop": ("", "filter", "accept", "counter drop", ("input", "tcp dport 22 accept", "counter drop")),
    "final reject": ("", "filter", "accept", "reject with icmpx type admin-prohibited",
                     ("input", "tcp dport 22 accept", "reject")),
    "log before the drop": ("", "0", "drop", 'log prefix "x"\ncounter drop', ("input", "tcp dport 22 accept", "log")),
    "ends by protocol": ("", "10", "drop", "meta l4proto tcp reject with tcp reset\ndrop",
                         ("input", "tcp dport 22 accept", "meta l4proto tcp")),
    "end of one port": ("", "filter", "accept", "tcp dport 8001 drop\nudp dport 7946 drop",
                        ("input", "tcp dport 22 accept", "tcp dport 8001 drop")),
    "own chain drops": (
        "ip saddr 192.0.2.1 drop\ndrop", "filter", "accept", "jump own", ("own", "ip saddr 192.0.2.1 drop", "drop"),
    ),
    "own chain by goto": ("tcp dport 443 accept\ndrop", "filter", "accept", "goto own",
                          ("own", "tcp dport 443 accept", "drop")),
}  # fmt: skip


@pytest.fixture
def node(lab):
    made = Node(lab, "nftables")
    yield made
    made.clean()


def load(lab, host):
    own, priority, policy, last, _place = host
    lab.run_nft(HOST % (own.replace("\n", "\n        "), priority, policy, last.replace("\n", "\n        ")))


def list_chain(lab, name):
    """Return the rules of a chain of the host, as nft lists them."""
    text = lab.host.run("nft", "-s", "list", "chain", "inet", "filter", name)
    return [line.strip() for line in text.splitlines()[2:-2] if not line.strip().startswith("type ")]


def open_from(lab):
    """Return the neighbours that reach the ports, over both families."""
    listeners = {(protocol, family): lab.open_listener(port, protocol, family)
                 for protocol, port in (("tcp", 8001), ("udp", 7946)) for family in ("ipv4", "ipv6")}  # fmt: skip
    found = {
        name: [
            lab.connect(name, listener, protocol, family) is not None
            for (protocol, family), listener in listeners.items()
        ]
        for name in ("friend", "ally", "outsider")
    }
    lab.close()
    assert all(len({*flows}) == 1 for flows in found.values()), found
    return [name for name, flows in found.items() if flows[0]]


@pytest.mark.parametrize("case", HOSTS)
def test_authorised_sources_can_connect_to_a_host_that_drops_by_default(node, case):
    load(node.lab, HOSTS[case])
    before = {name: list_chain(node.lab, name) for name in ("own", "input")}
    outcome = node.lab.converge(RULES)
    assert outcome.conflicts == ()
    assert open_from(node.lab) == ["friend", "ally"]
    name, previous, following = HOSTS[case][4]
    rules = list_chain(node.lab, name)
    at = rules.index(LATE)
    assert (rules[at - 1], rules[at + 1 :][:1] == [] if following is None else rules[at + 1].startswith(following)) == (
        previous, following is None or True,
    )  # fmt: skip
    assert not node.lab.converge(RULES).changed
    assert node.lab.converge(None).changed
    assert {name: list_chain(node.lab, name) for name in ("own", "input")} == before


@pytest.mark.parametrize("case", HOSTS)
def test_bans_are_effective_before_and_after_our_run(node, case):
    load(node.lab, HOSTS[case])
    node.lab.run_nft(
        "add element inet filter banned { 10.0.1.2 }\ninsert rule inet filter input ip saddr @banned drop\n"
    )
    node.lab.run_nft("insert rule inet filter input ip6 saddr fd00:1::2 drop\n")
    node.lab.converge(RULES)
    assert open_from(node.lab) == ["ally"]
    node.lab.run_nft(
        "insert rule inet filter input ip saddr 10.0.2.2 drop\ninsert rule inet filter input ip6 saddr fd00:2::2 drop\n"
    )
    assert open_from(node.lab) == []
    assert not node.lab.converge(RULES).changed


def test_a_ban_appended_after_our_rule_is_reported_and_our_rule_is_moved(node):
    load(node.lab, HOSTS["policy drop"])
    node.lab.converge(RULES)
    node.lab.run_nft("".join(f"add rule inet filter input {line}\n" for line in BAN_FRIEND.splitlines()))
    assert open_from(node.lab) == ["friend", "ally"]
    outcome = node.lab.converge(RULES)
    assert outcome.drift == (
        "nftables chain inet filter input: the rule that accepts authorised packets is misplaced or repeated",
    )
    assert open_from(node.lab) == ["ally"]
    assert list_chain(node.lab, "input")[-1] == LATE


def test_a_host_that_accepts_by_default_gets_no_rule(node):
    load(node.lab, ("", "filter", "accept", "", None))
    node.lab.converge(RULES)
    assert LATE not in list_chain(node.lab, "input")
    assert open_from(node.lab) == ["friend", "ally"]
    assert not node.lab.host.locate("/etc/gatehouse_kong/accept.sh").exists()


@pytest.mark.parametrize("after", [False, True], ids=["before our run", "after our run"])
def test_a_third_party_accept_rule_does_not_allow_unauthorised_sources(node, after):
    load(node.lab, HOSTS["policy drop"])
    accept = (
        "insert rule inet filter input tcp dport 8001 accept\ninsert rule inet filter input udp dport 7946 accept\n"
    )
    steps = [lambda: node.lab.run_nft(accept), lambda: node.lab.converge(RULES)]
    for step in steps[::-1] if after else steps:
        step()
    assert open_from(node.lab) == ["friend", "ally"]


def test_a_third_party_cannot_forge_the_mark(node):
    load(node.lab, HOSTS["policy drop"])
    node.lab.run_nft(
        "table ip forge {\nchain c { type filter hook prerouting priority -150; meta mark set 0x10000000; }\n}\n"
    )
    node.lab.converge(RULES)
    assert open_from(node.lab) == ["friend", "ally"]
    assert node.lab.connect("outsider", node.lab.open_listener(8002)) is None


@pytest.mark.parametrize("kind", ["iptables-nft", "ufw"])
def test_a_chain_of_nftables_on_a_host_of_another_manager_is_a_conflict(lab, kind):
    """The late part is only in the chains of the manager. The command in the message keeps the bans of the chain."""
    node = Node(lab, kind)
    load(lab, ("", "filter", "drop", "ip saddr 10.0.1.2 drop\nip6 saddr fd00:1::2 drop", None))
    with pytest.raises(ConflictError, match=r"nftables chain inet filter input blocks .*its policy is drop") as caught:
        lab.converge(RULES)
    (command,) = re.findall(r"Run `nft '([^']*)'`", str(caught.value))
    lab.run_nft(command)
    assert lab.converge(RULES).conflicts == ()
    assert open_from(lab) == ["ally"]
    node.clean()


def read_command(node, key):
    """Return a command of nftables.service with our drop-in, with the paths of the test's host."""
    lines = node.lab.host.read(DROP_IN).splitlines()
    text = next(line for line in lines if line.startswith(f"{key}=") and line != f"{key}=").partition("=")[2]
    return shlex.split(text.replace("/etc/", f"{node.lab.host.locate('/etc')}/").replace("$$", "$"))


DROP_IN = "/etc/systemd/system/nftables.service.d/gatehouse-kong-firewall.conf"
SERVICE = """\
[Service]
ExecStart=/usr/sbin/nft -f /etc/nftables.conf
ExecReload=/usr/sbin/nft -f /etc/nftables.conf
ExecStop=/usr/sbin/nft flush ruleset
"""


def run_with_own_file(node, host):
    """Apply our rules on a host whose nftables.service loads these rules from a file."""
    own, priority, policy, last, _place = host
    text = HOST % (own, priority, policy, last)
    node.lab.host.write("/etc/nftables.conf", f"#!/usr/sbin/nft -f\nflush ruleset\n{text}", 0o644)
    node.lab.host.write("/lib/systemd/system/nftables.service", SERVICE, 0o644)
    load(node.lab, host)
    node.lab.converge(RULES)
    assert open_from(node.lab) == ["friend", "ally"]


@pytest.mark.parametrize("case, key", [("policy drop", "ExecReload"), ("final drop", "ExecStart")])
def test_a_restart_and_a_reload_of_nftables_keep_our_rules(node, case, key):
    run_with_own_file(node, HOSTS[case])
    node.lab.host.run(*read_command(node, key))
    if case == "policy drop":
        assert open_from(node.lab) == ["friend", "ally"]
    else:
        # The late rule before the last rule is loaded by the next command of the unit.
        assert open_from(node.lab) == []
        node.lab.host.run("sh", str(node.lab.host.locate("/etc/gatehouse_kong/accept.sh")))
        assert open_from(node.lab) == ["friend", "ally"]
    assert not node.lab.converge(RULES).changed


def test_a_stop_of_nftables_removes_only_the_rules_of_the_host(node):
    run_with_own_file(node, HOSTS["policy drop"])
    node.lab.host.run(*read_command(node, "ExecStop"))
    assert node.lab.host.run("nft", "list", "tables") == "table inet gatehouse_kong\n"
    assert open_from(node.lab) == ["friend", "ally"]


@pytest.mark.parametrize("flushed", [False, True], ids=["after a reload", "after a boot"])
def test_an_error_in_the_file_of_nftables_does_not_remove_our_rules(node, flushed):
    run_with_own_file(node, HOSTS["policy drop"])
    node.lab.host.write("/etc/nftables.conf", "flush ruleset\nan error\n", 0o644)
    if flushed:
        node.lab.run_nft("flush ruleset")
    with pytest.raises(HostError, match="syntax error"):
        node.lab.host.run(*read_command(node, "ExecStart"))
    assert "table inet gatehouse_kong" in node.lab.host.run("nft", "list", "tables")
    assert node.lab.connect("outsider", node.lab.open_listener(8001)) is None


def test_without_the_early_part_the_late_part_accepts_no_packet(node):
    load(node.lab, HOSTS["policy drop"])
    node.lab.converge(RULES)
    node.lab.run_nft("delete table inet gatehouse_kong\n")
    assert open_from(node.lab) == []


@pytest.mark.parametrize("case", HOSTS)
def test_the_boot_file_has_the_rule_at_the_same_place(node, case):
    """Load the host's file and our table in one transaction, then the late part, as nftables.service does."""
    load(node.lab, HOSTS[case])
    node.lab.converge(RULES)
    name = HOSTS[case][4][0]
    rules = list_chain(node.lab, name)
    # A ban that is loaded, but not in the file, does not affect the place at the next boot.
    node.lab.run_nft("insert rule inet filter input ip saddr 192.0.2.9 drop")
    assert not node.lab.converge(RULES).changed
    node.clean()
    host_file = node.lab.host.locate("/etc/nftables.conf")
    own, priority, policy, last, _place = HOSTS[case]
    host_file.write_text("flush ruleset\n" + HOST % (own, priority, policy, last))
    early, late = (node.lab.host.locate(f"/etc/gatehouse_kong/{file}") for file in ("ruleset.nft", "accept.sh"))
    node.lab.host.run("nft", f'include "{host_file}"; include "{early}";')
    for _twice in range(2):
        node.lab.host.run("sh", str(late))
    assert list_chain(node.lab, name) == rules
    assert open_from(node.lab) == ["friend", "ally"]
    assert not node.lab.converge(RULES).changed


@pytest.mark.parametrize("case", ["policy drop", "final drop"])
def test_a_boot_from_a_file_that_a_third_party_saved_has_the_rule_once(node, case):
    load(node.lab, HOSTS[case])
    node.lab.converge(RULES)
    rules, saved = list_chain(node.lab, "input"), node.lab.host.run("nft", "list", "ruleset")
    node.clean()
    host_file = node.lab.host.locate("/etc/nftables.conf")
    host_file.write_text(f"flush ruleset\n{saved}")
    folder = node.lab.host.locate("/etc/gatehouse_kong")
    # Our drop-in for nftables.service runs the same command.
    node.lab.host.run("nft", f'include "{host_file}"; include "{folder}/ruleset.nft"; include "{folder}/accept*.nft";')
    for _twice in range(2):
        node.lab.host.run("sh", str(folder / "accept.sh"))
    assert list_chain(node.lab, "input") == rules
    assert node.lab.read().drift == ()


def test_the_boot_file_counts_rules_with_comments_of_two_lines(node):
    load(
        node.lab, ("", "filter", "accept", 'counter comment "two\nlines \udce9"\ndrop comment "the\nrest \udce9"', None)
    )
    node.lab.converge(RULES)
    rules = list_chain(node.lab, "input")
    assert rules[-3:] == [LATE, 'drop comment "the', 'rest \\xe9"']
    node.lab.host.run("sh", str(node.lab.host.locate("/etc/gatehouse_kong/accept.sh")))
    assert list_chain(node.lab, "input") == rules
    assert open_from(node.lab) == ["friend", "ally"]


def test_a_rollback_restores_the_previous_rule(node):
    load(node.lab, HOSTS["final drop"])
    before = list_chain(node.lab, "input")
    backend = node.lab.backend(node.lab.host)
    nothing = backend.snapshot(backend.read(), None)
    node.lab.converge(RULES)
    with_rule = list_chain(node.lab, "input")
    for path in nothing.files:
        node.lab.host.locate(path).unlink(missing_ok=True)
    for command, text in nothing.load:
        node.lab.host.run(*command, stdin=text)
    assert list_chain(node.lab, "input") == before
    assert LATE in with_rule


def test_no_packet_is_lost_while_the_rules_are_restored(node):
    load(node.lab, HOSTS["final drop"])
    node.lab.converge(RULES)
    backend = node.lab.backend(node.lab.host)
    scripts = [text for command, text in backend.snapshot(backend.read(), None).load if command == ("sh",)]
    listener, client = node.lab.open_listener(7946, "udp"), node.lab.open_socket("friend", "ipv4", socket.SOCK_DGRAM)
    restored, sent, received = threading.Event(), 0, 0

    def restore():
        for text in scripts * 10:
            node.lab.host.run("sh", stdin=text)
        restored.set()

    thread = threading.Thread(target=restore)
    thread.start()
    while not restored.is_set():
        client.sendto(b"hello", (node.lab.get_address("friend", end=1), 7946))
        sent += 1
        with suppress(TimeoutError):
            received += len(listener.recv(5)) == 5
    thread.join()
    assert scripts
    assert sent == received > 100


SHARED = """
table inet filter {
    chain refuse {
        log prefix "refused "
        drop
    }
    chain checked {
        jump refuse
    }
    chain input {
        type filter hook input priority filter; policy accept;
        meta l4proto { icmp, ipv6-icmp } accept
        %s
        tcp dport 22 accept
        jump refuse
    }
}
"""


@pytest.mark.parametrize(
    "ban",
    [
        "ip saddr 10.0.1.2 jump refuse\nip6 saddr fd00:1::2 goto refuse",
        "ip saddr vmap { 10.0.1.2 : jump refuse }\nip6 saddr vmap { fd00:1::2 : jump refuse }",
        "ip saddr 10.0.1.2 jump checked\nip6 saddr fd00:1::2 jump checked",
    ],
)
def test_a_chain_that_bans_and_the_default_share_has_no_rule(node, ban):
    node.lab.run_nft(SHARED % ban)
    refuse = list_chain(node.lab, "refuse")
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["ally"]
    assert (list_chain(node.lab, "refuse"), list_chain(node.lab, "input")[-2:]) == (refuse, [LATE, "jump refuse"])
    assert not node.lab.converge(RULES).changed


BAN_OF_LINK = 'iifname "friend" drop'
# Rules of input that ban the friend by its network interface, before rules for other packets and a final drop.
INTERFACES = {
    "a rule": f"{BAN_OF_LINK}\nip saddr 192.0.2.1 drop\ndrop",
    "a rule for each port": 'iifname "friend" tcp dport 8001 drop\niifname "friend" udp dport 7946 drop\ndrop',
    "a set": 'iifname { "friend", "to-nowhere" } reject\ndrop',
    "all except some": 'iifname != { "ally", "outsider" } drop\ndrop',
    "a map": 'iifname vmap { "friend" : drop, "ally" : continue }\ndrop',
    "a chain": 'iifname "friend" jump own\ndrop',
    "a chain of a map": 'iifname vmap { "friend" : jump own }\ndrop',
    "a chain for the ban and the default": 'iifname "friend" jump own\njump own',
    "a chain from which other packets return": "jump own2\ndrop",
}


@pytest.mark.parametrize("policy", ["accept", "drop"])
@pytest.mark.parametrize("case", INTERFACES)
def test_a_ban_of_a_network_interface_is_effective(node, case, policy):
    load(node.lab, ("drop", "filter", policy, "", None))
    node.lab.run_nft(
        'add chain inet filter own2\nadd rule inet filter own2 iifname "ally" return\nadd rule inet filter own2 drop\n'
    )
    node.lab.run_nft("".join(f"add rule inet filter input {line}\n" for line in INTERFACES[case].splitlines()))
    found = node.lab.converge(RULES).conflicts
    assert open_from(node.lab) == ["ally"]
    assert {(conflict.certain, conflict.effect) for conflict in found} == {(False, "drop")}
    assert not node.lab.converge(RULES).changed


def test_the_fix_for_the_ban_of_a_network_interface_keeps_other_bans(node):
    """With the fix, the rule does not drop authorised packets, and a ban after it is effective."""
    load(node.lab, ("", "filter", "drop", f"{BAN_OF_LINK}\nip saddr 10.0.2.2 drop\nip6 saddr fd00:2::2 drop", None))
    (found,) = node.lab.converge(RULES).conflicts
    match = found.advice.split("`")[1]
    load_again = f"{match} {BAN_OF_LINK}\nip saddr 10.0.2.2 drop\nip6 saddr fd00:2::2 drop"
    node.lab.run_nft("delete table inet filter")
    load(node.lab, ("", "filter", "drop", load_again, None))
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["friend"]


def test_the_fix_for_a_chain_from_which_some_sources_return_keeps_bans(node):
    chains = "ip saddr 10.0.2.0/24 return\nip6 saddr fd00:2::/64 return\n{}drop"
    last = "jump own\nip saddr 10.0.2.2 drop\nip6 saddr fd00:2::2 drop"
    load(node.lab, (chains.format(""), "filter", "drop", last, None))
    (found,) = node.lab.converge(RULES).conflicts
    assert open_from(node.lab) == []
    node.lab.run_nft("delete table inet filter")
    load(node.lab, (chains.format(found.advice.split("`")[1] + " "), "filter", "drop", last, None))
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["friend"]


def test_a_ban_in_a_shared_chain_is_a_warning_and_is_effective_before_the_jump(node):
    ban = "ip saddr 10.0.1.2 drop\nip6 saddr fd00:1::2 drop\n"
    last = "ip saddr 192.0.2.9 jump own\njump own"
    load(node.lab, (ban + "drop", "filter", "accept", last, None))
    found = node.lab.converge(RULES).conflicts
    assert open_from(node.lab) == ["friend", "ally"]
    assert [(conflict.effect, conflict.certain, conflict.reason.partition(" # ")[0]) for conflict in found] == [
        ("exempt", False, "`ip saddr 10.0.1.2 drop"),
        ("exempt", False, "`ip6 saddr fd00:1::2 drop"),
    ]
    node.lab.run_nft("delete table inet filter")
    load(node.lab, ("drop", "filter", "accept", ban + last, None))
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["ally"]


NATIVE = """
table {0} filter {{
    chain INPUT {{
        type filter hook input priority 0; policy {1};
        meta l4proto {{ icmp, ipv6-icmp }} accept
        {2}
    }}
}}
"""


@pytest.mark.parametrize("last", ["counter drop", "ct state established accept"])
def test_chains_with_the_names_of_iptables_are_managed(node, last):
    """Load the output of `iptables-restore-translate`. A rule of fail2ban that iptables-nft adds does not change the result."""
    policy = "accept" if "drop" in last else "drop"
    text = "".join(NATIVE.format(family, policy, last) for family in ("ip", "ip6"))
    node.lab.host.locate("/etc").mkdir(exist_ok=True)
    node.lab.host.locate("/etc/nftables.conf").write_text(text)
    node.lab.run_nft(text)
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["friend", "ally"]
    for program, source in (("iptables-nft", "10.0.1.2"), ("ip6tables-nft", "fd00:1::2")):
        if policy == "accept":
            node.lab.host.run(
                program, "-I", "INPUT", "-p", "tcp", "-m", "multiport", "--dports", "8001", "-s", source, "-j", "REJECT"
            )
            node.lab.host.run(program, "-I", "INPUT", "-p", "udp", "-s", source, "-j", "DROP")
    assert open_from(node.lab) == (["ally"] if policy == "accept" else ["friend", "ally"])
    assert not node.lab.converge(RULES).changed
    node.lab.converge(None)
    assert LATE not in node.lab.host.run("nft", "list", "ruleset")


@pytest.mark.parametrize("with_extension", [False, True])
def test_chains_of_iptables(node, with_extension):
    """nft must not edit chains of rules with extensions. The error names the fix, and bans are effective."""
    programs = (("iptables-nft", "icmp", "10.0.1.2"), ("ip6tables-nft", "ipv6-icmp", "fd00:1::2"))
    for program, icmp, source in programs:
        node.lab.host.run(program, "-A", "INPUT", "-s", source, "-j", "DROP")
        node.lab.host.run(program, "-A", "INPUT", "-p", icmp, "-j", "ACCEPT")
        if with_extension:
            node.lab.host.run(program, "-A", "INPUT", "-m", "limit", "-j", "LOG")
        node.lab.host.run(program, "-P", "INPUT", "DROP")
    if with_extension:
        with pytest.raises(ConflictError, match="It belongs to iptables: run `iptables -A INPUT -m mark") as caught:
            node.lab.converge(RULES)
        for command in re.findall("run `(ip6?tables) ([^`]*)`", str(caught.value)):
            node.lab.host.run(f"{command[0]}-nft", *command[1].split())
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == ["ally"]
    for program, _icmp, _source in programs:
        node.lab.host.run(program, "-P", "INPUT", "ACCEPT")


# Effective drops that are not reported: rules for some sources each, elements of a set, and drops of replies.
UNSEEN = {
    "bans of all sources": (
        "\n".join(f"{family} saddr {address} drop" for family, address in (
            ("ip", "10.0.1.2"), ("ip", "10.0.2.2"), ("ip6", "fd00:1::2"), ("ip6", "fd00:2::2"))),
        "",
    ),
    "a set of all sources": ("ip saddr @all4 drop\nip6 saddr @all6 drop", ""),
    "replies": ("", "tcp sport 8001 drop\nudp sport 7946 drop"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSEEN)
def test_drops_that_are_not_reported_are_effective(node, case):
    inbound, outbound = UNSEEN[case]
    load(node.lab, ("", "filter", "drop", "", None))
    node.lab.run_nft("".join(f"add set inet filter {name} {{ type {kind}; elements = {{ {elements} }}; }}\n" for name, kind, elements in (
        ("all4", "ipv4_addr", "10.0.1.2, 10.0.2.2"), ("all6", "ipv6_addr", "fd00:1::2, fd00:2::2"))))  # fmt: skip
    node.lab.run_nft("add chain inet filter output { type filter hook output priority 0; }")
    node.lab.run_nft("".join(f"insert rule inet filter input {line}\n" for line in inbound.splitlines()))
    node.lab.run_nft("".join(f"add rule inet filter output {line}\n" for line in outbound.splitlines()))
    assert node.lab.converge(RULES).conflicts == ()
    listener = node.lab.open_listener(8001)
    assert [name for name in ("friend", "ally", "outsider") if node.lab.connect(name, listener)] == []
    assert not node.lab.converge(RULES).changed


ENDS = {
    "by protocol": (
        "tcp dport 22 accept\ndrop",
        "udp dport 53 accept\ndrop",
        "meta l4proto tcp jump first\nmeta l4proto udp jump second",
        {"first": ["tcp dport 22 accept", LATE, "drop"], "second": ["udp dport 53 accept", LATE, "drop"]},
    ),
    "by family": (
        "ip saddr 10.0.1.2 drop\ndrop",
        "ip6 saddr fd00:1::2 drop\ndrop",
        "meta nfproto ipv4 goto first\nmeta nfproto ipv6 goto second",
        {"first": ["ip saddr 10.0.1.2 drop", LATE, "drop"], "second": ["ip6 saddr fd00:1::2 drop", LATE, "drop"]},
    ),
    "by a chain and the policy": (
        "tcp dport 22 accept\ndrop",
        "return",
        "meta l4proto tcp jump first\njump second",
        {"first": ["tcp dport 22 accept", LATE, "drop"], "second": ["return"]},
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_each_chain_that_drops_packets_to_a_port_has_the_rule(node, case):
    first, second, last, expected = ENDS[case]
    chains = "".join(f"chain {name} {{\n{rules}\n}}\n" for name, rules in (("first", first), ("second", second)))
    base = f"type filter hook input priority filter; policy drop;\nmeta l4proto {{ icmp, ipv6-icmp }} accept\n{last}"
    node.lab.run_nft(f"table inet filter {{\n{chains}chain input {{\n{base}\n}}\n}}\n")
    assert node.lab.converge(RULES).conflicts == ()
    assert open_from(node.lab) == (["ally"] if case == "by family" else ["friend", "ally"])
    assert {name: list_chain(node.lab, name) for name in ("first", "second")} == expected
    assert (list_chain(node.lab, "input")[-1] == LATE) == (case == "by a chain and the policy")
    assert not node.lab.converge(RULES).changed


def test_ineffective_rules_are_warnings(node):
    load(node.lab, ("", "filter", "drop", """tcp dport 8001 limit rate 1/minute accept
        tcp dport 443 limit rate 1/minute accept
        tcp dport 8001 limit rate over 100/second drop
        meta l4proto tcp drop
        ip saddr 10.0.1.2 udp dport 7946 drop
        ip saddr 10.0.1.2 udp dport 53 drop""", None))  # fmt: skip
    found = node.lab.converge(RULES).conflicts
    assert [(rule.certain, rule.where, rule.reason.partition(" # ")[0], rule.ports) for rule in found] == [
        (False, "nftables chain inet filter input", rule, (port,))
        for rule, port in (
            ("`ip saddr 10.0.1.2 udp dport 7946 drop", "udp 7946 at every address"),
            ("`tcp dport 8001 limit rate 1/minute accept", "tcp 8001 at every address"),
        )
    ]
    assert not node.lab.converge(RULES).changed
